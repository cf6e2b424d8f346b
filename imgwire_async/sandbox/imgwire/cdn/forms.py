"""Transformations with parts, and the readers of their text and JSON forms."""

from __future__ import annotations

import json
from dataclasses import dataclass

from imgwire_async.sandbox.imgwire.cdn.values import (
    LARGEST_SIDE,
    RefusedError,
    boolean,
    color,
    either,
    form,
    gravity,
    hex_color,
    integer,
    is_object,
    is_true,
    json_object,
    members,
    number,
    parts,
    slots,
    text,
    word,
)
from imgwire_async.sandbox.pictures.color import Color

_side = integer(1, LARGEST_SIDE)
_edge = integer(0, LARGEST_SIDE)
_position = integer(0)
_factor = number(0.01, 10)
_unit = number(0, 1)
_percent = number(0, 100)
_angle = integer()
_sigma = number(0.3, 100)
_blend = text(64)
_BACKGROUND = "background|bg"


@dataclass(frozen=True, slots=True)
class Adjust:
    """Multipliers."""

    brightness: float = 1.0
    saturation: float = 1.0
    color: float = 1.0


@dataclass(frozen=True, slots=True)
class Contrast:
    """Distance from a pivot, multiplied."""

    multiplier: float
    pivot: float = 128.0


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of the source, in its pixels."""

    width: int
    height: int
    x: int | None = None
    y: int | None = None
    gravity: str | None = None
    mode: str | None = None


@dataclass(frozen=True, slots=True)
class Duotone:
    """The colours that black and white become."""

    shadow: Color
    highlight: Color


@dataclass(frozen=True, slots=True)
class Edges:
    """Pixels added at each edge (`extend`, `padding`)."""

    top: int = 0
    right: int = 0
    bottom: int = 0
    left: int = 0
    background: Color | None = None


@dataclass(frozen=True, slots=True)
class Flip:
    """Mirrored upside down, left to right, or both."""

    horizontal: bool
    vertical: bool


@dataclass(frozen=True, slots=True)
class Gradient:
    """Colours laid over the picture; see `overlays.gradient` for the direction."""

    colors: tuple[Color, ...]
    angle: float = 180.0
    opacity: float = 0.5
    blend: str = "over"


@dataclass(frozen=True, slots=True)
class Negate:
    """Inverted, perhaps with its transparency."""

    alpha: bool = False


@dataclass(frozen=True, slots=True)
class Normalize:
    """Percentiles of luminance that become black and white."""

    lower: float = 1.0
    upper: float = 99.0


@dataclass(frozen=True, slots=True)
class Rotate:
    """Degrees clockwise, and the colour of the corners."""

    angle: int
    background: Color | None = None


@dataclass(frozen=True, slots=True)
class Sharpen:
    """Parameters of libvips' sharpening; all None means a mild one."""

    sigma: float | None = None
    m1: float | None = None
    m2: float | None = None
    x1: float | None = None
    y2: float | None = None
    y3: float | None = None


@dataclass(frozen=True, slots=True)
class Zoom:
    """Factor of magnification, and its centre."""

    factor: float
    gravity: str = "center"


adjust = form(
    Adjust, {"brightness": _factor, "saturation": _factor, "color": _factor}, may_be_empty="saturation color"
)
contrast = form(Contrast, {"multiplier": _factor, "pivot": number(0, 255)}, required="multiplier")
duotone = form(
    Duotone,
    {"shadow|shadowColor|shadow_color": color, "highlight|highlightColor|highlight_color": color},
    required="shadow highlight",
)
extend = form(Edges, {"top": _edge, "right": _edge, "bottom": _edge, "left": _edge, _BACKGROUND: color})
rotate = form(Rotate, {"angle": _angle, _BACKGROUND: color}, required="angle")
_sharpen_parts = form(
    Sharpen,
    {"sigma": number(above=0), **dict.fromkeys(("m1", "m2", "x1", "y2", "y3"), number(0, 1_000_000))},
    in_text="sigma",
)
zoom = form(Zoom, {"factor": number(1, 10), "gravity": gravity}, required="factor")


def blur(value: str) -> float:
    """`true`, which is a mild blur, or a sigma in pixels."""
    return 2.0 if is_true(value) else _sigma(value)


def crop(value: str) -> Crop:
    """`w:h[:gravity]`, `x:y:w:h[:gravity]`, or an object."""
    modes = word("cover", "extract", "attention", "entropy")
    size, corner = {"width": _side, "height": _side}, {"x": _position, "y": _position}
    in_text = "width height gravity" if value.count(":") <= 2 else "x y width height gravity"
    readers = {**size, **corner, "gravity": gravity, "mode": modes}
    return form(Crop, readers, in_text=in_text, required="width height")(value)


def extend_aspect_ratio(value: str) -> float:
    """Width divided by height: a number, `width:height`, or an object with either."""
    side = number(above=0)
    if is_object(value):
        found = json_object(
            value, {"ratio|aspectRatio|aspect_ratio": extend_aspect_ratio, "width": side, "height": side}
        )
        if set(found) == {"ratio"}:
            return float(found["ratio"])
        if set(found) != {"width", "height"}:
            raise RefusedError("an object with ratio, or with width and height")
        return float(found["width"] / found["height"])
    if ":" in value:
        found = slots(value, {"width": side, "height": side})
        if not 0.0001 < found["width"] / found["height"] < 10_000:
            raise RefusedError("a ratio that a picture can have")
        return float(found["width"] / found["height"])
    return number(0.01, LARGEST_SIDE)(value)


def flip(value: str) -> Flip | None:
    """`vertical`, `horizontal`, `both`, the older `horizontal:vertical` in booleans, or an object."""
    if is_object(value) or ":" in value:
        found = {"horizontal": False, "vertical": False}
        found |= parts(value, {"horizontal": boolean, "vertical": boolean})
    else:
        direction = word("vertical", "horizontal", "both")(value)
        found = {name: direction in {name, "both"} for name in ("horizontal", "vertical")}
    return Flip(**found) if True in found.values() else None


def gradient(value: str) -> Gradient:
    """`c1,c2[,…][:angle[:opacity[:blend]]]` or an object."""
    colors = _color_array if is_object(value) else _color_list
    readers = {"colors": colors, "angle": number(-360, 360), "opacity": _unit, "blend": _blend}
    return form(Gradient, readers, may_be_empty="angle opacity", required="colors")(value)


def _color_list(value: str) -> tuple[Color, ...]:
    return tuple(hex_color(part) for part in value.split(","))


def _color_array(value: str) -> tuple[Color, ...]:
    try:
        found = json.loads(value)
    except ValueError:
        found = None
    if not isinstance(found, list) or not found:
        raise RefusedError("an array with at least one colour")
    return tuple(members({"color": item}, {"color": color})["color"] for item in found)


def gravity_of_picture(value: str) -> str:
    """A gravity, or the two-part form `ce:sm`, which stands for `attention`."""
    first, colon, second = value.strip().partition(":")
    if colon and second.lower() == "sm":
        gravity(first)
        return "attention"
    return gravity(value)


def monochrome(value: str) -> Color | bool | None:
    """`true`, a colour of the tint, or `false` for no change."""
    found: Color | bool = either(boolean, color)(value)
    return found or None


def negate(value: str) -> Negate | None:
    """`true`, `false` for no change, or whether alpha is inverted as well."""
    if is_object(value):
        return Negate(**json_object(value, {"alpha": boolean}))
    if value.lower().startswith("alpha:"):
        return Negate(boolean(value.partition(":")[2]))
    return Negate() if boolean(value) else None


def normalize(value: str) -> Normalize | None:
    """A boolean, `lower:upper`, or an object."""
    if is_object(value) or ":" in value:
        found = Normalize(**parts(value, {"lower": _percent, "upper": _percent}))
    else:
        return Normalize() if boolean(value) else None
    if found.lower >= found.upper:
        raise RefusedError("lower:upper with lower below upper")
    return found


def padding(value: str) -> Edges:
    """`all`, `x:y`, `top:x:bottom`, `top:right:bottom:left`, or an object."""
    if is_object(value):
        names = ("all", "x", "y", "top", "right", "bottom", "left")
        found = json_object(value, {**dict.fromkeys(names, _edge), _BACKGROUND: color})
        every = found.get("all", 0)
        x, y = found.get("x", every), found.get("y", every)
        return Edges(
            found.get("top", y),
            found.get("right", x),
            found.get("bottom", y),
            found.get("left", x),
            found.get("background"),
        )
    parts = value.split(":")
    if len(parts) > 4:
        raise RefusedError("1 to 4 whole numbers")
    numbers = [_edge(part) for part in parts]
    match numbers:
        case [every]:
            return Edges(every, every, every, every)
        case [x, y]:
            return Edges(y, x, y, x)
        case [top, x, bottom]:
            return Edges(top, x, bottom, x)
        case _:
            top, right, bottom, left = numbers
            return Edges(top, right, bottom, left)


def sharpen(value: str) -> Sharpen:
    """`true`, a sigma, or an object."""
    return Sharpen() if is_true(value) else _sharpen_parts(value)
