"""How the source's cache time relates to the origin's cache headers. The set is open: the service may
add members.
"""

from ..types import OpenStrEnum


class CacheTtlBehavior(OpenStrEnum):
    """How the source's cache time relates to the origin's cache headers. The set is open: the service may
    add members.
    """

    RESPECT_ORIGIN = "respect_origin"
    OVERRIDE_ORIGIN = "override_origin"
    ENFORCE_MINIMUM = "enforce_minimum"
