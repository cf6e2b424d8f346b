"""The words and object forms of transformations: types for the caller that carry their kinds.

So each range is written once. An object is an ordinary dict: `Crop(width=400, height=300)` is the same as
`{"width": 400, "height": 300}`. Sizes and offsets are pixels, angles degrees. At least one key must be there;
`Crop` takes `x` and `y` together, `ExtendAspectRatio` either `ratio` or `width` and `height`, and `lower` of
`Normalize` is below `upper`. The vendor's clients disagree on the ranges of `Sharpen`: these are the Python
client's, plus 0 for all but `sigma`.
"""
# ruff: noqa: UP013 - one statement per object form, some with keys that are no Python names
# No `from __future__ import annotations`: `Required` has to be seen at run time.

from collections.abc import Sequence
from typing import Annotated, Literal, Required, TypedDict, cast

from imgwire_async.cdn import kinds as k

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
GRAVITIES = _POINTS | _CORNERS
"""Short gravities and what they stand for."""

OLD_RESIZING_TYPES = {"fit": "inside", "fill-down": "inside", "auto": "inside", "force": "fill"}

size = k.integer(1, 8192)
margin = k.integer(0, 8192)
offset = k.integer()
unit = k.number(0, 1)
tone = k.number(0.01, 10)
blur_sigma = k.number(0.3, 100)
any_angle = k.number(-360, 360)
percentile = k.number(0, 100)
gravity = k.words("Gravity", Gravity, GRAVITIES, "a gravity such as `center`, `northeast` or `attention`")
label = k.text("text", ".+")
watermark_text = k.text("text of 1 to 2048 characters", ".{1,2048}")
image_id = k.text("an image id without `:` and `/`", "[^:/]+")
channel = k.integer(0, 255)
place = k.integer(0)
pivot = k.number(0, 255)
ratio = k.number(0.01, 8192)
factor = k.number(1, 10)
sharpen_sigma = k.number(above_zero=True)

Size = Annotated[int, size]
Margin = Annotated[int, margin]
Offset = Annotated[int, offset]
Place = Annotated[int, place]
Channel = Annotated[int, channel]
Unit = Annotated[float, unit]
Tone = Annotated[float, tone]
Angle = Annotated[float, any_angle]
Percentile = Annotated[float, percentile]
Strength = Annotated[float, k.number(0)]
Flag = Annotated[bool, k.flag]
Label = Annotated[str, label]
Anchor = Annotated[Gravity, gravity]

RGB = TypedDict(
    "RGB",
    {"r": Required[Channel], "g": Required[Channel], "b": Required[Channel], "alpha": Unit},
    total=False,
)


def joined(*parts: object) -> str:
    """The colon form of the parts that are there."""
    return ":".join(k.render(part) for part in parts if part is not None)


color = (
    k.form(RGB, lambda r, g, b, alpha=None: joined(r, g, b, alpha))
    | k.hex_color
    | k.slots("r:g:b[:alpha]", channel, channel, channel, unit)
)


def _read_json_color(value: object, strict: bool) -> object:
    # Inside JSON a hex colour has its `#`, and any other is an object.
    parts = str(color.read(value, strict)).split(":")
    if len(parts) == 1:
        return f"#{parts[0]}"
    return {
        key: k.number().read(part, strict) for key, part in zip(("r", "g", "b", "alpha"), parts, strict=False)
    }


def _read_colors(value: object, strict: bool) -> list[object]:
    if type(value) not in (list, tuple) or not value:
        raise k.RefusedError(f"a list of colours, each {color.allowed}")
    return [_read_json_color(item, strict) for item in cast("Sequence[object]", value)]


def _read_hex_list(value: object, strict: bool) -> str:
    return ",".join(k.hex_color.read(item, strict) for item in (k.stripped(value) or "").split(","))


hex_list = k.Kind("hex colours with commas between", ("str",), _read_hex_list)
Color = str | RGB
JsonColor = Annotated[Color, k.Kind(color.allowed, ("Color",), _read_json_color)]
Colors = Annotated[Sequence[Color], k.Kind("a list of colours", ("Sequence[Color]",), _read_colors)]

Adjust = TypedDict("Adjust", {"brightness": Tone, "saturation": Tone, "color": Tone}, total=False)
Pivot = Annotated[float, pivot]
Contrast = TypedDict("Contrast", {"multiplier": Required[Tone], "pivot": Pivot}, total=False)
Mode = Annotated[CropMode, k.words("CropMode", CropMode)]
Crop = TypedDict(
    "Crop",
    {
        "width": Required[Size],
        "height": Required[Size],
        "x": Place,
        "y": Place,
        "gravity": Anchor,
        "mode": Mode,
    },
    total=False,
)
Duotone = TypedDict("Duotone", {"shadowColor": JsonColor, "highlightColor": JsonColor})
Extend = TypedDict(
    "Extend",
    {"top": Margin, "right": Margin, "bottom": Margin, "left": Margin, "background": JsonColor},
    total=False,
)
Ratio = Annotated[float, ratio]
ExtendAspectRatio = TypedDict(
    "ExtendAspectRatio", {"ratio": Ratio, "width": Size, "height": Size}, total=False
)
Flip = TypedDict("Flip", {"horizontal": Flag, "vertical": Flag}, total=False)
Gradient = TypedDict(
    "Gradient", {"colors": Required[Colors], "angle": Angle, "opacity": Unit, "blend": Label}, total=False
)
Negate = TypedDict("Negate", {"alpha": Flag})
Normalize = TypedDict("Normalize", {"lower": Percentile, "upper": Percentile})
Padding = TypedDict(
    "Padding",
    {
        "all": Margin,
        "x": Margin,
        "y": Margin,
        "top": Margin,
        "right": Margin,
        "bottom": Margin,
        "left": Margin,
    },
    total=False,
)
Rotate = TypedDict("Rotate", {"angle": Required[Offset], "background": JsonColor}, total=False)
Sigma = Annotated[float, sharpen_sigma]
Sharpen = TypedDict(
    "Sharpen",
    {"sigma": Sigma, "m1": Strength, "m2": Strength, "x1": Strength, "y2": Strength, "y3": Strength},
    total=False,
)


class Placement(TypedDict, total=False):
    """Where an overlay lies, counted from the gravity anchor, and how it is mixed in."""

    gravity: Anchor
    x: Offset
    y: Offset
    opacity: Unit
    blend: Label


class Watermark(Placement, total=False):
    """An image of the same organization and Environment as overlay."""

    image_id: Required[Annotated[str, image_id]]


class WatermarkPosition(Placement, total=False):
    """Placement of any overlay, at least one key."""

    left: Offset
    top: Offset


class WatermarkText(WatermarkPosition, total=False):
    """Text of 1 to 2048 characters as overlay."""

    text: Required[Annotated[str, watermark_text]]
    font: Label
    size: Size
    color: JsonColor
    width: Size
    height: Size


Blur = Annotated[float, blur_sigma]
WatermarkShadow = TypedDict(
    "WatermarkShadow", {"color": JsonColor, "blur": Blur, "x": Offset, "y": Offset}, total=False
)
WatermarkSize = TypedDict("WatermarkSize", {"width": Size, "height": Size, "scale": Tone}, total=False)
Factor = Annotated[float, factor]
Zoom = TypedDict("Zoom", {"factor": Required[Factor], "gravity": Anchor}, total=False)
