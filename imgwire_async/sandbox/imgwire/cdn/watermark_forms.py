"""Watermarks, and the readers of their text and JSON forms."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from urllib.parse import urlsplit

from imgwire_async.sandbox.imgwire.cdn.values import (
    LARGEST_SIDE,
    RefusedError,
    color,
    form,
    gravity,
    integer,
    is_object,
    is_true,
    json_object,
    number,
    parts,
    text,
)
from imgwire_async.sandbox.pictures.color import Color

_side = integer(1, LARGEST_SIDE)
_offset = integer()
_factor = number(0.01, 10)
_unit = number(0, 1)
_sigma = number(0.3, 100)
_blend = text(64)
_HALF_BLACK = Color(0, 0, 0, 0.5)


@dataclass(frozen=True, slots=True)
class Placement:
    """Position and appearance of a watermark."""

    gravity: str | None = None
    x: int | None = None
    y: int | None = None
    left: int | None = None
    top: int | None = None
    opacity: float | None = None
    blend: str | None = None


@dataclass(frozen=True, slots=True)
class Watermark:
    """Another image of the environment."""

    image_id: str
    placement: Placement


@dataclass(frozen=True, slots=True)
class WatermarkText:
    """Words."""

    text: str
    placement: Placement
    font: str | None = None
    size: int | None = None
    color: Color | None = None
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Shadow:
    """The shadow of a watermark."""

    color: Color = _HALF_BLACK
    blur: float = 4.0
    x: int = 2
    y: int = 2


@dataclass(frozen=True, slots=True)
class Size:
    """Box of a watermark in pixels, or a multiple of its own size."""

    width: int | None = None
    height: int | None = None
    scale: float | None = None


_PLACEMENT_KEYS = {
    "gravity": gravity,
    "x": _offset,
    "y": _offset,
    "left": _offset,
    "top": _offset,
    "opacity": _unit,
    "blend": _blend,
}
_PLACEMENT_NAMES = frozenset(_PLACEMENT_KEYS)

watermark_position = form(
    Placement,
    _PLACEMENT_KEYS,
    in_text="gravity x y opacity blend",
    may_be_empty="gravity x y opacity blend",
)
_shadow_parts = form(
    Shadow, {"color": color, "blur": _sigma, "x": _offset, "y": _offset}, may_be_empty="color blur x y"
)
watermark_size = form(
    Size, {"width": _side, "height": _side, "scale": _factor}, may_be_empty="width height scale"
)


def watermark(value: str) -> Watermark:
    """`image_id[:gravity[:x[:y]]]` or an object."""
    found = parts(
        value,
        {"image_id|imageId": _image_id, **_PLACEMENT_KEYS},
        in_text="image_id gravity x y",
        may_be_empty="gravity x y",
    )
    if "image_id" not in found:
        raise RefusedError("an object with image_id")
    return Watermark(found.pop("image_id"), Placement(**found))


def _image_id(value: str) -> str:
    if not value or ":" in value or "/" in value:
        raise RefusedError("an image id")
    return value


def watermark_shadow(value: str) -> Shadow:
    """`true`, `color[:blur[:x[:y]]]`, or an object."""
    return Shadow() if is_true(value) else _shadow_parts(value)


def watermark_text(value: str) -> WatermarkText:
    """The words themselves, or an object with `text`."""
    words = text(2048)
    if not is_object(value):
        return WatermarkText(words(value), Placement())
    keys = {"text": words, "font": text(256), "size": _side, "color": color, "width": _side, "height": _side}
    found = json_object(value, {**keys, **_PLACEMENT_KEYS})
    if "text" not in found:
        raise RefusedError("an object with text")
    placement = {name: found.pop(name) for name in _PLACEMENT_NAMES & set(found)}
    return WatermarkText(placement=Placement(**placement), **found)


def watermark_url(value: str) -> str:
    """A public https URL, plain or in base64; the URL itself."""
    url = value
    if not value.lower().startswith("https:"):
        try:
            url = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError):
            url = ""
    try:
        parts = urlsplit(url)
        valid = parts.scheme == "https" and bool(parts.hostname)
    except ValueError:
        valid = False
    if not valid:
        raise RefusedError("an https URL in base64")
    return url
