"""Errors of calls: error statuses, connections, deadlines and invalid responses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Unpack

from imgwire_async.errors.base import CallContext, ImgwireError


@dataclass(frozen=True, slots=True)
class ValidationIssue:
    """One entry of the `detail` array of a 422 response."""

    location: tuple[str | int, ...]
    """Location of the problem, such as `("body", "file_name")`."""
    message: str
    type: str


class APIStatusError(ImgwireError):
    """The service responded with a status of 400 or above, or with a redirect.

    Attributes:
        status: HTTP status. A plain `int`, because proxies send non-standard numbers (520).
        error_type: `error_type` of the body, such as `ResourceNotFoundError`. New values may appear.
        detail: `detail` of the body if it is text.
        errors: The parsed `detail` array of a 422.
        body: The body as parsed JSON, up to 64 KiB, if it is an error of the service: an object with
            `detail`. Queries of URLs and the `input` quoted by validation issues are removed. None for
            anything else, such as the page of a proxy, which may quote keys and signatures.
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
    """400: the request is malformed."""


class AuthenticationError(APIStatusError):
    """401: the key or token is missing, wrong, expired, or of a kind this operation does not accept."""


class PaymentRequiredError(APIStatusError):
    """402: the subscription is inactive, or a quota or plan feature is exhausted or missing."""


class PermissionDeniedError(APIStatusError):
    """403: the key or user may not do this, or not with this resource."""


class NotFoundError(APIStatusError):
    """404: the resource does not exist in this environment."""


class ConflictError(APIStatusError):
    """409: the request conflicts with the current state, for example a reused idempotency key."""


class PayloadTooLargeError(APIStatusError):
    """413: the image is larger than the key or the plan allows."""


class UnprocessableEntityError(APIStatusError):
    """422: a value was rejected; `errors` has the fields and reasons."""


class RateLimitError(APIStatusError):
    """429: too many requests; `retry_after` has the seconds to wait, if the service sent them."""


class InternalServerError(APIStatusError):
    """5xx: the service or a proxy in front of it failed."""


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
    """The response was successful but its content does not match the schema.

    Attributes:
        status: HTTP status of the response.
    """

    def __init__(self, message: str = "", *, status: int = 0, **context: Unpack[CallContext]) -> None:
        super().__init__(message, **context)
        self.status = status


class UnexpectedCancellationError(ImgwireError):
    """Something that a call awaits was cancelled, but not the call itself. The call did not complete.

    Either your own code that the call runs, such as a hook, a key provider or an iterable of items, raised
    `CancelledError` because something it awaited was cancelled; it is the `__cause__`. Or other code
    cancelled a task of the SDK.
    """


class PaginationError(ImgwireError):
    """The paging headers of a list are invalid: not a number, or a page that was already returned."""


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
    """The class for an HTTP status: a specific one if it exists, `InternalServerError` from 500 up."""
    return _STATUS_CLASSES.get(status, InternalServerError if status >= 500 else APIStatusError)
