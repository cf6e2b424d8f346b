"""Where a source reads its files from. The set is open: the service may add members."""

from ..types import OpenStrEnum


class SourceType(OpenStrEnum):
    """Where a source reads its files from. The set is open: the service may add members."""

    AZURE = "azure"
    GCS = "gcs"
    S3 = "s3"
    S3_COMPATIBLE = "s3_compatible"
    WEBFOLDER = "webfolder"
    WEBPROXY = "webproxy"
