"""Examining stored bytes: which type they really are, and whether they decode completely."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import pillow_heif
import pyvips
from PIL import BmpImagePlugin, ExifTags, IcoImagePlugin, Image, ImageFile
from pillow_jxl import JpegXLImagePlugin

from imgwire_async.sandbox.pictures.types import SupportedMimeType

_HEADER_BYTES = 64
_DECODER_FAILURES = (
    pyvips.Error,
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    OSError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    UnicodeError,
    ValueError,
    struct.error,
)
"""What decoders raise for bytes that they cannot read; Pillow's plug-ins have no common class."""

_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}

# Opened by class, because `Image.open` rejects large images by a limit that is global to the process.
PILLOW_READERS: dict[SupportedMimeType, Callable[[BinaryIO], ImageFile.ImageFile]] = {
    SupportedMimeType.BMP: BmpImagePlugin.BmpImageFile,
    SupportedMimeType.ICO: IcoImagePlugin.IcoImageFile,
    SupportedMimeType.HEIC: pillow_heif.HeifImageFile,
    SupportedMimeType.JXL: JpegXLImagePlugin.JXLImageFile,
}
"""Types that the binary libvips cannot read, and what reads them."""


class UnacceptableImageError(Exception):
    """The bytes are not an image that the service would deliver."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """The facts read from the bytes."""

    mime_type: SupportedMimeType
    width: int
    """Pixels as stored, before any EXIF orientation."""
    height: int
    """Pixels of one frame."""
    exif: dict[str, object] = field(default_factory=dict)


def sniff(header: bytes) -> SupportedMimeType | None:
    """The type that the first 64 bytes of a file show."""
    if header.startswith(b"\xff\xd8\xff"):
        return SupportedMimeType.JPEG
    if header.startswith(b"\x89PNG\r\n\x1a\n"):
        return SupportedMimeType.PNG
    if header.startswith((b"GIF87a", b"GIF89a")):
        return SupportedMimeType.GIF
    if header[:4] == b"RIFF" and header[8:12] == b"WEBP":
        return SupportedMimeType.WEBP
    if header.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return SupportedMimeType.TIFF
    if header.startswith(b"BM"):
        return SupportedMimeType.BMP
    if header.startswith(b"\0\0\1\0"):
        return SupportedMimeType.ICO
    if header.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")):
        return SupportedMimeType.JXL
    if header[4:8] == b"ftyp":
        size = int.from_bytes(header[:4], "big")
        brands = {header[8:12], *(header[at : at + 4] for at in range(16, min(size, len(header)), 4))}
        if brands & _AVIF_BRANDS:
            return SupportedMimeType.AVIF
        if brands & _HEIC_BRANDS:
            return SupportedMimeType.HEIC
    return None


def inspect(path: Path, declared: SupportedMimeType | None, maximum_pixels: int) -> Inspection:
    """Decode every pixel of an image file. Decoding blocks, so call it in a thread.

    Args:
        path: The file.
        declared: The type it must have, or None for any supported one.
        maximum_pixels: Largest area, all frames together.

    Raises:
        UnacceptableImageError: another type than declared, corrupt, truncated or too large.
    """
    try:
        with path.open("rb") as file:
            mime_type = sniff(file.read(_HEADER_BYTES))
    except OSError as error:
        raise UnacceptableImageError(f"the file cannot be read: {error}") from error
    if mime_type is None:
        raise UnacceptableImageError("the bytes are not a supported image type")
    if declared is not None and mime_type is not declared:
        raise UnacceptableImageError(f"declared as {declared}, but the bytes are {mime_type}")
    try:
        if mime_type in PILLOW_READERS:
            return _inspect_with_pillow(path, mime_type, maximum_pixels)
        return _inspect_with_vips(path, mime_type, maximum_pixels)
    except _DECODER_FAILURES as error:
        raise UnacceptableImageError(f"the bytes cannot be decoded as {mime_type}: {error}") from error


def _inspect_with_vips(path: Path, mime_type: SupportedMimeType, maximum_pixels: int) -> Inspection:
    many_frames = mime_type in {SupportedMimeType.GIF, SupportedMimeType.WEBP}
    frames = {"n": -1} if many_frames else {}
    image = pyvips.Image.new_from_file(str(path), access="sequential", fail_on="error", **frames)
    _check_area(image.width * image.height, maximum_pixels)
    fields = image.get_fields()
    exif = Image.Exif()
    if "exif-data" in fields:
        exif.load(image.get("exif-data"))
    if "orientation" in fields:
        exif[ExifTags.Base.Orientation] = image.get("orientation")
    height = image.get("page-height") if "page-height" in fields else image.height
    image.avg()  # reads every pixel; only then a truncated file is noticed
    return Inspection(mime_type=mime_type, width=image.width, height=height, exif=_readable(exif))


def _inspect_with_pillow(path: Path, mime_type: SupportedMimeType, maximum_pixels: int) -> Inspection:
    with path.open("rb") as file, PILLOW_READERS[mime_type](file) as image:
        _check_area(image.width * image.height, maximum_pixels)
        image.load()
        return Inspection(
            mime_type=mime_type, width=image.width, height=image.height, exif=_readable(image.getexif())
        )


def _check_area(pixels: int, maximum: int) -> None:
    if pixels > maximum:
        raise UnacceptableImageError(f"{pixels} pixels exceed the limit of {maximum}")


def _readable(exif: Image.Exif) -> dict[str, object]:
    """Tags by their standard names, with values that JSON can carry."""
    found: dict[str, object] = {}
    for tags in (exif, exif.get_ifd(ExifTags.IFD.Exif)):
        for tag, value in tags.items():
            name = ExifTags.TAGS.get(tag)
            shown = _json_value(value)
            if name is not None and shown is not None and tag not in set(ExifTags.IFD):
                found[name] = shown
    return found


def _json_value(value: object) -> object | None:
    if isinstance(value, str):
        return value.rstrip("\0").encode("utf-8", "replace").decode()
    if isinstance(value, bool | int):
        return value
    if isinstance(value, tuple):
        items = [_json_value(item) for item in value]
        return None if None in items else items
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if number - number == 0 else None
