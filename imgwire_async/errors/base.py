"""The base class of all errors, and the errors for invalid arguments and configuration."""

from __future__ import annotations

from typing import Literal, TypedDict, TypeVar, Unpack


class CallContext(TypedDict, total=False):
    """The failed call. See `ImgwireError` for the meaning of each field."""

    operation: str | None
    method: str | None
    url: str | None
    attempts: int
    request_id: str | None
    retry_after: float | None
    idempotency_key: str | None


class ImgwireError(Exception):
    """Base class of all exceptions of the SDK.

    Attributes:
        message: What happened, in one sentence.
        operation: Name of the method called, such as `images.create`, or None outside of a call.
        method: HTTP method of the request that failed.
        url: URL of that request without its query, which may hold a signature or a token.
        attempts: How many times the request was sent.
        request_id: `X-Request-Id` of the response, if there is one.
        retry_after: Seconds the service asked to wait, or None.
        idempotency_key: The key that makes it safe to repeat this upload, if the call has one.
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
        # True for every exception; stated here so that type checkers can narrow `outcome.error or
        # outcome.image.id`.
        return True


E = TypeVar("E", bound=ImgwireError)


def in_context(error: E, context: CallContext) -> E:
    """Add the details of the call to `error`, and drop its traceback so far."""
    for name, value in context.items():
        setattr(error, name, value)
    return error.with_traceback(None)


class ConfigurationError(ImgwireError, ValueError):
    """The client cannot be used as configured: no API key, an invalid base URL, a closed client."""


class InvalidArgumentError(ImgwireError, ValueError):
    """An argument is invalid; no request was sent."""
