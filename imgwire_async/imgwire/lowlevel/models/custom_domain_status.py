"""State of the DNS connection of a custom domain."""

from ..types import OpenStrEnum


class CustomDomainStatus(OpenStrEnum):
    """State of the DNS connection of a custom domain."""

    PENDING = "PENDING"
    CONNECTED = "CONNECTED"
    FAILED = "FAILED"
