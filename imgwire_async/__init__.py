"""Async-first Python SDK for Imgwire, the image API and CDN.

Start with `AsyncImgwireClient`. Records and enumerations are in `imgwire_async.models`, exceptions in
`imgwire_async.errors`.
"""

# Names are loaded on first use: importing the package stays cheap, and the command line can handle Ctrl-C
# before anything heavy is loaded.

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

from imgwire_async import _moved

if TYPE_CHECKING:
    from imgwire_async.bodies.progress import UploadProgress
    from imgwire_async.core.clients.events import CallEvent, RequestEvent, ResponseEvent, RetryEvent
    from imgwire_async.core.clients.options import Timeouts
    from imgwire_async.core.logical_call import ClientStats
    from imgwire_async.core.operation import Response
    from imgwire_async.core.pace.limits import RateLimit
    from imgwire_async.core.paging import Page, Pagination
    from imgwire_async.downloads.archive_limits import ArchiveLimits
    from imgwire_async.downloads.archives import ExtractedFiles, RenamedFile
    from imgwire_async.downloads.files import DownloadedFile
    from imgwire_async.downloads.streams import DownloadStream
    from imgwire_async.errors import *
    from imgwire_async.imgwire.cdn import Transformation, cdn_url, parse_cdn_url
    from imgwire_async.imgwire.client import AsyncImgwireClient
    from imgwire_async.imgwire.export.filters import ImageFilters
    from imgwire_async.imgwire.export.job import ExportJob
    from imgwire_async.imgwire.export.records import ExportedImage
    from imgwire_async.imgwire.service import RateClass
    from imgwire_async.imgwire.upload_many import (
        Uploaded,
        UploadFailed,
        UploadItem,
        UploadMany,
        UploadOutcome,
    )
    from imgwire_async.ingest.items import IngestItem
    from imgwire_async.ingest.job import IngestJob
    from imgwire_async.ingest.results.outcomes import AlreadyStored, Failed, Skipped, SkipReason, Stored
    from imgwire_async.ingest.results.report import FailureGroup, Progress, Report
    from imgwire_async.ingest.runners.ray_runner import RayRunner
    from imgwire_async.ingest.sources.buckets import Bucket
    from imgwire_async.ingest.sources.folders import Folder
    from imgwire_async.ingest.sources.manifests import Manifest
    from imgwire_async.models import Image, ImageStatus, SupportedMimeType

_NAMES: Final = {
    "bodies.progress": ("UploadProgress",),
    "core.clients.events": (
        "CallEvent",
        "RequestEvent",
        "ResponseEvent",
        "RetryEvent",
    ),
    "core.logical_call": ("ClientStats",),
    "core.operation": ("Response",),
    "core.clients.options": ("Timeouts",),
    "core.pace.limits": ("RateLimit",),
    "core.paging": (
        "Page",
        "Pagination",
    ),
    "downloads.archive_limits": ("ArchiveLimits",),
    "downloads.archives": (
        "ExtractedFiles",
        "RenamedFile",
    ),
    "downloads.files": ("DownloadedFile",),
    "downloads.streams": ("DownloadStream",),
    "imgwire.cdn": (
        "Transformation",
        "cdn_url",
        "parse_cdn_url",
    ),
    "imgwire.client": ("AsyncImgwireClient",),
    "imgwire.export.filters": ("ImageFilters",),
    "imgwire.export.job": ("ExportJob",),
    "imgwire.export.records": ("ExportedImage",),
    "imgwire.service": ("RateClass",),
    "imgwire.upload_many": (
        "UploadItem",
        "UploadMany",
        "UploadFailed",
        "UploadOutcome",
        "Uploaded",
    ),
    "ingest.items": ("IngestItem",),
    "ingest.job": ("IngestJob",),
    "ingest.results.outcomes": (
        "AlreadyStored",
        "Failed",
        "Skipped",
        "SkipReason",
        "Stored",
    ),
    "ingest.results.report": (
        "FailureGroup",
        "Progress",
        "Report",
    ),
    "ingest.runners.ray_runner": ("RayRunner",),
    "ingest.sources.buckets": ("Bucket",),
    "ingest.sources.folders": ("Folder",),
    "ingest.sources.manifests": ("Manifest",),
    "models": (
        "Image",
        "ImageStatus",
        "SupportedMimeType",
    ),
}
"""The same names by module, for use at run time. All others of `__all__` are in `errors`."""

_MODULES: Final = {name: module for module, names in _NAMES.items() for name in names}
_SUBMODULES: Final = frozenset({module.partition(".")[0] for module in _NAMES} | {"cdn", "errors"})
"""Submodules that are available as attributes after `import imgwire_async`."""

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AlreadyStored",
    "ArchiveError",
    "ArchiveLimits",
    "AsyncImgwireClient",
    "AuthenticationError",
    "BadRequestError",
    "Bucket",
    "BulkDownloadFailedError",
    "CallEvent",
    "ClientStats",
    "ConfigurationError",
    "ConflictError",
    "DeadlineExceededError",
    "DeploymentFailedError",
    "DownloadError",
    "DownloadInterruptedError",
    "DownloadRejectedError",
    "DownloadStream",
    "DownloadTargetError",
    "DownloadVerificationError",
    "DownloadedFile",
    "ExportJob",
    "ExportedImage",
    "ExtractedFiles",
    "Failed",
    "FailureGroup",
    "Folder",
    "Image",
    "ImageFilters",
    "ImageQuarantinedError",
    "ImageStatus",
    "ImgwireError",
    "IngestError",
    "IngestItem",
    "IngestJob",
    "IngestStoppedError",
    "InternalServerError",
    "InvalidArgumentError",
    "InvalidTransformationError",
    "JournalError",
    "Manifest",
    "NotFoundError",
    "Page",
    "Pagination",
    "PaginationError",
    "PayloadTooLargeError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "Progress",
    "RateClass",
    "RateLimit",
    "RateLimitError",
    "RayRunner",
    "RenamedFile",
    "Report",
    "RequestEvent",
    "Response",
    "ResponseDecodeError",
    "ResponseEvent",
    "RetryEvent",
    "SkipReason",
    "Skipped",
    "SourceChangedError",
    "SourceStoreError",
    "StoreError",
    "Stored",
    "SupportedMimeType",
    "Timeouts",
    "Transformation",
    "UnexpectedCancellationError",
    "UnprocessableEntityError",
    "UnsupportedImageTypeError",
    "UploadError",
    "UploadFailed",
    "UploadItem",
    "UploadMany",
    "UploadOutcome",
    "UploadProgress",
    "UploadRejectedError",
    "UploadSourceError",
    "UploadVerificationError",
    "Uploaded",
    "ValidationIssue",
    "cdn_url",
    "parse_cdn_url",
]

_moved.install()


if not TYPE_CHECKING:  # type checkers are to know what is in here

    def __getattr__(name: str) -> object:
        if name in __all__:
            value = getattr(importlib.import_module(f"{__name__}.{_MODULES.get(name, 'errors')}"), name)
            globals()[name] = value
            return value
        if name in _SUBMODULES:
            return importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
