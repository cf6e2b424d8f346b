"""Async-first Python SDK for Imgwire, the image API and CDN.

Begin with `AsyncImgwireClient`. Records and enumerations are in `imgwire_async.models`, everything that can
be raised is in `imgwire_async.errors`.
"""

from imgwire_async.client import AsyncImgwireClient
from imgwire_async.core.options import Timeouts
from imgwire_async.core.retry import RetryEvent
from imgwire_async.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    DeadlineExceededError,
    ImageQuarantinedError,
    ImgwireError,
    InternalServerError,
    InvalidArgumentError,
    NotFoundError,
    PaginationError,
    PayloadTooLargeError,
    PaymentRequiredError,
    PermissionDeniedError,
    RateLimitError,
    ResponseDecodeError,
    SourceChangedError,
    UnprocessableEntityError,
    UnsupportedImageTypeError,
    UploadError,
    UploadRejectedError,
    UploadSourceError,
    ValidationIssue,
)
from imgwire_async.models import Image, ImageStatus, SupportedMimeType
from imgwire_async.pagination import Page, Pagination

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncImgwireClient",
    "AuthenticationError",
    "BadRequestError",
    "ConfigurationError",
    "ConflictError",
    "DeadlineExceededError",
    "Image",
    "ImageQuarantinedError",
    "ImageStatus",
    "ImgwireError",
    "InternalServerError",
    "InvalidArgumentError",
    "NotFoundError",
    "Page",
    "Pagination",
    "PaginationError",
    "PayloadTooLargeError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "RateLimitError",
    "ResponseDecodeError",
    "RetryEvent",
    "SourceChangedError",
    "SupportedMimeType",
    "Timeouts",
    "UnprocessableEntityError",
    "UnsupportedImageTypeError",
    "UploadError",
    "UploadRejectedError",
    "UploadSourceError",
    "ValidationIssue",
]
