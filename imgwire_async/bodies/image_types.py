"""Detection of the image types that the service stores, by content first and by file name second.

The types are those of `SupportedMimeType` in the schema. Formats are detected by the signatures in their
specifications; the first `SNIFF_BYTES` bytes are enough for all of them.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Final

SNIFF_BYTES: Final = 4096
"""How many bytes from the start `image_type_of` may look at."""

EXTENSIONS: Final[dict[str, str]] = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".heic": "image/heic",
    ".jxl": "image/jxl",
    ".bmp": "image/bmp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".ico": "image/vnd.microsoft.icon",
}
"""File name extensions of the supported types; the first one of a type is its usual one."""

FORMATS: Final = "AVIF, BMP, GIF, HEIC, ICO, JPEG, JXL, PNG, TIFF, WebP"
"""The supported types as people call them."""

_SIGNATURES: Final = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\xff\x0a", "image/jxl"),  # bare codestream
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "image/jxl"),  # container
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00\x08\x00\x00\x00", "image/tiff"),  # BigTIFF
    (b"MM\x00+\x00\x08\x00\x00", "image/tiff"),
)

# ISO base media file format: the brands of still images and image sequences.
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
_HEIC_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_HEIF_BRANDS: Final = frozenset({b"mif1", b"msf1", b"mif2", b"miaf"})  # says nothing about the codec

_BITMAP_HEADER_SIZES: Final = frozenset({12, 16, 40, 52, 56, 64, 108, 124})


def image_type_of(head: bytes, file_name: str) -> str | None:
    """The MIME type of an image.

    Args:
        head: the first `SNIFF_BYTES` bytes of the content, or all of it if it is shorter.
        file_name: used if the content shows no type. A name that contradicts the content is ignored.

    Returns:
        A MIME type of `SupportedMimeType`, or None if neither content nor name shows one.
    """
    return _by_content(head) or EXTENSIONS.get(PurePath(file_name).suffix.lower())


def extension_of(mime_type: str) -> str:
    """The usual file name extension of a supported MIME type, with its dot; empty for any other."""
    return next((extension for extension, known in EXTENSIONS.items() if known == mime_type), "")


def _by_content(head: bytes) -> str | None:
    for signature, mime_type in _SIGNATURES:
        if head.startswith(signature):
            return mime_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        return _by_brands(head)
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BITMAP_HEADER_SIZES:
        return "image/bmp"
    if head[:4] == b"\x00\x00\x01\x00" and head[4:6] not in {b"", b"\x00\x00"}:
        return "image/vnd.microsoft.icon"
    return None


def _by_brands(head: bytes) -> str | None:
    box = head[: max(16, int.from_bytes(head[:4], "big"))]
    major = box[8:12]
    compatible = {box[start : start + 4] for start in range(16, len(box), 4)}
    if major in _AVIF_BRANDS:
        return "image/avif"
    if major in _HEIC_BRANDS:
        return "image/heic"
    if major in _HEIF_BRANDS:
        if compatible & _AVIF_BRANDS:
            return "image/avif"
        if compatible & _HEIC_BRANDS:
            return "image/heic"
    return None
