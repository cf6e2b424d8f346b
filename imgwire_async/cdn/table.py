"""The table of transformations, one row each: parsing, validation, documentation and types derive from it.

Adding a transformation is adding a row, and its line of `keywords.py`, which a test compares with the table.
Where the vendor's clients disagree, a row takes the reading that keeps the caller's meaning:

- Empty slots of colon forms stay. Dropping one would turn an x offset into a gravity (`abc::1:2`).
- The number 1 is a sigma for `blur` and `sharpen`, and true where only true and false are possible.
- An object is written as JSON, with sorted keys, whole numbers without `.0` and text as UTF-8; unless its
  text form says the same: colours, `extend_aspect_ratio`, `flip`, `negate`, `normalize`, `zoom`.
- Nothing is added: `crop=400:300` gets no gravity, and a crop object no mode. A lone `x` or `y` is refused.
- A float without a fraction is an integer; numbers are decimal (`0x10` and `1_000` are refused).
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import replace
from typing import Literal, NamedTuple

from imgwire_async.cdn import forms as f
from imgwire_async.cdn import kinds as k

_URL = re.compile(r"https://(?:[^\s/?#@]*@)?[^\s/?#@:][^\s/?#@]*(?:[/?#][^\x00-\x1f\x7f]*)?", re.IGNORECASE)


class Row(NamedTuple):
    """One transformation: its canonical name, its other names, its values, and what it does."""

    name: str
    aliases: str
    kind: k.Kind
    summary: str


def _flip(horizontal: bool = False, vertical: bool = False) -> str | None:
    if horizontal and vertical:
        return "both"
    return "horizontal" if horizontal else "vertical" if vertical else None


def _percentiles(lower: float, upper: float) -> str:
    if lower >= upper:
        raise k.RefusedError("lower and upper with lower below upper", precise=True)
    return f.joined(lower, upper)


def _aspect_ratio(ratio: float | None = None, width: int | None = None, height: int | None = None) -> str:
    if (width is None) != (height is None) or (ratio is None) == (width is None):
        raise k.RefusedError("either ratio, or width and height together", precise=True)
    return f.joined(ratio, width, height)


def _crop(**region: object) -> object:
    if ("x" in region) != ("y" in region):
        raise k.RefusedError("x and y together", precise=True)
    return region


def _watermark_url(url: str) -> str:
    if _URL.fullmatch(url):
        return base64.b64encode(url.encode()).decode()
    try:
        decoded = base64.b64decode(url, validate=True).decode()
    except (binascii.Error, ValueError):
        decoded = ""
    if not _URL.fullmatch(decoded):
        raise k.RefusedError("an https URL, or the standard base64 of one")
    return url


def _some_size(*sizes: object) -> str:
    if not any(sizes):
        raise k.RefusedError("a width, a height or a scale", precise=True)
    return f.joined(*sizes)


_flipped = k.form(f.Flip, _flip) | k.words("FlipDirection", f.FlipDirection)
_flips = k.slots("horizontal:vertical", k.flag, k.flag, finish=_flip)
_alpha = k.slots("alpha:keep", k.words("str", Literal["alpha"]), k.flag)
_ratios = k.slots("width:height", f.ratio, f.ratio)
_range = k.slots("lower:upper", f.percentile, f.percentile, finish=_percentiles)
_smart = k.slots("gravity:sm", f.gravity, k.words("str", Literal["sm"]), finish=lambda *_: "attention")
_region = k.slots("width:height[:gravity]", f.size, f.size, f.gravity)
_placed = k.slots("x:y:width:height[:gravity]", f.place, f.place, f.size, f.size, f.gravity)
_sides = k.slots("top[:right[:bottom[:left]]]", *[f.margin] * 4)
_sides_color = k.slots("top[:right[:bottom[:left[:background]]]]", *[f.margin] * 4, k.hex_color)
_stops = k.slots(
    "colors[:angle[:opacity[:blend]]]", f.hex_list, *map(k.blank, (f.any_angle, f.unit)), f.label
)
_mark = k.slots("image_id[:gravity[:x[:y]]]", f.image_id, *map(k.blank, (f.gravity, f.offset, f.offset)))
_place_slots = (f.gravity, *map(k.blank, (f.offset, f.offset, f.unit)), f.label)
_shadow = k.slots("color[:blur[:x[:y]]]", k.hex_color, *map(k.blank, (f.blur_sigma, f.offset, f.offset)))
_sizes = k.slots("width[:height[:scale]]", *map(k.blank, (f.size, f.size, f.tone)), finish=_some_size)
_tones = k.slots("brightness[:saturation[:color]]", f.tone, *map(k.blank, (f.tone, f.tone)))

adjust = k.form(f.Adjust) | _tones
auto = k.words('Literal["auto"]', Literal["auto"])
chroma = k.words("ChromaSubsampling", f.ChromaSubsampling)
contrast = k.form(f.Contrast) | k.slots("multiplier[:pivot]", f.tone, f.pivot)
crop = k.form(f.Crop, _crop) | _region | _placed
duotone = k.form(f.Duotone) | k.slots("shadow:highlight", k.hex_color, k.hex_color)
extend_ratio = k.form(f.ExtendAspectRatio, _aspect_ratio) | f.ratio | _ratios
flip = _flipped | replace(_flips, types=())  # an old spelling: read, but not offered to callers
gravity = f.gravity | replace(_smart, types=())
image_format = k.words("Format", f.Format, {"jpeg": "jpg"})
kernel = k.words("ResizingAlgorithm", f.ResizingAlgorithm)
link = k.text("an https URL, or the standard base64 of one", ".+", _watermark_url)
negate = k.form(f.Negate, lambda alpha: f.joined("alpha", alpha)) | k.switch | _alpha
normalize = k.form(f.Normalize, _percentiles) | k.flag | _range
position = k.form(f.WatermarkPosition) | k.slots("gravity[:x[:y[:opacity[:blend]]]]", *_place_slots)
profile = k.words("ColorProfile", f.ColorProfile)
resize = k.words("ResizingType", f.ResizingType, f.OLD_RESIZING_TYPES)
rotate = k.form(f.Rotate) | k.slots("angle[:background]", f.offset, k.hex_color)
shadow = k.form(f.WatermarkShadow) | k.only_true | _shadow
_zoom = k.form(f.Zoom, lambda factor, gravity=None: f.joined(factor, gravity))
zoom = _zoom | k.slots("factor[:gravity]", f.factor, f.gravity)

TABLE = (
    Row("adjust", "a", adjust, "factors of brightness, saturation and colour"),
    Row("background", "bg", f.color, "colour of created or transparent canvas"),
    Row("background_alpha", "bga", f.unit, "opacity of the background"),
    Row("blur", "bl", k.only_true | f.blur_sigma, "Gaussian blur, by its sigma"),
    Row("brightness", "br", f.tone, "factor of brightness"),
    Row("chroma_subsampling", "", chroma, "how chroma is stored"),
    Row("color_profile", "cp icc", profile, "colour profile of the output"),
    Row("colorize", "col", f.color, "colour laid over the picture"),
    Row("contrast", "co", contrast, "factor of contrast"),
    Row("crop", "c", crop, "a region of the source"),
    Row("dpi", "", k.integer(1, 600), "resolution written to the output"),
    Row("dpr", "", k.number(0.01, 8), "device pixel ratio, multiplies the size"),
    Row("duotone", "dt", duotone, "two colours for dark and light"),
    Row("enlarge", "el", k.flag, "whether a small source may grow"),
    Row("extend", "ex", k.form(f.Extend) | _sides_color, "canvas added on each side"),
    Row("extend_aspect_ratio", "exar extend_ar", extend_ratio, "pad to an aspect ratio, never crop"),
    Row("flip", "fl", flip, "mirror the picture"),
    Row("format", "f ext extension", image_format, "type of the output"),
    Row("gradient", "gr", k.form(f.Gradient) | _stops, "colours blended over the picture"),
    Row("gravity", "g", gravity, "the part of the picture that counts"),
    Row("height", "h", f.size, "height in pixels"),
    Row("hue", "hu", k.number(), "rotation of the hue in degrees"),
    Row("keep_copyright", "kcr", k.flag, "keep metadata where source and output allow"),
    Row("lightness", "l", f.tone, "factor of lightness"),
    Row("min-height", "mh min_height", f.size, "least height in pixels"),
    Row("min-width", "mw min_width", f.size, "least width in pixels"),
    Row("monochrome", "mc", k.switch | f.color, "shades of grey or of one colour"),
    Row("negate", "neg", negate, "invert the colours, with or without alpha"),
    Row("normalize", "norm normalise", normalize, "stretch the contrast between percentiles"),
    Row("padding", "pd", k.form(f.Padding) | _sides, "space around: all, x:y, top:x:bottom or four sides"),
    Row("pixelate", "pix", k.integer(2, 256), "size of a block in pixels"),
    Row("progressive", "", k.flag | auto, "progressive encoding"),
    Row("quality", "q", k.integer(1, 100) | auto, "quality of the encoding"),
    Row("resizing_algorithm", "ra", kernel, "kernel of the resize"),
    Row("resizing_type", "", resize, "how the picture fits its box"),
    Row("rotate", "rot", rotate, "rotation in degrees"),
    Row("saturation", "sa", f.tone, "factor of saturation"),
    Row("sharpen", "sh", k.form(f.Sharpen) | k.only_true | f.sharpen_sigma, "sharpen, by its sigma"),
    Row("strip_color_profile", "scp", k.flag, "drop the colour profile"),
    Row("strip_metadata", "sm", k.flag, "drop the metadata"),
    Row("watermark", "wm", k.form(f.Watermark) | _mark, "an image of the Environment as overlay"),
    Row("watermark_position", "wmp watermark_offset", position, "place of the overlay"),
    Row("watermark_rotate", "wmr wm_rot", rotate, "rotation of the overlay"),
    Row("watermark_shadow", "wmsh", shadow, "shadow of the overlay"),
    Row("watermark_size", "wms", k.form(f.WatermarkSize) | _sizes, "size of the overlay"),
    Row("watermark_text", "wmt", k.form(f.WatermarkText) | f.watermark_text, "text as overlay"),
    Row("watermark_url", "wmu", link, "public image as overlay"),
    Row("width", "w", f.size, "width in pixels"),
    Row("zoom", "z", zoom, "magnification around a gravity"),
)
ROWS = {name: row for row in TABLE for name in (row.name, *row.aliases.split())}
"""The row of each canonical name and alias."""


def reference() -> str:
    """The table as Markdown, for documentation."""
    lines = ["| Transformation | Aliases | Values | |", "| --- | --- | --- | --- |"]
    for row in TABLE:
        aliases = ", ".join(f"`{alias}`" for alias in row.aliases.split())
        lines.append(f"| `{row.name}` | {aliases} | {row.kind.allowed} | {row.summary} |")
    return "\n".join(lines)
