"""Writing pictures: format, quality, colour profile, resolution and metadata."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyvips

from imgwire_async.sandbox.imgwire.cdn.parameters import Transformations
from imgwire_async.sandbox.pictures.canvas import on_background
from imgwire_async.sandbox.pictures.color import Color
from imgwire_async.sandbox.pictures.sources import Source

AVIF_PIXELS = 2_000_000
"""Largest picture that `format=auto` makes an AVIF: above, encoding takes seconds, and WebP is chosen."""
_QUALITY = {"jpeg": 80, "webp": 80, "avif": 60}
"""What `quality=auto` and an omitted quality mean; the other formats have none."""
_ANIMATED = {"webp", "gif"}
_WITHOUT_ALPHA = {"jpeg"}
_WHITE = Color(255, 255, 255)
_MILLIMETRES_PER_INCH = 25.4

# Flags of libvips' `keep`.
_KEEP_EXIF, _KEEP_XMP, _KEEP_IPTC, _KEEP_ICC = 1, 2, 4, 8


@dataclass(slots=True)
class Notes:
    """Requested transformations that are not in the picture."""

    names: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        """Note a transformation or a part of one, once."""
        if name not in self.names:
            self.names.append(name)


def choose_format(t: Transformations, accepted: tuple[str, ...], source: Source, image: pyvips.Image) -> str:
    """The format of the result.

    Args:
        t: The requested transformations.
        accepted: AVIF and WebP if the client accepts them, most preferred first.
        source: Where the picture came from.
        image: The first frame of the result.
    """
    if t.format not in {None, "auto"}:
        return str(t.format)
    animated = len(source.frames) > 1
    for name in accepted:
        if name == "webp" or (not animated and image.width * image.height <= AVIF_PIXELS):
            return name
    if animated:
        return "gif"
    return "png" if image.hasalpha() or source.lossless else "jpeg"


def can_animate(format: str) -> bool:
    """Whether a format can have more than one frame."""
    return format in _ANIMATED


def without_alpha_where_needed(image: pyvips.Image, format: str) -> pyvips.Image:
    """Put white under transparent pixels if the format has no transparency."""
    return on_background(image, _WHITE) if format in _WITHOUT_ALPHA else image


def write(
    image: pyvips.Image,
    format: str,
    t: Transformations,
    path: Path,
    notes: Notes,
    cancelled: Callable[[], bool],
) -> None:
    """Compute the picture and write it.

    Args:
        image: RGB or RGBA; the frames of an animation one below the other.
        format: One of jpeg, png, webp, avif, gif and tiff.
        t: The requested transformations.
        path: The new file.
        notes: Takes what the format does not offer.
        cancelled: Called repeatedly; once it returns true, the work ends with pyvips.Error.
    """
    options: dict[str, object] = {}
    keep = 0
    if t.keep_copyright or t.strip_metadata is False:
        keep = _KEEP_EXIF | _KEEP_XMP | _KEEP_IPTC
    image, keeps_profile = _in_profile(image, format, t, options, notes)
    if keeps_profile and not t.strip_color_profile:
        keep |= _KEEP_ICC
    image, keep = _with_resolution(image, format, t, keep, notes)
    _add_quality(format, t, options, notes)
    _add_coding(format, t, options, notes)
    image = image.copy()
    image.set_progress(True)
    image.signal_connect("eval", lambda source, _: source.set_kill(True) if cancelled() else None)
    saver = {"avif": image.heifsave}.get(format) or getattr(image, f"{format}save")
    saver(str(path), keep=keep, **options)


def _in_profile(
    image: pyvips.Image, format: str, t: Transformations, options: dict[str, object], notes: Notes
) -> tuple[pyvips.Image, bool]:
    """The pixels in the requested colour space, and whether the file declares it."""
    profile = t.color_profile
    if profile == "keep":
        return image, True
    if profile == "srgb":
        options["profile"] = "srgb"
        return image, True
    if profile == "rgb16" and format in {"png", "tiff"}:
        return image.colourspace("rgb16"), False
    if profile == "cmyk" and format in {"jpeg", "tiff"}:
        image = on_background(image, _WHITE)
        return image.icc_transform("cmyk", input_profile="srgb"), True
    if profile is not None:
        notes.add("color_profile")
    return image, False


def _with_resolution(
    image: pyvips.Image, format: str, t: Transformations, keep: int, notes: Notes
) -> tuple[pyvips.Image, int]:
    if t.dpi is None:
        return image, keep
    if format not in {"jpeg", "png", "tiff"}:
        notes.add("dpi")
        return image, keep
    per_millimetre = t.dpi / _MILLIMETRES_PER_INCH
    image = image.copy(xres=per_millimetre, yres=per_millimetre)
    if format == "jpeg" and not keep & _KEEP_EXIF:
        # libvips writes the resolution of a JPEG into EXIF, which must then contain nothing else.
        for name in image.get_fields():
            if name.startswith("exif-"):
                image.remove(name)
        keep |= _KEEP_EXIF
    return image, keep


def _add_quality(format: str, t: Transformations, options: dict[str, object], notes: Notes) -> None:
    if format in _QUALITY:
        options["Q"] = t.quality if isinstance(t.quality, int) else _QUALITY[format]
    elif isinstance(t.quality, int):
        notes.add("quality")


def _add_coding(format: str, t: Transformations, options: dict[str, object], notes: Notes) -> None:
    if format == "avif":
        options.update(compression="av1", effort=1)
    elif format == "tiff":
        options.update(compression="deflate", predictor="horizontal")
    if format in {"jpeg", "png"}:
        options["interlace"] = t.progressive is True or (t.progressive == "auto" and format == "jpeg")
    elif t.progressive is True:
        notes.add("progressive")
    if t.chroma_subsampling in {None, "auto"}:
        return
    if t.chroma_subsampling == "4:4:4" and format in {"jpeg", "avif"}:
        options["subsample_mode"] = "off"
    else:
        notes.add("chroma_subsampling")
