"""What a report is about. The set is open: the service may add members."""

from ..types import OpenStrEnum


class ReportType(OpenStrEnum):
    """What a report is about. The set is open: the service may add members."""

    CDN_LOGS = "cdn_logs"
    IMAGE_ANALYTICS = "image_analytics"
    MILD_ERRORS = "mild_errors"
    SOURCE_ANALYTICS = "source_analytics"
    CREDIT_ANALYTICS_DAILY = "credit_analytics_daily"
    CREDIT_ANALYTICS_MTD = "credit_analytics_mtd"
