"""Image types by their media types."""

from __future__ import annotations

from enum import StrEnum


class SupportedMimeType(StrEnum):
    """Image types that the local services read."""

    JPEG = "image/jpeg"
    JXL = "image/jxl"
    PNG = "image/png"
    WEBP = "image/webp"
    AVIF = "image/avif"
    GIF = "image/gif"
    ICO = "image/vnd.microsoft.icon"
    HEIC = "image/heic"
    BMP = "image/bmp"
    TIFF = "image/tiff"
