"""State of an upload session. The set is open: the service may add members."""

from ..types import OpenStrEnum


class UploadSessionStatus(OpenStrEnum):
    """State of an upload session. The set is open: the service may add members."""

    PENDING = "PENDING"
    CLOSED = "CLOSED"
    COMPLETE = "COMPLETE"
