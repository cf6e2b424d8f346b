"""All exceptions of the SDK. They are plain data: they can be pickled, copied and sent to other processes.

```text
ImgwireError
├── ConfigurationError            the client cannot be built or used like this (also a ValueError)
├── InvalidArgumentError          an argument was rejected before any request (also a ValueError)
├── InvalidTransformationError    the CDN would reject the URL (also a ValueError)
├── APIStatusError                the service responded with an error status
│   ├── BadRequestError           400
│   ├── AuthenticationError       401
│   ├── PaymentRequiredError      402
│   ├── PermissionDeniedError     403
│   ├── NotFoundError             404
│   ├── ConflictError             409
│   ├── PayloadTooLargeError      413
│   ├── UnprocessableEntityError  422
│   ├── RateLimitError            429
│   └── InternalServerError       5xx
├── APIConnectionError            no usable response arrived
│   └── APITimeoutError           … within the time allowed
├── DeadlineExceededError         `deadline=` passed before the call ended
├── ResponseDecodeError           the response is not what the schema says
├── UnexpectedCancellationError   something that the call awaits was cancelled, but not the call
├── PaginationError               the paging headers of a list are invalid
├── UploadError                   uploading an image failed outside the API itself
│   ├── UploadSourceError         the source cannot be read, is empty or is not a file (also a ValueError)
│   │   └── SourceStoreError      … because of its object store (also a StoreError)
│   ├── UnsupportedImageTypeError the content is none of the types the service stores (also a ValueError)
│   ├── SourceChangedError        the source gave other bytes than its declared length
│   ├── UploadRejectedError       the object store rejected the bytes
│   ├── UploadVerificationError   the service has other bytes than were sent
│   └── ImageQuarantinedError     the service could not process the image
├── StoreError                    your object store rejected a request or cannot be reached
├── IngestError                   a bulk job could not continue
│   ├── JournalError              its journal is in use, damaged, not writable or of another job
│   └── IngestStoppedError        it stopped early and can be resumed
└── DownloadError                 downloading an image or archive failed outside the API itself
    ├── BulkDownloadFailedError   the service could not build the archive
    ├── DownloadRejectedError     the file's host responded with an error status
    ├── DownloadInterruptedError  the transfer broke, and part of the file was already delivered
    ├── DownloadTargetError       the file cannot be written: it exists, no such folder, disk full
    ├── DownloadVerificationError the file is not the original that the record describes
    └── ArchiveError              the archive is damaged, or not safe to extract
```
"""

from __future__ import annotations

from imgwire_async.errors.base import (
    CallContext,
    ConfigurationError,
    ImgwireError,
    InvalidArgumentError,
    in_context,
)
from imgwire_async.errors.calls import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    DeadlineExceededError,
    InternalServerError,
    NotFoundError,
    PaginationError,
    PayloadTooLargeError,
    PaymentRequiredError,
    PermissionDeniedError,
    RateLimitError,
    ResponseDecodeError,
    UnexpectedCancellationError,
    UnprocessableEntityError,
    ValidationIssue,
    status_error_class,
)
from imgwire_async.errors.jobs import DeploymentFailedError, IngestError, IngestStoppedError, JournalError
from imgwire_async.errors.stores import SourceStoreError, StoreError
from imgwire_async.errors.transfers import (
    ArchiveError,
    BulkDownloadFailedError,
    DownloadError,
    DownloadInterruptedError,
    DownloadRejectedError,
    DownloadTargetError,
    DownloadVerificationError,
    ImageQuarantinedError,
    SourceChangedError,
    UnsupportedImageTypeError,
    UploadError,
    UploadRejectedError,
    UploadSourceError,
    UploadVerificationError,
)
from imgwire_async.errors.transformations import InvalidTransformationError

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "ArchiveError",
    "AuthenticationError",
    "BadRequestError",
    "BulkDownloadFailedError",
    "CallContext",
    "ConfigurationError",
    "ConflictError",
    "DeadlineExceededError",
    "DeploymentFailedError",
    "DownloadError",
    "DownloadInterruptedError",
    "DownloadRejectedError",
    "DownloadTargetError",
    "DownloadVerificationError",
    "ImageQuarantinedError",
    "ImgwireError",
    "IngestError",
    "IngestStoppedError",
    "InternalServerError",
    "InvalidArgumentError",
    "InvalidTransformationError",
    "JournalError",
    "NotFoundError",
    "PaginationError",
    "PayloadTooLargeError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "RateLimitError",
    "ResponseDecodeError",
    "SourceChangedError",
    "SourceStoreError",
    "StoreError",
    "UnexpectedCancellationError",
    "UnprocessableEntityError",
    "UnsupportedImageTypeError",
    "UploadError",
    "UploadRejectedError",
    "UploadSourceError",
    "UploadVerificationError",
    "ValidationIssue",
    "in_context",
    "status_error_class",
]

# Tracebacks and pickles use the public path.
for _public in __all__:
    globals()[_public].__module__ = __name__
del _public
