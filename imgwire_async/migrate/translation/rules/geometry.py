"""Region, size, fit and what depends on them: read together, as each changes what the others mean."""

from __future__ import annotations

from fractions import Fraction

from imgwire_async.migrate.translation.rules.frames import focal_region, padded, place
from imgwire_async.migrate.translation.rules.orientation import turn_source
from imgwire_async.migrate.translation.rules.state import State
from imgwire_async.migrate.translation.rules.values import (
    FARTHEST,
    LARGEST_SIDE,
    fraction,
    half_up,
    number,
    written,
)

_NEEDS_SOURCE = "needs the size of the source"
_FITS = {  # fit: resizing_type with both sides, enlarge
    "clip": ("inside", "true"),
    "max": ("inside", "false"),
    "crop": ("cover", "true"),
    "min": ("cover", "false"),
    "scale": ("fill", "true"),
    "fill": ("contain", "true"),
    "fillmax": ("contain", "false"),
    "clamp": ("contain", "true"),
    "facearea": ("cover", "true"),
}
_BOUNDS = ("max-w", "min-w", "max-h", "min-h")
_SIZES = ("w", "h", "ar", *_BOUNDS)


def size(state: State) -> None:
    """Translate region, sides, aspect ratio, bounds, padding, `fit` and `crop`."""
    given = state.given
    if "orient" in given:
        turn_source(state)
    offset = _region(state) if "rect" in given else (0, 0)
    width = _side(state, "w", state.width) if "w" in given else None
    height = _side(state, "h", state.height) if "h" in given else None
    fit = _fit(state) if "fit" in given else "clip"
    unenlarged = False
    extended = False
    if "ar" in given:
        framed = width is None and height is None
        width, height, extended = _aspect_ratio(state, fit, width, height)
        unenlarged = framed and width is not None
    if not given.keys().isdisjoint(_BOUNDS):
        width, height = _bounds(state, fit, width, height)
    sized = width is not None or height is not None
    # A size that is asked for but unknown has an effect on imgix, and so has what goes with it.
    open_size = any(found.name in _SIZES for found in state.unsupported)
    state.asked = (width, height)
    state.fit = fit if sized or extended else ""
    if "fit" in given:
        if sized:
            _report_fit(state, fit, both=width is not None and height is not None)
        elif not extended and not open_size:
            state.ignores("fit", "only with w or h")
    if "dpr" in given and (sized or not open_size):
        _density(state)
    width, height = padded(state, width, height)
    if sized:
        width, height = _resize(state, fit, width, height, offset, unenlarged=unenlarged)
    for name in ("crop", "fp-x", "fp-y", "fp-z", "fp-debug"):
        if name in given and not (fit == "crop" and ((width and height) or open_size)):
            state.ignores(name, "only with fit=crop" if name == "crop" else "only with crop=focalpoint")
    for name in ("facepad", "faceindex"):
        if name in given:
            if state.fit == "facearea":
                state.lacks(name, "no face detection")
            else:
                state.ignores(name, "only with fit=facearea")


def _region(state: State) -> tuple[int, int]:
    """`rect` as `crop`. The rest then sees the region as the source; the result is where it begins."""
    parts = [part.strip().lower() for part in state.given["rect"].split(",")]
    if len(parts) != 4:
        state.approximates("rect", "not four parts: left out")
        return 0, 0
    found: list[int] = []
    rounded = False
    # The sides come first: keywords for the start count from them.
    for index in (2, 3, 0, 1):
        part, side = parts[index], (state.height if index % 2 else state.width)
        value = fraction(part)
        keyword = _START_WORDS[index].get(part) if index < 2 else (Fraction(1) if part == "full" else None)
        if keyword is None and value is None:
            state.approximates("rect", "neither numbers nor keywords: left out")
            return 0, 0
        share = value is not None and "." in part and 0 <= value <= 1
        if (keyword is not None or share) and side is None:
            state.lacks("rect", _NEEDS_SOURCE)
            return 0, 0
        if keyword is not None and side is not None:
            room = side - found[index] if index < 2 else side
            exact = keyword * max(room, 0)
        elif share and value is not None and side is not None:
            exact = value * side
        else:
            exact = value or Fraction(0)
            rounded |= exact.denominator != 1
        pixels = half_up(exact)
        found.append(max(pixels, 1) if index >= 2 and exact > 0 else pixels)
    width, height, x, y = found
    if width <= 0 or height <= 0:
        state.approximates("rect", "not a region: left out")
        return 0, 0
    outside = (state.width is not None and x >= state.width) or (
        state.height is not None and y >= state.height
    )
    if x < 0 or y < 0 or outside:
        state.lacks("rect", "starts outside the source")
        return 0, 0
    width = width if state.width is None else min(width, state.width - x)
    height = height if state.height is None else min(height, state.height - y)
    if width > LARGEST_SIDE or height > LARGEST_SIDE or x > FARTHEST or y > FARTHEST:
        state.lacks("rect", f"a region over {LARGEST_SIDE} pixels")
        return 0, 0
    if rounded:
        state.approximates("rect", "rounded to whole pixels")
    state.out["crop"] = f"{x}:{y}:{width}:{height}"
    state.width, state.height = width, height
    return x, y


_HALF = Fraction(1, 2)
_START_WORDS = (
    {"left": Fraction(0), "center": _HALF, "right": Fraction(1)},
    {"top": Fraction(0), "middle": _HALF, "bottom": Fraction(1)},
)


def _side(state: State, name: str, source: int | None) -> int | None:
    """A side in pixels. Up to 1 it is a share of the source."""
    text = state.given[name]
    value = number(text)
    if value is None or value <= 0:
        state.approximates(name, "not a size: left out")
        return None
    if value <= 1:
        if source is None:
            state.lacks(name, "a share needs the size of the source")
            return None
        value = max(half_up((fraction(text) or 0) * source), 1)
    if value > LARGEST_SIDE:
        state.approximates(name, f"limited to {LARGEST_SIDE}")
        return LARGEST_SIDE
    if not isinstance(value, int):
        state.approximates(name, "rounded to a whole pixel")
        return half_up(value)
    return value


def _fit(state: State) -> str:
    return state.given["fit"].partition(",")[0].strip().lower()


def _report_fit(state: State, fit: str, *, both: bool) -> None:
    if "," in state.given["fit"]:
        state.approximates("fit", "only the first of several is taken")
    if fit not in _FITS:
        state.approximates("fit", "unknown value: clip is taken")
    elif fit == "facearea":
        state.approximates("fit", "facearea: the region that attracts attention instead")
    elif fit == "clamp" and both:
        state.approximates("fit", "clamp: bars instead of stretched edge pixels")


def _aspect_ratio(
    state: State, fit: str, width: int | None, height: int | None
) -> tuple[int | None, int | None, bool]:
    """The sides with the one that `ar` gives, and whether the canvas is extended instead."""
    if fit not in ("crop", "fill"):
        state.ignores("ar", "only with fit=crop or fit=fill")
        return width, height, False
    if width is not None and height is not None:
        state.ignores("ar", "both sides are given")
        return width, height, False
    first, _, second = state.given["ar"].partition(":")
    across, down = fraction(first), fraction(second)
    if across is None or down is None or across <= 0 or down <= 0:
        state.approximates("ar", "not W:H: left out")
        return width, height, False
    if width is not None:
        return width, _derived(state, width * down / across), False
    if height is not None:
        return _derived(state, height * across / down), height, False
    if fit == "fill":
        if not all(Fraction(1, 100) <= part <= LARGEST_SIDE for part in (across, down)):
            state.approximates("ar", "out of range: left out")
            return None, None, False
        numbers = (int(part) if part.denominator == 1 else float(part) for part in (across, down))
        state.out["extend_aspect_ratio"] = ":".join(map(written, numbers))
        state.approximates(
            "ar", "the canvas is extended; imgix fits picture and canvas into the size of the source"
        )
        return None, None, True
    if state.width is None or state.height is None:
        state.lacks("ar", _NEEDS_SOURCE)
        return None, None, False
    if state.width * down <= state.height * across:
        frame = (Fraction(state.width), state.width * down / across)
    else:
        frame = (state.height * across / down, Fraction(state.height))
    if max(frame) > LARGEST_SIDE:
        state.approximates("ar", f"limited to {LARGEST_SIDE}")
        shrink = LARGEST_SIDE / max(frame)
        frame = (frame[0] * shrink, frame[1] * shrink)
    return max(half_up(frame[0]), 1), max(half_up(frame[1]), 1), False


def _derived(state: State, exact: Fraction) -> int:
    side = max(half_up(exact), 1)
    if side > LARGEST_SIDE:
        state.approximates("ar", f"limited to {LARGEST_SIDE}")
    return min(side, LARGEST_SIDE)


def _bounds(state: State, fit: str, width: int | None, height: int | None) -> tuple[int | None, int | None]:
    """The sides within their bounds. A side that the other gives is written as well when bounded."""
    names = [name for name in _BOUNDS if name in state.given]
    if fit != "crop":
        for name in names:
            state.ignores(name, "only with fit=crop")
        return width, height
    free = width is None and height is None
    known = state.width is not None and state.height is not None
    natural_width, natural_height = width, height
    if state.width is not None and state.height is not None:
        if free:
            natural_width, natural_height = state.width, state.height
        elif width is None and height is not None:
            natural_width = max(half_up(Fraction(height * state.width, state.height)), 1)
        elif height is None and width is not None:
            natural_height = max(half_up(Fraction(width * state.height, state.width)), 1)
    natural = {"w": natural_width, "h": natural_height}
    reached = set()
    for name in names:
        axis = name[-1]
        bound = state.whole(name, 1, LARGEST_SIDE)
        side = natural[axis]
        if bound is None:
            continue
        if side is None:
            state.lacks(name, _NEEDS_SOURCE)
        elif side > bound if name.startswith("max") else side < bound:
            natural[axis] = bound
            reached.add(axis)
        else:
            state.ignores(name, "the bound is not reached")
    if free and known and reached:
        return min(natural["w"] or 1, LARGEST_SIDE), min(natural["h"] or 1, LARGEST_SIDE)
    return (
        natural["w"] if width is not None or "w" in reached else None,
        natural["h"] if height is not None or "h" in reached else None,
    )


def _density(state: State) -> None:
    value = number(state.given["dpr"])
    sides = [side for side in state.asked if side is not None]
    if not sides:
        state.ignores("dpr", "only with w or h")
    elif value is None or value <= 0:
        state.approximates("dpr", "not a pixel ratio: left out")
    else:
        limited = min(max(value, 0.01), 5)
        if limited != value:
            state.approximates("dpr", f"limited to {limited}")
        elif max(sides) * value > LARGEST_SIDE:
            state.approximates("dpr", f"the result is over {LARGEST_SIDE} pixels")
        text = written(limited)
        if text != "1":
            state.out["dpr"] = text


def _resize(
    state: State,
    fit: str,
    width: int | None,
    height: int | None,
    offset: tuple[int, int],
    *,
    unenlarged: bool,
) -> tuple[int | None, int | None]:
    """Write the size as `fit` has it; the sides that were written."""
    resizing_type, enlarge = _FITS.get(fit, _FITS["clip"])
    source = None if state.width is None or state.height is None else (state.width, state.height)
    if fit == "fillmax" and (width is None) != (height is None):
        width, height = _bars(state, width, height, source)
    if fit == "min" and width is not None and height is not None:
        if source is None:
            state.approximates("fit", "min: differs if the source is smaller than requested")
        else:
            shrink = min(Fraction(1), Fraction(source[0], width), Fraction(source[1], height))
            width, height = max(int(width * shrink), 1), max(int(height * shrink), 1)
    out = state.out
    out["enlarge"] = "false" if unenlarged else enlarge
    if width is not None:
        out["width"] = str(width)
    if height is not None:
        out["height"] = str(height)
    if width is not None and height is not None:
        out["resizing_type"] = resizing_type
        if fit == "crop":
            _gravity(state, width, height, source, offset)
        elif resizing_type == "cover":
            out["gravity"] = "attention" if fit == "facearea" else "center"
    return width, height


def _bars(
    state: State, width: int | None, height: int | None, source: tuple[int, int] | None
) -> tuple[int | None, int | None]:
    """Both sides of the canvas of `fillmax` if the source is smaller than the one side asked for."""
    if source is None:
        state.approximates("fit", "fillmax with one side: no bars if the source is smaller")
    elif width is not None and width > source[0]:
        return width, min(max(half_up(Fraction(width * source[1], source[0])), 1), LARGEST_SIDE)
    elif height is not None and height > source[1]:
        return min(max(half_up(Fraction(height * source[0], source[1])), 1), LARGEST_SIDE), height
    return width, height


def _gravity(
    state: State, width: int, height: int, source: tuple[int, int] | None, offset: tuple[int, int]
) -> None:
    found = place(state)
    if found.focal:
        focal_region(state, width, height, source, offset)
    else:
        state.out["gravity"] = found.gravity
        for name in ("fp-x", "fp-y", "fp-z", "fp-debug"):
            if name in state.given:
                state.ignores(name, "only with crop=focalpoint")
