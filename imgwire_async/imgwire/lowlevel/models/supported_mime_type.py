"""Image types that the service accepts."""

from ..types import OpenStrEnum


class SupportedMimeType(OpenStrEnum):
    """Image types that the service accepts."""

    IMAGE_JPEG = "image/jpeg"
    IMAGE_JXL = "image/jxl"
    IMAGE_PNG = "image/png"
    IMAGE_WEBP = "image/webp"
    IMAGE_AVIF = "image/avif"
    IMAGE_GIF = "image/gif"
    IMAGE_VND_MICROSOFT_ICON = "image/vnd.microsoft.icon"
    IMAGE_HEIC = "image/heic"
    IMAGE_BMP = "image/bmp"
    IMAGE_TIFF = "image/tiff"
