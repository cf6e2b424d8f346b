"""Turn raw responses of the service into parsed data or typed errors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias, TypeVar

from imgwire_async.core.operation import MisfitError
from imgwire_async.core.values.redaction import redacted
from imgwire_async.errors import (
    APIConnectionError,
    APITimeoutError,
    CallContext,
    ImgwireError,
    ResponseDecodeError,
    UploadRejectedError,
)

T = TypeVar("T")

MAX_BODY_IN_ERROR = 64 * 1024  # bytes
_MAX_PARSED_ERROR = 1024 * 1024  # bytes; parsing more would block the event loop
_MAX_DEPTH_IN_ERROR = 50  # levels; deeper nesting can be neither pickled nor copied
_MAX_MESSAGE = 300  # characters, so that `str(error)` fits a log line


# Not frozen, because every attempt creates one and frozen would take five times as long.
@dataclass(slots=True)
class HttpResponse:
    """Status, headers (with lower-case names) and complete body of one HTTP response."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)  # may hold signed URLs and tokens
    problem: str | None = None
    """Why the body is unusable: too large, or not encoded as declared. `content` is then empty."""

    @property
    def request_id(self) -> str | None:
        """The `X-Request-Id` header, or None if the service sends none."""
        return request_id_in(self.headers)

    @property
    def has_good_status(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx and the body is usable."""
        return self.has_good_status and self.problem is None

    @property
    def may_have_acted(self) -> bool:
        """Whether the request may have taken effect even though the response is not a success.

        Any of these statuses may come from a proxy whose upstream has carried out the request.
        """
        return self.status == 408 or self.status >= 500


@dataclass(frozen=True, slots=True)
class NoResponse:
    """The exchange failed before a complete response arrived."""

    name: str
    """The failure in one word, such as `ConnectTimeout`."""
    reason: str
    """The failure in a sentence, without secrets."""
    may_have_acted: bool
    timed_out: bool
    status: ClassVar[None] = None
    is_success: ClassVar[bool] = False
    request_id: ClassVar[None] = None


Result: TypeAlias = HttpResponse | NoResponse
"""The result of one attempt."""

_STORE_CODE = re.compile(rb"<Code>\s*([A-Za-z0-9_.-]{1,80})\s*</Code>")


def refusal(response: HttpResponse) -> str:
    """The status of an object store's response, with its error code if there is one.

    Of an S3-style XML response, only the code is shown: the rest may contain signatures and key ids.
    """
    code = _STORE_CODE.search(response.content[:MAX_BODY_IN_ERROR])
    return f"{response.status} {code[1].decode()}" if code else str(response.status)


def store_error(response: HttpResponse, context: CallContext) -> UploadRejectedError:
    """The error for an object store that rejected the bytes."""
    what = f"the object store responded with {refusal(response)}"
    return UploadRejectedError(what, status=response.status, **context)


ErrorFor: TypeAlias = Callable[[HttpResponse, CallContext], ImgwireError]
"""Builds the error for a response that is not a success."""


def failure(result: Result, context: CallContext, error_for: ErrorFor) -> ImgwireError:
    """The error for an attempt that did not succeed."""
    if isinstance(result, NoResponse):
        error_class = APITimeoutError if result.timed_out else APIConnectionError
        return error_class(result.reason, may_have_acted=result.may_have_acted, **context)
    context = context | CallContext(request_id=result.request_id)
    if result.has_good_status:
        return ResponseDecodeError(result.problem or "", status=result.status, **context)
    return error_for(result, context)


_REQUEST_ID = re.compile(r"[!-~]{1,200}", re.ASCII)


def request_id_in(headers: Mapping[str, str]) -> str | None:
    """The `X-Request-Id` header, if it looks like an id: up to 200 printable ASCII characters."""
    text = headers.get("x-request-id", "").partition(",")[0].strip()
    return text if _REQUEST_ID.fullmatch(text) else None


def parse_response(
    response: HttpResponse, parse: Callable[[Any], T], context: CallContext, *, is_deletion: bool = False
) -> T:
    """Parse the data of a successful response.

    Args:
        response: the response.
        parse: converts its JSON to data.
        context: details of the call, for errors.
        is_deletion: accept any body, such as `OK` or `[]`, because the status is enough. Only a web page is
            still rejected, because it comes from something in front of the service.

    Raises:
        ResponseDecodeError: the body is not JSON, or does not have the shape that `parse` expects.
    """
    # No local variable holds the body: this frame is in the traceback of the exceptions raised here.
    try:
        return _parsed(response.content.strip(), parse)
    except KeyError as error:
        problem = one_line(f"the response lacks the field {error}")
    except MisfitError as error:
        problem = one_line(f"the response does not match the schema: {error}")
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        problem = (
            "the response is not JSON; does the base URL point to the API?"
            if isinstance(error, json.JSONDecodeError | UnicodeDecodeError)
            else "the response does not match the schema"  # the exception may quote it
        )
    start = response.content.lstrip()[:1]
    if is_deletion and start != b"<":
        return parse({})
    if not start:
        problem = "the response is empty; does the base URL point to the API?"
    # Raised outside `except`: the parser's own exception would show the body, including secrets.
    raise ResponseDecodeError(problem, status=response.status, **context)


def _parsed(content: bytes, parse: Callable[[Any], T]) -> T:
    # An empty body is fine for a deletion. Where fields are required, `parse` reports them as missing.
    document = json.loads(content) if content else {}
    try:
        return parse(document)
    except MisfitError:
        if document is not None:
            raise
    return parse({})  # many frameworks send `null` as an empty body


def error_document(content: bytes) -> Any:  # noqa: ANN401 - JSON of any shape
    """The JSON of an error's body, safe to show; None if it is not JSON, too large or too deeply nested.

    Strings show URLs without their query, which may be signed.
    """
    if len(content) > _MAX_PARSED_ERROR:
        return None
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return None if _is_deeper_than(_MAX_DEPTH_IN_ERROR, parsed) else _without_queries(parsed)


def _without_queries(value: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    """Remove the query, which may be signed, from URLs in the strings of a JSON value."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, list):
        return [_without_queries(item) for item in value]
    if isinstance(value, dict):
        return {name: _without_queries(item) for name, item in value.items()}
    return value


def _is_deeper_than(levels: int, value: object) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return False
    return levels == 0 or any(_is_deeper_than(levels - 1, item) for item in value)


def one_line(text: str) -> str:
    """Format `text` for a log: on one line, without control characters, at most 300 characters."""
    text = " ".join(text[: 2 * _MAX_MESSAGE].split())
    text = "".join(character if character.isprintable() else "\ufffd" for character in text)
    return text if len(text) <= _MAX_MESSAGE else f"{text[: _MAX_MESSAGE - 1]}…"
