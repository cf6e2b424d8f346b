"""State of a source's latest deployment. The set is open: the service may add members."""

from ..types import OpenStrEnum


class DeploymentStatus(OpenStrEnum):
    """State of a source's latest deployment. The set is open: the service may add members."""

    DEPLOYING = "deploying"
    DEPLOYED = "deployed"
    DISABLED = "disabled"
    DELETED = "deleted"
