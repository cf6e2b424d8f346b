"""How far a bulk download job is."""

from ..types import OpenStrEnum


class ImageDownloadStatus(OpenStrEnum):
    """How far a bulk download job is."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    READY = "READY"
    FAILED = "FAILED"
