"""What the source serves as `robots.txt`. The set is open: the service may add members."""

from ..types import OpenStrEnum


class RobotsPolicy(OpenStrEnum):
    """What the source serves as `robots.txt`. The set is open: the service may add members."""

    ORIGIN = "origin"
    ALLOW_ALL = "allow-all"
    DISALLOW_ALL = "disallow-all"
