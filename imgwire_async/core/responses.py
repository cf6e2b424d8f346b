"""From the raw response of the service to parsed data or a typed error."""

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
_MAX_PARSED_ERROR = 1024 * 1024  # bytes; parsing more would hold up the event loop
_MAX_DEPTH_IN_ERROR = 50  # levels; what is nested deeper can be neither pickled nor copied
_MAX_MESSAGE = 300  # characters, so that `str(error)` fits a log line


# Not frozen, which would make it five times as dear: every attempt makes one.
@dataclass(slots=True)
class HttpResponse:
    """Status, headers (by lower-case name) and complete body of one HTTP response."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)  # may hold signed URLs and tokens
    problem: str | None = None
    """Why the body cannot be used: it is too large, or not encoded as declared. `content` is then empty."""

    @property
    def request_id(self) -> str | None:
        """`X-Request-Id`, when the service sends one."""
        return request_id_in(self.headers)

    @property
    def has_good_status(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx and the body can be used."""
        return self.has_good_status and self.problem is None

    @property
    def may_have_acted(self) -> bool:
        """Whether the request may have been carried out although this is no success.

        Of these statuses, any may come from a proxy whose upstream has acted.
        """
        return self.status == 408 or self.status >= 500


@dataclass(frozen=True, slots=True)
class NoResponse:
    """The exchange broke before a complete response was there."""

    name: str
    """The failure in one word, such as `ConnectTimeout`."""
    reason: str
    """The failure in a sentence that holds no secret."""
    may_have_acted: bool
    timed_out: bool
    status: ClassVar[None] = None
    is_success: ClassVar[bool] = False
    request_id: ClassVar[None] = None


Result: TypeAlias = HttpResponse | NoResponse
"""What one attempt gave."""

_STORE_CODE = re.compile(rb"<Code>\s*([A-Za-z0-9_.-]{1,80})\s*</Code>")


def refusal(response: HttpResponse) -> str:
    """Status and, when there is one, code of a response of an object store.

    Only the code of an S3-style XML response is shown: the rest of it may hold signatures and key ids.
    """
    code = _STORE_CODE.search(response.content[:MAX_BODY_IN_ERROR])
    return f"{response.status} {code[1].decode()}" if code else str(response.status)


def store_error(response: HttpResponse, context: CallContext) -> UploadRejectedError:
    """The error for a store that rejected the bytes."""
    what = f"the object store answered {refusal(response)}"
    return UploadRejectedError(what, status=response.status, **context)


ErrorFor: TypeAlias = Callable[[HttpResponse, CallContext], ImgwireError]
"""Makes the error for a response that is not a success."""


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
    """`X-Request-Id` when it looks like an id: up to 200 printable ASCII characters."""
    text = headers.get("x-request-id", "").partition(",")[0].strip()
    return text if _REQUEST_ID.fullmatch(text) else None


def parse_response(
    response: HttpResponse, parse: Callable[[Any], T], context: CallContext, *, is_deletion: bool = False
) -> T:
    """The data of a successful response.

    Args:
        response: what was received.
        parse: reads its JSON.
        context: what errors say about the call.
        is_deletion: accept any body, such as `OK` or `[]`: the status says all there is to say. Only a web
            page is no success even then, because it comes from something in front of the service.

    Raises:
        ResponseDecodeError: the body is not JSON, or not of the shape that `parse` reads.
    """
    # No local variable holds the body: this frame is in the traceback of what is raised.
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
    # Raised outside of `except`: the parser's own exception would show the body, secrets included.
    raise ResponseDecodeError(problem, status=response.status, **context)


def _parsed(content: bytes, parse: Callable[[Any], T]) -> T:
    # Nothing is what remains to be said of a deletion. Where fields are promised, it lacks them.
    document = json.loads(content) if content else {}
    try:
        return parse(document)
    except MisfitError:
        if document is not None:
            raise
    return parse({})  # `null` is how many frameworks write nothing


def error_document(content: bytes) -> Any:  # noqa: ANN401 - JSON of any shape
    """The JSON of an error's body as it may be shown; None for what is not JSON, too large or too deep.

    Its texts show URLs without their query, which may be signed.
    """
    if len(content) > _MAX_PARSED_ERROR:
        return None
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return None if _is_deeper_than(_MAX_DEPTH_IN_ERROR, parsed) else _without_queries(parsed)


def _without_queries(value: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    """JSON whose texts show URLs without their query, which may be signed."""
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
    """`text` for a log: in one line, without control characters, at most 300 characters."""
    text = " ".join(text[: 2 * _MAX_MESSAGE].split())
    text = "".join(character if character.isprintable() else "\ufffd" for character in text)
    return text if len(text) <= _MAX_MESSAGE else f"{text[: _MAX_MESSAGE - 1]}…"
