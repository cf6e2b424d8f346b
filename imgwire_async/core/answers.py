"""From the raw answer of the service to parsed data or a typed error."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from imgwire_async.core.operation import MisfitError
from imgwire_async.core.redaction import redacted
from imgwire_async.core.retry import Answered, TransportFailure
from imgwire_async.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    CallContext,
    ResponseDecodeError,
    UploadRejectedError,
    ValidationIssue,
    status_error_class,
)

T = TypeVar("T")

_MAX_BODY_IN_ERROR = 64 * 1024  # bytes
_MAX_PARSED_ERROR = 1024 * 1024  # bytes; parsing more would hold up the event loop
_MAX_DEPTH_IN_ERROR = 50  # levels; what is nested deeper can be neither pickled nor copied
_MAX_MESSAGE = 300  # characters, so that `str(error)` fits a log line

_ADVICE = {
    401: "check that api_key (or IMGWIRE_API_KEY) is a valid key of this environment and base URL",
    402: "check the subscription and quota in the dashboard",
    403: "the key or user lacks the permission for this",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (by lower-case name) and complete body of one HTTP response."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)  # may hold signed URLs and tokens

    @property
    def request_id(self) -> str | None:
        """`X-Request-Id`, when the service sends one."""
        return request_id_in(self.headers)

    @property
    def outcome(self) -> Answered:
        """What the retry engine looks at."""
        return Answered(self.status, self.headers)

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The exchange broke before a complete response was there."""

    name: str
    """The failure in one word, such as `ConnectTimeout`."""
    reason: str
    """The failure in a sentence that holds no secret."""
    may_have_acted: bool
    timed_out: bool

    @property
    def outcome(self) -> TransportFailure:
        """What the retry engine looks at."""
        return TransportFailure(self.name, self.may_have_acted)


@dataclass(frozen=True, slots=True)
class UnreadableAnswer:
    """A complete response whose body cannot be used: too large, or not in its declared encoding."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    reason: str

    @property
    def outcome(self) -> Answered:
        """What the retry engine looks at."""
        return Answered(self.status, self.headers)


_STORE_CODE = re.compile(rb"<Code>\s*([A-Za-z0-9_.-]{1,80})\s*</Code>")


def refusal(answer: Answer) -> str:
    """Status and, when there is one, code of an answer of an object store.

    Only the code of an S3-style XML answer is shown: the rest of it may hold signatures and key ids.
    """
    code = _STORE_CODE.search(answer.content[:_MAX_BODY_IN_ERROR])
    return f"{answer.status} {code[1].decode()}" if code else str(answer.status)


def store_error(answer: Answer, context: CallContext) -> UploadRejectedError:
    """The error for a store that refused the bytes."""
    what = f"the object store answered {refusal(answer)}"
    return UploadRejectedError(what, status=answer.status, **context)


def connection_error(failure: NoAnswer, context: CallContext) -> APIConnectionError:
    """The error for an exchange that gave no answer."""
    error_class = APITimeoutError if failure.timed_out else APIConnectionError
    return error_class(failure.reason, may_have_acted=failure.may_have_acted, **context)


_REQUEST_ID = re.compile(r"[!-~]{1,200}", re.ASCII)


def request_id_in(headers: Mapping[str, str]) -> str | None:
    """`X-Request-Id` when it looks like an id: up to 200 printable ASCII characters."""
    text = headers.get("x-request-id", "").partition(",")[0].strip()
    return text if _REQUEST_ID.fullmatch(text) else None


def parse_answer(answer: Answer, parse: Callable[[Any], T], context: CallContext) -> T:
    """The data of a successful answer.

    Raises:
        ResponseDecodeError: the body is not JSON, or not of the shape that `parse` reads.
    """
    empty = not answer.content.strip()
    try:
        # Nothing is what remains to be said of a deletion. Where fields are promised, it lacks them.
        return parse({} if empty else json.loads(answer.content))
    except KeyError as error:
        problem = one_line(f"the answer lacks the field {error}")
    except MisfitError as error:
        problem = one_line(f"the answer does not fit the schema: {error}")
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        problem = (
            "the answer is not JSON; is the base URL that of the API?"
            if isinstance(error, json.JSONDecodeError | UnicodeDecodeError)
            else "the answer does not fit the schema"  # the exception may quote it
        )
    if empty:
        problem = "the answer is empty; is the base URL that of the API?"
    # Raised outside of `except`: the parser's own exception would show the body, secrets included.
    raise ResponseDecodeError(problem, status=answer.status, **context)


def status_error(answer: Answer, context: CallContext) -> APIStatusError:
    """The error for an answer that is not a success.

    Understands both bodies of the service (`detail` as text with `error_type`, `detail` as an array of
    validation issues) and survives everything else that servers and proxies send: HTML, text, nothing.
    """
    fields = _error_fields(answer.content)
    raw_detail, raw_type = fields.get("detail"), fields.get("error_type")
    detail = raw_detail if isinstance(raw_detail, str) else None
    error_type = raw_type if isinstance(raw_type, str) else None
    issues = _validation_issues(raw_detail)
    return status_error_class(answer.status)(
        _message(answer.status, error_type, detail, issues),
        status=answer.status,
        error_type=error_type,
        detail=detail,
        errors=issues,
        body=fields if fields and len(answer.content) <= _MAX_BODY_IN_ERROR else None,
        **context,
    )


def _error_fields(content: bytes) -> dict[str, Any]:
    """The fields of an error body in one of the two shapes of the service; none of anything else.

    What somebody else has written, such as a proxy, may quote the request with its key.
    """
    if len(content) > _MAX_PARSED_ERROR:
        return {}
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(parsed, dict) or not isinstance(parsed.get("detail"), str | list):
        return {}
    if _is_deeper_than(_MAX_DEPTH_IN_ERROR, parsed):
        return {}
    shown: dict[str, Any] = _without_queries(parsed)
    if isinstance(shown["detail"], list):
        shown["detail"] = [_without_input(issue) for issue in shown["detail"]]
    return shown


def _without_queries(value: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    """JSON whose texts show URLs without their query, which may be signed."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, list):
        return [_without_queries(item) for item in value]
    if isinstance(value, dict):
        return {name: _without_queries(item) for name, item in value.items()}
    return value


def _without_input(issue: object) -> object:
    """A validation issue without what was sent, which may be a token or a signed URL."""
    if not isinstance(issue, dict):
        return issue
    return {name: value for name, value in issue.items() if name not in {"input", "ctx"}}


def _is_deeper_than(levels: int, value: object) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return False
    return levels == 0 or any(_is_deeper_than(levels - 1, item) for item in value)


def _validation_issues(detail: object) -> tuple[ValidationIssue, ...]:
    if not isinstance(detail, list):
        return ()
    return tuple(
        ValidationIssue(
            location=tuple(part for part in _as_list(entry.get("loc")) if isinstance(part, str | int)),
            message=str(entry.get("msg", "")),
            type=str(entry.get("type", "")),
        )
        for entry in detail
        if isinstance(entry, dict)
    )


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _message(
    status: int, error_type: str | None, detail: str | None, issues: tuple[ValidationIssue, ...]
) -> str:
    parts = [f"the service answered {status}{f' {error_type}' if error_type else ''}"]
    if detail:
        parts.append(detail)
    parts += [f"{'.'.join(map(str, issue.location))}: {issue.message}" for issue in issues]
    if 300 <= status < 400:
        parts.append("redirects are not followed; check the base URL")
    elif status in {404, 405} and error_type is None:
        parts.append("this does not look like the Imgwire API; check the base URL")
    elif advice := _ADVICE.get(status):
        parts.append(advice)
    return one_line("; ".join(parts))


def one_line(text: str) -> str:
    """`text` for a log: in one line, without control characters, at most 300 characters."""
    text = " ".join(text[: 2 * _MAX_MESSAGE].split())
    text = "".join(character if character.isprintable() else "\ufffd" for character in text)
    return text if len(text) <= _MAX_MESSAGE else f"{text[: _MAX_MESSAGE - 1]}…"
