"""The imgix Management API: client, records, filters, and rendering URLs.

Loaded only by those who import it: `import imgwire_async` does not.
"""

from imgwire_async.imgix.client import AsyncImgixClient
from imgwire_async.imgix.deployment import Deployment
from imgwire_async.imgix.filters import (
    AssetFilters,
    AssetSort,
    ReportFilters,
    ReportSort,
    SourceFilters,
    SourceSort,
)
from imgwire_async.imgix.records import (
    Asset,
    PublishReceipt,
    PurgeReceipt,
    Report,
    Source,
    UnpublishReceipt,
    UploadSession,
)
from imgwire_async.imgix.service import ImgixRateClass
from imgwire_async.imgix.urls import imgix_srcset, imgix_url, is_signed, url_signature

__all__ = [
    "Asset",
    "AssetFilters",
    "AssetSort",
    "AsyncImgixClient",
    "Deployment",
    "ImgixRateClass",
    "PublishReceipt",
    "PurgeReceipt",
    "Report",
    "ReportFilters",
    "ReportSort",
    "Source",
    "SourceFilters",
    "SourceSort",
    "UnpublishReceipt",
    "UploadSession",
    "imgix_srcset",
    "imgix_url",
    "is_signed",
    "url_signature",
]
