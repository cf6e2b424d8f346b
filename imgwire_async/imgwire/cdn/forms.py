"""The words and object forms of transformations: types for callers that carry their validation.

So each range is written once. An object is an ordinary dict: `Crop(width=400, height=300)` is the same as
`{"width": 400, "height": 300}`. Sizes and offsets are pixels, angles degrees. At least one key must be there;
`Crop` takes `x` and `y` together, `ExtendAspectRatio` either `ratio` or `width` and `height`, and `lower` of
`Normalize` is below `upper`. The vendor's clients disagree on the ranges of `Sharpen`: these are the Python
client's, plus 0 for all but `sigma`.
"""
# ruff: noqa: UP013 - one statement per short object form
# No `from __future__ import annotations`: `Required` has to be seen at run time.

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, NotRequired, Required, TypedDict

from imgwire_async.imgwire.cdn import kinds as k

Preset = Literal["thumbnail", "small", "medium", "large"]
Format = Literal["auto", "jpg", "jpeg", "png", "webp", "avif", "gif", "tiff"]
Compass = Literal["north", "south", "east", "west", "northeast", "northwest", "southeast", "southwest"]
CompassPoint = Literal["n", "no", "s", "so", "e", "ea", "w", "we"]
CompassCorner = Literal["ne", "noea", "nw", "nowe", "se", "soea", "sw", "sowe"]
Gravity = Literal["ce", "center", "attention", "entropy", Compass, CompassPoint, CompassCorner]
CropMode = Literal["cover", "extract", "attention", "entropy"]
ResizingType = Literal["cover", "contain", "fill", "inside", "outside"]
ResizingAlgorithm = Literal["nearest", "cubic", "mitchell", "lanczos2", "lanczos3"]
ColorProfile = Literal["srgb", "rgb16", "cmyk", "keep", "preserve"]
ChromaSubsampling = Literal["4:4:4", "4:2:2", "auto"]
FlipDirection = Literal["vertical", "horizontal", "both"]

_POINTS = {"n": "north", "s": "south", "e": "east", "w": "west"}
_POINTS |= {name[:2]: name for name in _POINTS.values()}
_CORNERS = {ns + ew: _POINTS[ns] + _POINTS[ew] for ns, ew in ("ne", "nw", "se", "sw")}
_CORNERS |= {corner[:2] + corner[5:7]: corner for corner in _CORNERS.values()}
_OFTEN = "a gravity such as `center`, `northeast` or `attention`"

Anchor = Annotated[Gravity, k.words(Gravity, _POINTS | _CORNERS, _OFTEN)]
Size = Annotated[int, k.integer(1, 8192)]
Margin = Annotated[int, k.integer(0, 8192)]
Offset = Annotated[int, k.integer()]
Place = Annotated[int, k.integer(0)]
Channel = Annotated[int, k.integer(0, 255)]
Pivot = Annotated[float, k.number(0, 255)]
Unit = Annotated[float, k.number(0, 1)]
Tone = Annotated[float, k.number(0.01, 10)]
Factor = Annotated[float, k.number(1, 10)]
Blur = Annotated[float, k.number(0.3, 100)]
Angle = Annotated[float, k.number(-360, 360)]
Percentile = Annotated[float, k.number(0, 100)]
Ratio = Annotated[float, k.number(0.01, 8192)]
Sigma = Annotated[float, k.number(math.ulp(0), allowed="a number above 0")]
Strength = Annotated[float, k.number(0)]
Flag = Annotated[bool, k.flag]
Label = Annotated[str, k.text("text", ".+")]
ImageId = Annotated[str, k.text("an image id without `:` and `/`", "[^:/]+")]
OverlayText = Annotated[str, k.text("text of 1 to 2048 characters", ".{1,2048}")]

RGB = TypedDict("RGB", {"r": Channel, "g": Channel, "b": Channel, "alpha": NotRequired[Unit]})
color = k.one_of(RGB, k.hex_color, "r:g:b[:alpha]", finish=k.joined)
_part = k.number()


def _read_json_color(value: Any, strict: bool) -> object:  # noqa: ANN401 - plain data of any shape
    # Inside JSON a hex colour keeps its `#`, and any other colour is an object.
    found: str = color.read(value, strict)
    if ":" not in found:
        return f"#{found}"
    parts = zip(RGB.__annotations__, found.split(":"), strict=False)
    return {key: _part.read(part, strict) for key, part in parts}


def _read_colors(value: Any, strict: bool) -> list[object]:  # noqa: ANN401 - plain data of any shape
    if type(value) is not list or not value:
        raise k.RefusedError(f"a list of colours, each {color.allowed}")
    return [_json_color(item, strict) for item in value]


def _read_hex_list(value: object, strict: bool) -> str:
    items = value.split(",") if isinstance(value, str) else [value]
    return ",".join(k.hex_color(item, strict) for item in items)


_json_color = k.Kind(color.allowed, _read_json_color, color.types, slot=k.hex_color)
_hex_list = k.Kind("hex colours with commas between", _read_hex_list, (str,))
Color = str | RGB
JsonColor = Annotated[Color, _json_color]
Colors = Annotated[Sequence[Color], k.Kind("a list of colours", _read_colors, (), slot=_hex_list)]
BoxSide = Annotated[int, replace(k.integer(1, 8192), slot=k.number(0.01, 8192))]

Adjust = TypedDict("Adjust", {"brightness": Tone, "saturation": Tone, "color": Tone}, total=False)
Contrast = TypedDict("Contrast", {"multiplier": Tone, "pivot": NotRequired[Pivot]})
Duotone = TypedDict("Duotone", {"shadowColor": JsonColor, "highlightColor": JsonColor})
ExtendAspectRatio = TypedDict(
    "ExtendAspectRatio", {"ratio": Ratio, "width": BoxSide, "height": BoxSide}, total=False
)
Flip = TypedDict("Flip", {"horizontal": Flag, "vertical": Flag}, total=False)
Negate = TypedDict("Negate", {"alpha": Flag})
Normalize = TypedDict("Normalize", {"lower": Percentile, "upper": Percentile})
Rotate = TypedDict("Rotate", {"angle": Offset, "background": NotRequired[JsonColor]})
Sides = TypedDict("Sides", {"top": Margin, "right": Margin, "bottom": Margin, "left": Margin}, total=False)
WatermarkSize = TypedDict("WatermarkSize", {"width": Size, "height": Size, "scale": Tone}, total=False)
Zoom = TypedDict("Zoom", {"factor": Factor, "gravity": NotRequired[Anchor]})


class Crop(TypedDict):
    """A region of the source."""

    width: Size
    height: Size
    x: NotRequired[Place]
    y: NotRequired[Place]
    gravity: NotRequired[Anchor]
    mode: NotRequired[CropMode]


class Extend(Sides, total=False):
    """Canvas added on each side."""

    background: JsonColor


class Padding(Sides, total=False):
    """Space on every side, on two opposite ones, or on each."""

    all: Margin
    x: Margin
    y: Margin


class Gradient(TypedDict, total=False):
    """Colours blended over the picture."""

    colors: Required[Colors]
    angle: Angle
    opacity: Unit
    blend: Label


class Sharpen(TypedDict, total=False):
    """Settings of the sharpening."""

    sigma: Sigma
    m1: Strength
    m2: Strength
    x1: Strength
    y2: Strength
    y3: Strength


class Placement(TypedDict, total=False):
    """The position of an overlay, relative to the gravity anchor, and how it is blended."""

    gravity: Anchor
    x: Offset
    y: Offset
    opacity: Unit
    blend: Label


class Watermark(Placement):
    """An image of the same organization and Environment as overlay."""

    image_id: ImageId


class WatermarkPosition(Placement, total=False):
    """Placement of any overlay, at least one key."""

    left: Offset
    top: Offset


class WatermarkText(WatermarkPosition, total=False):
    """Text of 1 to 2048 characters as overlay."""

    text: Required[OverlayText]
    font: Label
    size: Size
    color: JsonColor
    width: Size
    height: Size


class WatermarkShadow(TypedDict, total=False):
    """The shadow of an overlay."""

    color: JsonColor
    blur: Blur
    x: Offset
    y: Offset
