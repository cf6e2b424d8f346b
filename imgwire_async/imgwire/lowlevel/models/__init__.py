"""The data models of requests and responses."""

from .bulk_delete_images import BulkDeleteImages
from .cache_hit_ratio_point import CacheHitRatioPoint
from .cors_origin import CorsOrigin
from .cors_origin_create import CorsOriginCreate
from .cors_origin_update import CorsOriginUpdate
from .custom_domain import CustomDomain
from .custom_domain_certificate_status import CustomDomainCertificateStatus
from .custom_domain_create import CustomDomainCreate
from .custom_domain_status import CustomDomainStatus
from .image import Image
from .image_download_job import ImageDownloadJob
from .image_download_job_create import ImageDownloadJobCreate
from .image_download_status import ImageDownloadStatus
from .image_status import ImageStatus
from .maps import CustomMetadata, ExifData
from .metrics_dataset_interval import MetricsDatasetInterval
from .metrics_datasets import MetricsDatasets
from .metrics_stat_value import MetricsStatValue
from .metrics_stats import MetricsStats
from .requests_point import RequestsPoint
from .standard_upload import StandardUpload
from .standard_upload_create import StandardUploadCreate
from .storage_bytes_point import StorageBytesPoint
from .supported_mime_type import SupportedMimeType
from .transfer_bytes_point import TransferBytesPoint
from .transformations_point import TransformationsPoint
from .upload_token import UploadToken
from .upload_via_url_create import UploadViaUrlCreate
from .uploads_point import UploadsPoint

__all__ = (
    "BulkDeleteImages",
    "CacheHitRatioPoint",
    "CorsOrigin",
    "CorsOriginCreate",
    "CorsOriginUpdate",
    "CustomDomain",
    "CustomDomainCertificateStatus",
    "CustomDomainCreate",
    "CustomDomainStatus",
    "CustomMetadata",
    "ExifData",
    "Image",
    "ImageDownloadJob",
    "ImageDownloadJobCreate",
    "ImageDownloadStatus",
    "ImageStatus",
    "MetricsDatasetInterval",
    "MetricsDatasets",
    "MetricsStats",
    "MetricsStatValue",
    "RequestsPoint",
    "StandardUpload",
    "StandardUploadCreate",
    "StorageBytesPoint",
    "SupportedMimeType",
    "TransferBytesPoint",
    "TransformationsPoint",
    "UploadsPoint",
    "UploadToken",
    "UploadViaUrlCreate",
)
