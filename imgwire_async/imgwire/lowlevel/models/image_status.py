"""How far an image is: waiting for bytes, being processed, deliverable, or held back."""

from ..types import OpenStrEnum


class ImageStatus(OpenStrEnum):
    """How far an image is: waiting for bytes, being processed, deliverable, or held back."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    READY = "READY"
    QUARANTINE = "QUARANTINE"
