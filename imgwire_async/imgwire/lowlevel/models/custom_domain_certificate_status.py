"""State of the certificate of a custom domain."""

from ..types import OpenStrEnum


class CustomDomainCertificateStatus(OpenStrEnum):
    """State of the certificate of a custom domain."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    FAILING = "FAILING"
