"""The table of transformations, from which parsing, validation, documentation and types are derived.

To add a transformation, add a row here and a line in `keywords.py`; a test compares the two.
Where the vendor's clients disagree, a row takes the reading that keeps the caller's meaning:

- Empty slots of colon forms stay. Dropping one would turn an x offset into a gravity (`abc::1:2`).
- The number 1 is a sigma for `blur` and `sharpen`, and true where only true and false are possible. The text
  "1" is true for all of the vendor's clients, and so it is in lenient mode; in strict mode it is the number.
- An object is written as JSON, with sorted keys, whole numbers without `.0` and text as UTF-8; unless its
  text form says the same: colours, `extend_aspect_ratio`, `flip`, `negate`, `normalize`, `zoom`.
- Nothing is added: `crop=400:300` gets no gravity, and a crop object no mode. A lone `x` or `y` is rejected.
- A float without a fraction is an integer; numbers are decimal (`0x10` and `1_000` are rejected).
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import replace
from typing import Literal

import attrs

from imgwire_async.imgwire.cdn import forms as f
from imgwire_async.imgwire.cdn import kinds as k

_URL = re.compile(r"https://(?:[^\s/?#@]*@)?[^\s/?#@:][^\s/?#@]*(?:[/?#][^\x00-\x1f\x7f]*)?", re.IGNORECASE)


@attrs.frozen
class Row:
    """One transformation: canonical name, aliases, the type or kind of its values, and a description."""

    name: str
    aliases: str
    kind: k.Kind = attrs.field(converter=k.kind_of)
    summary: str

    @property
    def names(self) -> tuple[str, ...]:
        """The canonical name, followed by the aliases."""
        return (self.name, *self.aliases.split())


def _flip(horizontal: bool = False, vertical: bool = False) -> str | None:
    if horizontal and vertical:
        return "both"
    return "horizontal" if horizontal else "vertical" if vertical else None


def _percentiles(lower: float, upper: float) -> str:
    if lower >= upper:
        raise k.RefusedError("lower and upper with lower below upper", precise=True)
    return k.joined(lower=lower, upper=upper)


def _aspect_ratio(**parts: object) -> str:
    if parts.keys() not in ({"ratio"}, {"width", "height"}):
        raise k.RefusedError("either ratio, or width and height together", precise=True)
    return k.joined(**parts)


def _region(**parts: object) -> dict[str, object]:
    if ("x" in parts) != ("y" in parts):
        raise k.RefusedError("x and y together", precise=True)
    return parts


def _encoded_url(url: str) -> str:
    if _URL.fullmatch(url):
        return base64.b64encode(url.encode()).decode()
    try:
        decoded = base64.b64decode(url, validate=True).decode()
    except (binascii.Error, ValueError):
        decoded = ""
    if not _URL.fullmatch(decoded):
        raise k.RefusedError(link.allowed)
    return url


def _unoffered(kind: k.Kind) -> k.Kind:
    """A legacy spelling: accepted, but not part of the public signature."""
    return replace(kind, types=())


_smart_slots = {"gravity": k.kind_of(f.Anchor), "sm": k.words(Literal["sm"])}
_smart = k.slots("gravity:sm", _smart_slots, lambda **_: "attention")
_alpha = k.slots("alpha:keep", {"alpha": k.words(Literal["alpha"]), "keep": k.flag})
_old_flip = k.slots("horizontal:vertical", k.fields_of(f.Flip), _flip)

adjust = k.one_of(f.Adjust, f.Tone, "brightness[:saturation?[:color?]]")
contrast = k.one_of(f.Contrast, f.Tone, "multiplier[:pivot]")
crop = k.one_of(f.Crop, "width:height[:gravity]", "x:y:width:height[:gravity]", finish=_region)
duotone = k.one_of(f.Duotone, "shadowColor:highlightColor")
extend = k.one_of(f.Extend, f.Margin, "top[:right[:bottom[:left[:background]]]]")
extend_ratio = k.one_of(f.ExtendAspectRatio, f.Ratio, "width:height", finish=_aspect_ratio)
flip = k.one_of(f.Flip, f.FlipDirection, _unoffered(_old_flip), finish=_flip)
gradient = k.one_of(f.Gradient, "colors[:angle?[:opacity?[:blend]]]")
gravity = k.one_of(f.Anchor, _unoffered(_smart))
link = k.text("an https URL, or the standard base64 of one", ".+", _encoded_url)
negate = k.one_of(f.Negate, k.switch, _alpha, finish=lambda alpha: k.joined(name="alpha", keep=alpha))
normalize = k.one_of(f.Normalize, k.flag, "lower:upper", finish=_percentiles)
padding = k.one_of(f.Padding, f.Margin, "top[:right[:bottom[:left]]]")
position = k.one_of(f.WatermarkPosition, f.Anchor, "gravity[:x?[:y?[:opacity?[:blend]]]]")
resize = k.words(f.ResizingType, {"fit": "inside", "fill-down": "inside", "auto": "inside", "force": "fill"})
rotate = k.one_of(f.Rotate, f.Offset, "angle[:background]")
shadow = k.one_of(f.WatermarkShadow, k.only_true, "color[:blur?[:x?[:y?]]]")
watermark = k.one_of(f.Watermark, "image_id[:gravity?[:x?[:y?]]]")
watermark_size = k.one_of(f.WatermarkSize, f.Size, "width?[:height?[:scale?]]")
zoom = k.one_of(f.Zoom, f.Factor, "factor[:gravity]", finish=k.joined)

TABLE = (
    Row("adjust", "a", adjust, "factors of brightness, saturation and colour"),
    Row("background", "bg", f.color, "colour of created or transparent canvas"),
    Row("background_alpha", "bga", f.Unit, "opacity of the background"),
    Row("blur", "bl", k.one_of(k.only_true, f.Blur), "Gaussian blur, by its sigma"),
    Row("brightness", "br", f.Tone, "factor of brightness"),
    Row("chroma_subsampling", "", f.ChromaSubsampling, "how chroma is stored"),
    Row("color_profile", "cp icc", f.ColorProfile, "colour profile of the output"),
    Row("colorize", "col", f.color, "colour laid over the picture"),
    Row("contrast", "co", contrast, "factor of contrast"),
    Row("crop", "c", crop, "a region of the source"),
    Row("dpi", "", k.integer(1, 600), "resolution written to the output"),
    Row("dpr", "", k.number(0.01, 8), "device pixel ratio, multiplies the size"),
    Row("duotone", "dt", duotone, "two colours for dark and light"),
    Row("enlarge", "el", k.flag, "whether a small source may grow"),
    Row("extend", "ex", extend, "canvas added on each side"),
    Row("extend_aspect_ratio", "exar extend_ar", extend_ratio, "pad to an aspect ratio, never crop"),
    Row("flip", "fl", flip, "mirror the picture"),
    Row("format", "f ext extension", k.words(f.Format, {"jpeg": "jpg"}), "type of the output"),
    Row("gradient", "gr", gradient, "colours blended over the picture"),
    Row("gravity", "g", gravity, "the part of the picture that counts"),
    Row("height", "h", f.Size, "height in pixels"),
    Row("hue", "hu", k.number(), "rotation of the hue in degrees"),
    Row("keep_copyright", "kcr", k.flag, "keep metadata where source and output allow"),
    Row("lightness", "l", f.Tone, "factor of lightness"),
    Row("min-height", "mh min_height", f.Size, "least height in pixels"),
    Row("min-width", "mw min_width", f.Size, "least width in pixels"),
    Row("monochrome", "mc", k.one_of(k.switch, f.color), "shades of grey or of one colour"),
    Row("negate", "neg", negate, "invert the colours, with or without alpha"),
    Row("normalize", "norm normalise", normalize, "stretch the contrast between percentiles"),
    Row("padding", "pd", padding, "space around: all, x:y, top:x:bottom or four sides"),
    Row("pixelate", "pix", k.integer(2, 256), "size of a block in pixels"),
    Row("progressive", "", k.one_of(k.flag, Literal["auto"]), "progressive encoding"),
    Row("quality", "q", k.one_of(k.integer(1, 100), Literal["auto"]), "quality of the encoding"),
    Row("resizing_algorithm", "ra", f.ResizingAlgorithm, "kernel of the resize"),
    Row("resizing_type", "", resize, "how the picture fits its box"),
    Row("rotate", "rot", rotate, "rotation in degrees"),
    Row("saturation", "sa", f.Tone, "factor of saturation"),
    Row("sharpen", "sh", k.one_of(f.Sharpen, k.only_true, f.Sigma), "sharpen, by its sigma"),
    Row("strip_color_profile", "scp", k.flag, "drop the colour profile"),
    Row("strip_metadata", "sm", k.flag, "drop the metadata"),
    Row("watermark", "wm", watermark, "an image of the Environment as overlay"),
    Row("watermark_position", "wmp watermark_offset", position, "place of the overlay"),
    Row("watermark_rotate", "wmr wm_rot", rotate, "rotation of the overlay"),
    Row("watermark_shadow", "wmsh", shadow, "shadow of the overlay"),
    Row("watermark_size", "wms", watermark_size, "size of the overlay"),
    Row("watermark_text", "wmt", k.one_of(f.WatermarkText, f.OverlayText), "text as overlay"),
    Row("watermark_url", "wmu", link, "public image as overlay"),
    Row("width", "w", f.Size, "width in pixels"),
    Row("zoom", "z", zoom, "magnification around a gravity"),
)
ROWS = {name: row for row in TABLE for name in row.names}
"""The row of each canonical name and alias."""


def reference() -> str:
    """The table as Markdown, for documentation."""
    lines = ["| Transformation | Aliases | Values | |", "| --- | --- | --- | --- |"]
    for row in TABLE:
        aliases = ", ".join(f"`{alias}`" for alias in row.aliases.split())
        lines.append(f"| `{row.name}` | {aliases} | {row.kind.allowed} | {row.summary} |")
    return "\n".join(lines)
