"""Which part of the picture stays (`crop`, focal point), and what is put around it (`pad`, `border`)."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from imgwire_async.migrate.translation.rules.state import State
from imgwire_async.migrate.translation.rules.values import (
    LARGEST_SIDE,
    color,
    compass,
    fraction,
    half_up,
    switch,
    words,
    written,
)

_ALGORITHMS = {
    "faces": ("attention", "faces: the region that attracts attention instead"),
    "entropy": ("entropy", "entropy: another algorithm"),
    "edges": ("entropy", "edges: entropy instead"),
    "focalpoint": ("", ""),
}
_EDGES = ("top", "right", "bottom", "left")
_GREATEST_ZOOM = 10


class Place(NamedTuple):
    """What `crop` asks for."""

    gravity: str
    focal: bool = False


def place(state: State) -> Place:
    """Read `crop`. The first algorithm wins; directions are its fallback, and count where there is none."""
    parts = words(state.given.get("crop", ""))
    algorithm = next((part for part in parts if part in _ALGORITHMS), None)
    found = compass([part for part in parts if part not in _ALGORITHMS])
    for word in found.unknown:
        state.approximates("crop", f"unknown value {word}: left out")
    if algorithm == "focalpoint":
        return Place("", focal=True)
    if algorithm is not None:
        gravity, difference = _ALGORITHMS[algorithm]
        state.approximates("crop", difference)
        return Place(gravity)
    if found.contradiction:
        state.approximates("crop", "opposite directions: the first is taken")
    return Place(found.gravity)


def focal_region(
    state: State, width: int, height: int, source: tuple[int, int] | None, offset: tuple[int, int]
) -> None:
    """Cut the window around the focal point, which stops at the edges; without a known size, a gravity."""
    x = _bounded(state, "fp-x", Fraction(1, 2), 0, 1)
    y = _bounded(state, "fp-y", Fraction(1, 2), 0, 1)
    zoom = _bounded(state, "fp-z", Fraction(1), 1, 100)
    if "fp-debug" in state.given and switch(state.given["fp-debug"]) is not False:
        state.lacks("fp-debug", "no marks of the focal point")
    if zoom != 1:
        state.approximates("fp-z", "the scale of imgix is not published")
    out = state.out
    if source is None:
        third = Fraction(1, 3)
        vertical = "north" if y < third else "south" if y > 2 * third else ""
        horizontal = "west" if x < third else "east" if x > 2 * third else ""
        out["gravity"] = vertical + horizontal or "center"
        state.approximates(
            "crop", "focalpoint: the nearest of nine places, as the size of the source is not known"
        )
        if zoom > 1:
            out["zoom"] = f"{written(float(min(zoom, Fraction(_GREATEST_ZOOM))))}:{out['gravity']}"
        return
    out["gravity"] = "center"
    scale = max(Fraction(width, source[0]), Fraction(height, source[1]))
    across = max(half_up(min(Fraction(source[0]), width / scale) / zoom), 1)
    down = max(half_up(min(Fraction(source[1]), height / scale) / zoom), 1)
    if across > LARGEST_SIDE or down > LARGEST_SIDE:
        state.lacks("crop", f"focalpoint: a region over {LARGEST_SIDE} pixels")
        return
    left = min(max(half_up(x * source[0] - Fraction(across, 2)), 0), source[0] - across)
    top = min(max(half_up(y * source[1] - Fraction(down, 2)), 0), source[1] - down)
    out["crop"] = f"{left + offset[0]}:{top + offset[1]}:{across}:{down}"


def _bounded(state: State, name: str, default: Fraction, low: int, high: int) -> Fraction:
    if name not in state.given:
        return default
    found = fraction(state.given[name])
    if found is None:
        state.approximates(name, "not a number: left out")
        return default
    if not low <= found <= high:
        state.approximates(name, f"limited to {low} to {high}")
    return min(max(found, Fraction(low)), Fraction(high))


def padded(state: State, width: int | None, height: int | None) -> tuple[int | None, int | None]:
    """Write padding and border, and return the sides that are left for the picture between them."""
    given = state.given
    if not any(name.startswith(("pad", "border")) for name in given):
        return width, height
    multiplied = "dpr" in state.out
    names = [name for name in ("pad", *(f"pad-{edge}" for edge in _EDGES)) if name in given]
    if names:
        sides = _widths(state, "pad", given.get("pad"))
        room = _room(width, height, sides)
        if not any(sides):
            for name in names:
                if not any(found.name == name for found in state.approximate):
                    state.ignores(name, "0 changes nothing")
        elif room is None:
            state.lacks(names[0], "leaves no room for the picture")
        else:
            width, height = room
            state.out["padding"] = str(sides[0]) if len(set(sides)) == 1 else ":".join(map(str, sides))
            if multiplied:
                for name in names:
                    state.approximates(name, "whether imgix multiplies it by dpr is not published")
    return _bordered(state, width, height)


def _bordered(state: State, width: int | None, height: int | None) -> tuple[int | None, int | None]:
    """`padded` for the border, which is drawn inside of the padding."""
    edges = [name for name in (f"border-{edge}" for edge in _EDGES) if name in state.given]
    if "border" not in state.given:
        for name in edges:
            state.ignores(name, "only with border")
        return width, height
    thickness, comma, name_of_color = state.given["border"].partition(",")
    paint = color(name_of_color)
    if not comma or paint is None or fraction(thickness) is None:
        state.approximates("border", "not a width and a colour: left out")
        return width, height
    sides = _widths(state, "border", thickness)
    room = _room(width, height, sides)
    if not any(sides):
        state.ignores("border", "0 changes nothing")
    elif room is None:
        state.lacks("border", "leaves no room for the picture")
    else:
        width, height = room
        state.out["extend"] = f"{':'.join(map(str, sides))}:{paint.rgb}"
        state.approximates(
            "border",
            "drawn around the picture, which becomes smaller; the exact place is not published",
        )
    return width, height


def _widths(state: State, name: str, general: str | None) -> tuple[int, ...]:
    """Widths at the top, right, bottom and left; those of one side take precedence."""
    default = 0 if general is None else _width(state, name, general) or 0
    sides = []
    for edge in _EDGES:
        of_edge = f"{name}-{edge}"
        found = _width(state, of_edge, state.given[of_edge]) if of_edge in state.given else None
        sides.append(default if found is None else found)
    return tuple(sides)


def _width(state: State, name: str, text: str) -> int | None:
    exact = fraction(text)
    if exact is None or exact < 0:
        state.approximates(name, "not a width: left out")
        return None
    if exact > LARGEST_SIDE:
        state.approximates(name, f"limited to {LARGEST_SIDE}")
    elif exact.denominator != 1:
        state.approximates(name, "rounded to a whole pixel")
    return min(half_up(exact), LARGEST_SIDE)


def _room(
    width: int | None, height: int | None, sides: tuple[int, ...]
) -> tuple[int | None, int | None] | None:
    """The sides without what is put around; None if nothing is left."""
    top, right, bottom, left = sides
    inner_width = None if width is None else width - left - right
    inner_height = None if height is None else height - top - bottom
    if (inner_width is not None and inner_width < 1) or (inner_height is not None and inner_height < 1):
        return None
    return inner_width, inner_height
