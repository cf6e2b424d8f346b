"""Width of a time bucket."""

from ..types import OpenStrEnum


class MetricsDatasetInterval(OpenStrEnum):
    """Width of a time bucket."""

    HOURLY = "HOURLY"
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
