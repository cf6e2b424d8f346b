"""The query of a CDN URL: every transformation with its aliases and its values, in one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl

from imgwire_async.sandbox.imgwire.cdn import forms, values, watermark_forms
from imgwire_async.sandbox.imgwire.cdn.values import LARGEST_SIDE, Reader, RefusedError
from imgwire_async.sandbox.imgwire.errors import DetailedError
from imgwire_async.sandbox.imgwire.settings import PresetSize
from imgwire_async.sandbox.pictures.color import Color

LONGEST_SHOWN = 200
"""How many characters of a rejected value its error repeats."""
_MOST_PAIRS = 200


class InvalidTransformationError(DetailedError):
    """400 for a URL with values that are not allowed. The service's own status and body are undocumented."""

    def __init__(self, name: str, value: str | None, detail: str, suggestion: str | None = None) -> None:
        hint = f" Did you mean {suggestion!r}?" if suggestion else ""
        super().__init__(400, "InvalidTransformationError", detail + hint)
        self.name = name
        self.value = value
        self.suggestion = suggestion

    @property
    def body(self) -> dict[str, object]:
        """The JSON object of the response."""
        value = self.value and self.value[:LONGEST_SHOWN]
        return {
            **super().body,
            "transformation": self.name[:LONGEST_SHOWN],
            "value": value,
            "suggestion": self.suggestion,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Transformations:
    """The transformations of a URL; None where it requests none. Equal requests are equal in any form."""

    adjust: forms.Adjust | None = None
    background: Color | None = None
    background_alpha: float | None = None
    blur: float | None = None
    brightness: float | None = None
    chroma_subsampling: str | None = None
    color_profile: str | None = None
    colorize: Color | None = None
    contrast: forms.Contrast | None = None
    crop: forms.Crop | None = None
    dpi: int | None = None
    dpr: float | None = None
    duotone: forms.Duotone | None = None
    enlarge: bool | None = None
    extend: forms.Edges | None = None
    extend_aspect_ratio: float | None = None
    flip: forms.Flip | None = None
    format: str | None = None
    gradient: forms.Gradient | None = None
    gravity: str | None = None
    height: int | None = None
    hue: float | None = None
    keep_copyright: bool | None = None
    lightness: float | None = None
    min_height: int | None = None
    min_width: int | None = None
    monochrome: Color | Literal[True] | None = None
    negate: forms.Negate | None = None
    normalize: forms.Normalize | None = None
    padding: forms.Edges | None = None
    pixelate: int | None = None
    progressive: bool | str | None = None
    quality: int | str | None = None
    resizing_algorithm: str | None = None
    resizing_type: str | None = None
    rotate: forms.Rotate | None = None
    saturation: float | None = None
    sharpen: forms.Sharpen | None = None
    strip_color_profile: bool | None = None
    strip_metadata: bool | None = None
    watermark: watermark_forms.Watermark | None = None
    watermark_position: watermark_forms.Placement | None = None
    watermark_rotate: forms.Rotate | None = None
    watermark_shadow: watermark_forms.Shadow | None = None
    watermark_size: watermark_forms.Size | None = None
    watermark_text: watermark_forms.WatermarkText | None = None
    watermark_url: str | None = None
    width: int | None = None
    zoom: forms.Zoom | None = None

    def with_preset(self, preset: PresetSize) -> Transformations:
        """The same, with the preset's values where the URL sets none."""
        return replace(
            self,
            width=self.width or preset.width,
            height=self.height or preset.height,
            resizing_type=self.resizing_type or preset.resizing_type,
        )

    @property
    def key(self) -> str:
        """Text that is equal exactly for equal transformations."""
        given = ((field.name, getattr(self, field.name)) for field in fields(self))
        return repr([(name, value) for name, value in given if value is not None])


class _Row(NamedTuple):
    name: str
    aliases: str
    read: Reader[Any]

    @property
    def field(self) -> str:
        return self.name.replace("-", "_")


_factor = values.number(0.01, 10)
_side = values.integer(1, LARGEST_SIDE)
_auto = values.word("auto")
_formats = values.word("auto", "jpeg", "png", "webp", "avif", "gif", "tiff", jpg="jpeg")

TABLE = (
    _Row("adjust", "a", forms.adjust),
    _Row("background", "bg", values.color),
    _Row("background_alpha", "bga", values.number(0, 1)),
    _Row("blur", "bl", forms.blur),
    _Row("brightness", "br", _factor),
    _Row("chroma_subsampling", "", values.word("4:4:4", "4:2:2", "auto")),
    _Row("color_profile", "cp icc", values.word("srgb", "rgb16", "cmyk", "keep", preserve="keep")),
    _Row("colorize", "col", values.color),
    _Row("contrast", "co", forms.contrast),
    _Row("crop", "c", forms.crop),
    _Row("dpi", "", values.integer(1, 600)),
    _Row("dpr", "", values.number(0.01, 8)),
    _Row("duotone", "dt", forms.duotone),
    _Row("enlarge", "el", values.boolean),
    _Row("extend", "ex", forms.extend),
    _Row("extend_aspect_ratio", "exar extend_ar", forms.extend_aspect_ratio),
    _Row("flip", "fl", forms.flip),
    _Row("format", "f ext extension", _formats),
    _Row("gradient", "gr", forms.gradient),
    _Row("gravity", "g", forms.gravity_of_picture),
    _Row("height", "h", _side),
    _Row("hue", "hu", values.number()),
    _Row("keep_copyright", "kcr", values.boolean),
    _Row("lightness", "l", _factor),
    _Row("min-height", "mh min_height", _side),
    _Row("min-width", "mw min_width", _side),
    _Row("monochrome", "mc", forms.monochrome),
    _Row("negate", "neg", forms.negate),
    _Row("normalize", "norm normalise", forms.normalize),
    _Row("padding", "pd", forms.padding),
    _Row("pixelate", "pix", values.integer(2, 256)),
    _Row("progressive", "", values.either(values.boolean, _auto)),
    _Row("quality", "q", values.either(values.integer(1, 100), _auto)),
    _Row("resizing_algorithm", "ra", values.word("nearest", "cubic", "mitchell", "lanczos2", "lanczos3")),
    _Row(
        "resizing_type",
        "",
        values.word(
            "cover", "contain", "fill", "inside", "outside",
            fit="inside", fill_down="inside", auto="inside", force="fill",
        ),
    ),
    _Row("rotate", "rot", forms.rotate),
    _Row("saturation", "sa", _factor),
    _Row("sharpen", "sh", forms.sharpen),
    _Row("strip_color_profile", "scp", values.boolean),
    _Row("strip_metadata", "sm", values.boolean),
    _Row("watermark", "wm", watermark_forms.watermark),
    _Row("watermark_position", "wmp watermark_offset", watermark_forms.watermark_position),
    _Row("watermark_rotate", "wmr wm_rot", forms.rotate),
    _Row("watermark_shadow", "wmsh", watermark_forms.watermark_shadow),
    _Row("watermark_size", "wms", watermark_forms.watermark_size),
    _Row("watermark_text", "wmt", watermark_forms.watermark_text),
    _Row("watermark_url", "wmu", watermark_forms.watermark_url),
    _Row("width", "w", _side),
    _Row("zoom", "z", forms.zoom),
)  # fmt: skip
"""Every transformation, in the order of the documentation."""

_ROWS = {name: row for row in TABLE for name in (row.name, *row.aliases.split())}


def parse(query: bytes) -> Transformations:
    """Read the query of a CDN URL.

    Raises:
        InvalidTransformationError: an unknown name, a value that is not allowed, or one transformation twice.
    """
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_PAIRS
        )
    except ValueError:
        raise InvalidTransformationError("", None, "The query is not form-encoded UTF-8 text.") from None
    return of_pairs(pairs)


def of_pairs(pairs: Sequence[tuple[str, str]]) -> Transformations:
    """Read decoded names and values; see `parse`."""
    given: dict[str, str] = {}
    found = {}
    for name, value in pairs:
        row = _ROWS.get(name)
        if row is None:
            raise InvalidTransformationError(
                name, value, f"{name[:LONGEST_SHOWN]!r} is not a transformation.", closest(name, list(_ROWS))
            )
        if row.name in given:
            raise InvalidTransformationError(
                row.name,
                value,
                f"Duplicate transformation: {row.name} as {given[row.name]} and as {name}.",
            )
        given[row.name] = name
        try:
            found[row.field] = row.read(value)
        except RefusedError as refused:
            shown = repr(value[:LONGEST_SHOWN])
            raise InvalidTransformationError(
                row.name, value, f"{row.name}={shown} is not allowed; expected {refused.allowed}."
            ) from None
    return Transformations(**found)


def closest(name: str, known: Sequence[str]) -> str | None:
    """The name that was probably meant."""
    found = get_close_matches(name[:LONGEST_SHOWN].lower(), known, n=1)
    return found[0] if found else None
