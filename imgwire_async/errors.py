"""Everything the SDK raises. All classes are plain data: they pickle, copy and cross process borders.

```text
ImgwireError
├── ConfigurationError            the client cannot be built or used like this (also a ValueError)
├── InvalidArgumentError          an argument was rejected before any request (also a ValueError)
├── InvalidTransformationError    a CDN URL with it would be rejected (also a ValueError)
├── APIStatusError                the service answered with an error status
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
├── PaginationError               the paging headers of a list lead nowhere
├── UploadError                   sending an image failed outside the API itself
│   ├── UploadSourceError         the source cannot be read, is empty or is not a file (also a ValueError)
│   ├── UnsupportedImageTypeError the content is none of the types the service stores (also a ValueError)
│   ├── SourceChangedError        the source gave other bytes than its declared length
│   ├── UploadRejectedError       the object store rejected the bytes
│   ├── UploadVerificationError   the service has other bytes than were sent
│   └── ImageQuarantinedError     the service could not process the image
├── IngestError                   a bulk job could not go on
│   ├── JournalError              its journal is in use, damaged, not writable, or that of another job
│   └── IngestStoppedError        it stopped early and can be resumed
└── DownloadError                 fetching an image or archive failed outside the API itself
    ├── BulkDownloadFailedError   the service could not make the archive
    ├── DownloadRejectedError     the file's host responded with with an error status
    ├── DownloadInterruptedError  the rest of a file cannot be fetched, and its beginning is handed out
    ├── DownloadTargetError       the file cannot be written: it exists, no such folder, disk full
    └── ArchiveError              the archive is damaged, or not safe to extract
```
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, TypeVar, Unpack


@dataclass(frozen=True, slots=True)
class ValidationIssue:
    """One entry of the `detail` array of a 422 answer."""

    location: tuple[str | int, ...]
    """Where the service found the problem, such as `("body", "file_name")`."""
    message: str
    type: str


class CallContext(TypedDict, total=False):
    """What is known about the call that failed. See `ImgwireError` for the meaning of each field."""

    operation: str | None
    method: str | None
    url: str | None
    attempts: int
    request_id: str | None
    retry_after: float | None
    idempotency_key: str | None


class ImgwireError(Exception):
    """Base class of everything the SDK raises on purpose.

    Attributes:
        message: What happened, in one sentence.
        operation: The call as the user made it, such as `images.create`, or None outside of a call.
        method: HTTP method of the request that failed.
        url: URL of that request without its query, which may hold a signature or a token.
        attempts: How many times the request was sent.
        request_id: `X-Request-Id` of the response, when there is one.
        retry_after: Seconds the service asked to wait, when it did.
        idempotency_key: The key that makes repeating this upload harmless, when the call has one.
        resume_page: Number of the page that an iteration over a list could not fetch.
        resume_cursor: Cursor of that page, in a list with cursors.
    """

    resume_page: int | None = None
    resume_cursor: str | None = None

    def __init__(self, message: str = "", **context: Unpack[CallContext]) -> None:
        super().__init__(message)
        self.message = message
        self.operation: str | None = context.get("operation")
        self.method: str | None = context.get("method")
        self.url: str | None = context.get("url")
        self.attempts: int = context.get("attempts", 0)
        self.request_id: str | None = context.get("request_id")
        self.retry_after: float | None = context.get("retry_after")
        self.idempotency_key: str | None = context.get("idempotency_key")

    def __str__(self) -> str:
        what = f"{self.operation}: {self.message}" if self.operation else self.message
        facts = [f"{self.method} {self.url}"] if self.method and self.url else []
        if self.request_id:
            facts.append(f"request {self.request_id:.100}")
        if self.attempts > 1:
            facts.append(f"{self.attempts} attempts")
        return f"{what} ({', '.join(facts)})" if facts else what

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __bool__(self) -> Literal[True]:
        # As for every exception; said here, it lets type checkers follow `outcome.error or outcome.image.id`.
        return True


E = TypeVar("E", bound=ImgwireError)


def in_context(error: E, context: CallContext) -> E:
    """Complete `error` with what is known about the call, without its traceback so far."""
    for name, value in context.items():
        setattr(error, name, value)
    return error.with_traceback(None)


class ConfigurationError(ImgwireError, ValueError):
    """The client cannot work as configured: no API key, an impossible base URL, a closed client."""


class InvalidArgumentError(ImgwireError, ValueError):
    """An argument can never be right; nothing was sent."""


class APIStatusError(ImgwireError):
    """The service answered with a status of 400 or above, or with a redirect.

    Attributes:
        status: HTTP status. A plain `int`, because proxies send numbers that no standard lists (520).
        error_type: `error_type` of the body, such as `ResourceNotFoundError`. An open set.
        detail: `detail` of the body when it is text.
        errors: The parsed `detail` array of a 422.
        body: The body as parsed JSON, up to 64 KiB, if it is an error in a form of the service: an object
            with `detail`. URLs in it have lost their query, and issues the `input` they quote. None for
            anything else, such as a page of a proxy, which may quote keys and signatures.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status: int = 0,
        error_type: str | None = None,
        detail: str | None = None,
        errors: Sequence[ValidationIssue] = (),
        body: Any = None,  # noqa: ANN401 - JSON of any shape
        **context: Unpack[CallContext],
    ) -> None:
        super().__init__(message, **context)
        self.status = status
        self.error_type = error_type
        self.detail = detail
        self.errors: tuple[ValidationIssue, ...] = tuple(errors)
        self.body = body


class BadRequestError(APIStatusError):
    """400: the service could not make sense of the request."""


class AuthenticationError(APIStatusError):
    """401: the key or token is missing, wrong, expired, or of a kind this operation does not accept."""


class PaymentRequiredError(APIStatusError):
    """402: the subscription is inactive, or a quota or plan feature is exhausted or missing."""


class PermissionDeniedError(APIStatusError):
    """403: the key or user may not do this, or not with this resource."""


class NotFoundError(APIStatusError):
    """404: no such resource in this environment."""


class ConflictError(APIStatusError):
    """409: the request contradicts the present state, for example a reused idempotency key."""


class PayloadTooLargeError(APIStatusError):
    """413: the image is over the size that the key or the plan allows."""


class UnprocessableEntityError(APIStatusError):
    """422: a value was rejected; `errors` tells which and why."""


class RateLimitError(APIStatusError):
    """429: too many requests; `retry_after` holds the seconds to wait, when the service says so."""


class InternalServerError(APIStatusError):
    """5xx: the service or a proxy before it failed."""


class APIConnectionError(ImgwireError):
    """No usable response: name resolution, connection, TLS, a reset, a truncated or malformed response.

    Attributes:
        may_have_acted: False when the request certainly never reached the service.
    """

    def __init__(
        self, message: str = "", *, may_have_acted: bool = True, **context: Unpack[CallContext]
    ) -> None:
        super().__init__(message, **context)
        self.may_have_acted = may_have_acted


class APITimeoutError(APIConnectionError):
    """A phase of the request took longer than its timeout."""


class DeadlineExceededError(ImgwireError):
    """The call's `deadline` passed, counting every attempt and every wait between them."""


class ResponseDecodeError(ImgwireError):
    """The response had a good status but not the content that the schema promises.

    Attributes:
        status: HTTP status of the response.
    """

    def __init__(self, message: str = "", *, status: int = 0, **context: Unpack[CallContext]) -> None:
        super().__init__(message, **context)
        self.status = status


class UnexpectedCancellationError(ImgwireError):
    """Something that a call awaits was cancelled, but not the call itself; it did not get to its end.

    Code of your own that the call runs, such as a hook, a key provider or an iterable of items, raised
    `CancelledError` because what it awaits was cancelled; `__cause__` has it. Or other code has cancelled a
    task of the SDK.
    """


class PaginationError(ImgwireError):
    """The paging headers of a list lead nowhere: no number, or a page that was already given out."""


class UploadError(ImgwireError):
    """An image could not be sent or used, for a reason outside the API call itself."""


class UploadSourceError(UploadError, ValueError):
    """The source cannot be read, is empty, or is of an unsupported type. Nothing was sent."""


class UnsupportedImageTypeError(UploadError, ValueError):
    """Neither content nor name shows a type that the service stores. Nothing was sent."""


class SourceChangedError(UploadError):
    """The source gave more or fewer bytes than it declared, as a file does that is being written."""


class UploadRejectedError(UploadError):
    """The object store rejected the bytes.

    Attributes:
        status: HTTP status of the store's answer.
    """

    def __init__(self, message: str = "", *, status: int = 0, **context: Unpack[CallContext]) -> None:
        super().__init__(message, **context)
        self.status = status


class UploadVerificationError(UploadError):
    """The record of an image does not have the size or the hash of what was sent.

    Attributes:
        image_id: Id of the record, as text.
    """

    def __init__(self, message: str = "", *, image_id: str = "", **context: Unpack[CallContext]) -> None:
        super().__init__(message, **context)
        self.image_id = image_id


class ImageQuarantinedError(UploadError):
    """The service could not process the image: its source could not be fetched, or its data not be used.

    Data is not used that is damaged, too large, or not of the declared type.

    The service gives no reason; the meaning of `QUARANTINE` is undocumented.

    Attributes:
        image_id: Id of the record, as text.
    """

    def __init__(self, message: str = "", *, image_id: str = "", **context: Unpack[CallContext]) -> None:
        super().__init__(message, **context)
        self.image_id = image_id


class IngestError(ImgwireError):
    """A bulk job could not go on."""


class JournalError(IngestError):
    """The journal is in use, damaged, not writable, or that of another program, job, service or source.

    Nothing in it was overwritten. Once the cause is gone, the same job resumes where it was.

    Attributes:
        reason: What passes, in one word: `in_use`, `full` (the disk), `not_writable` or `damaged`. Empty when
            another file has to be named, because this one belongs to something else.
    """

    def __init__(self, message: str = "", *, reason: str = "", **context: Unpack[CallContext]) -> None:
        super().__init__(message, **context)
        self.reason = reason


class IngestStoppedError(IngestError):
    """A bulk job stopped early. What was in flight has ended, and the same job run again goes on.

    Attributes:
        reason: Why, in one word: `error`, `failures`, `same_failure`, `outage`, `deadline` or `worker`.
    """

    def __init__(self, message: str = "", *, reason: str = "", **context: Unpack[CallContext]) -> None:
        super().__init__(message, **context)
        self.reason = reason


class DownloadError(ImgwireError):
    """An image or archive could not be fetched or stored, for a reason outside the API call itself."""


class BulkDownloadFailedError(DownloadError):
    """The job of a bulk download ended as `FAILED`: there is no archive. The service gives no reason.

    Attributes:
        job_id: Id of the job, as text.
    """

    def __init__(self, message: str = "", *, job_id: str = "", **context: Unpack[CallContext]) -> None:
        super().__init__(message, **context)
        self.job_id = job_id


class DownloadRejectedError(DownloadError):
    """The host of the file answered with an error status, or with a redirect that is not followed.

    Attributes:
        status: HTTP status of the response.
    """

    def __init__(self, message: str = "", *, status: int = 0, **context: Unpack[CallContext]) -> None:
        super().__init__(message, **context)
        self.status = status


class DownloadInterruptedError(DownloadError):
    """A transfer broke and cannot resume where it was, and the bytes so far cannot be taken back."""


class DownloadTargetError(DownloadError):
    """The target cannot be written: it exists, its folder does not, the disk is full.

    Attributes:
        errno: Number of the operating system's error, such as `errno.ENOSPC`, or None.
    """

    def __init__(
        self, message: str = "", *, errno: int | None = None, **context: Unpack[CallContext]
    ) -> None:
        super().__init__(message, **context)
        self.errno = errno


class ArchiveError(DownloadError):
    """The archive is damaged, or holds what must not be extracted. Nothing of it was kept.

    Attributes:
        entry: Name of the entry that was rejected, as the archive spells it, or None.
    """

    def __init__(
        self, message: str = "", *, entry: str | None = None, **context: Unpack[CallContext]
    ) -> None:
        super().__init__(message, **context)
        self.entry = entry


class DeploymentFailedError(ImgwireError):
    """A source is disabled or deleted, so there is no use in waiting for its deployment.

    Attributes:
        source_id: Id of the source.
    """

    def __init__(self, message: str = "", *, source_id: str = "", **context: Unpack[CallContext]) -> None:
        super().__init__(message, **context)
        self.source_id = source_id


class InvalidTransformationError(ImgwireError, ValueError):
    """A transformation, preset or CDN URL that the service would refuse; nothing was sent.

    Plain data: it pickles and copies, whatever the rejected value was.

    Attributes:
        transformation: The canonical name; an unknown name as given; `preset`, `cdn_url`, `srcset` or
            `attributes` when one of those was rejected.
        value: What was rejected. Long text is cut; anything but plain data is described by its type.
        allowed: What would have been right, in words.
        suggestion: The closest allowed value or name, or None when nothing is close.
    """

    def __init__(
        self, transformation: str = "", value: object = None, allowed: str = "", suggestion: str | None = None
    ) -> None:
        name = transformation if transformation.isprintable() else repr(transformation)
        value = _plain(value)
        shown = repr(value)
        shown = shown if len(shown) <= 120 else f"{shown[:119]}…"
        hint = f" Did you mean {suggestion!r}?" if suggestion else ""
        super().__init__(f"{name[:120]}={shown} is not allowed.{hint} Allowed: {allowed}.")
        self.transformation = transformation
        self.value = value
        self.allowed = allowed
        self.suggestion = suggestion

    def __reduce__(self) -> tuple[type[InvalidTransformationError], tuple[object, ...]]:
        return type(self), (self.transformation, self.value, self.allowed, self.suggestion)


def _plain(value: object, depth: int = 3) -> object:
    """A bounded copy of `value` that pickles; no method of a foreign object is called."""
    kind = type(value)
    if kind is str and isinstance(value, str):
        return value if len(value) <= 200 else f"{value[:199]}…"
    if kind is int and isinstance(value, int):
        return value if value.bit_length() <= 128 else f"<an integer of {value.bit_length()} bits>"
    if value is None or kind in (bool, float):
        return value
    if depth and kind is dict and isinstance(value, dict) and len(value) <= 20:
        return {_plain(key, 0): _plain(item, depth - 1) for key, item in value.items()}
    if depth and kind is list and isinstance(value, list) and len(value) <= 20:
        return [_plain(item, depth - 1) for item in value]
    return f"<{kind.__name__}>"


_STATUS_CLASSES: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: PaymentRequiredError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    413: PayloadTooLargeError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}


def status_error_class(status: int) -> type[APIStatusError]:
    """The class for an HTTP status: its own where one exists, `InternalServerError` from 500 up."""
    return _STATUS_CLASSES.get(status, InternalServerError if status >= 500 else APIStatusError)
