"""The interface between generated endpoints and the core: an operation of the service and its requests."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar
from urllib.parse import quote

from imgwire_async import _moved

if TYPE_CHECKING:
    from imgwire_async.core.body import Body
else:

    def __getattr__(name: str) -> object:
        # Hidden from type checkers, which would otherwise accept any name in this module.
        return _moved.moved_name(__name__, name)


T = TypeVar("T")

_UNRESERVED: Final = re.compile(r"[\w.~-]+", re.ASCII)
"""Text that needs no encoding in a path."""

QueryValue = str | int | float | bool
"""A query parameter from a generated endpoint, already converted to its wire form."""


class Replay(StrEnum):
    """Whether a request can safely be sent a second time."""

    SAFE = "safe"
    """Idempotent: GET, DELETE, PATCH, bulk delete."""
    KEYED = "keyed"
    """Safe to repeat if the body contains an `idempotency_key`."""
    UNSAFE = "unsafe"
    """Repeated only if the server cannot have acted on it."""
    LOOK_FIRST = "look_first"
    """Repeated only after checking whether the result exists: the core treats it as unsafe, and the resource
    checks for the result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of a service, as its API schema declares it."""

    name: str
    """Resource and method as users call them, such as `images.create`."""
    method: str
    """HTTP method in upper case."""
    path: str
    """Path template, such as `/api/v1/images/{image_id}`."""
    auth: str
    """The kind of credential that it accepts, in the service's terms."""
    replay: Replay
    rate_class: str
    """Operations of one class share a rate limit; the service names the classes."""
    media_type: str = "application/json"
    """Sent as `Accept`, and as `Content-Type` of a JSON body."""
    slashes: frozenset[str] = frozenset()
    """Path parameters whose slashes are kept, such as the path of a file."""


# Not frozen, because every call creates one and frozen would take five times as long.
@dataclass(slots=True, kw_only=True)
class Request:
    """One logical request; the core may send it several times."""

    operation: Operation
    path_parameters: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, QueryValue] = field(default_factory=dict)
    json: Mapping[str, Any] | None = None
    """The JSON body, or None for a request without one."""
    content: bytes | Body | None = None
    """The body as bytes, instead of `json`."""
    content_type: str | None = None
    """`Content-Type` of `content`; None sends none."""

    @property
    def path(self) -> str:
        """The path with every parameter percent-encoded, so that none can escape its segment.

        A parameter in `Operation.slashes` may have several segments. A single leading slash is dropped.

        Raises:
            ValueError: a parameter or one of its segments is empty, `.` or `..`, which encoding cannot make
                safe.
        """
        if not self.path_parameters:
            return self.operation.path
        encoded = {}
        for name, value in self.path_parameters.items():
            segments = value.removeprefix("/").split("/") if name in self.operation.slashes else (value,)
            if not {"", ".", ".."}.isdisjoint(segments):
                part = "" if len(segments) == 1 else " a segment of"
                raise ValueError(f"{self.operation.name}:{part} {name} must not be empty, '.' or '..'")
            # Ids need no encoding, and checking for that is cheaper than encoding.
            is_plain = _UNRESERVED.fullmatch(value) is not None
            encoded[name] = value if is_plain else "/".join(quote(segment, safe="") for segment in segments)
        return self.operation.path.format_map(encoded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response(Generic[T]):
    """The parsed response to one logical request."""

    data: T
    status: int
    headers: Mapping[str, str]
    """Response headers with lower-case names."""
    request_id: str | None
    """The `X-Request-Id` header, or None if the service sends none."""
    attempts: int
    """Number of times the request was sent, at least 1."""


class MisfitError(TypeError, ValueError):
    """The data of a response does not match the schema. The message names the field and quotes no data."""


class Caller(Protocol):
    """The interface that a generated endpoint needs to make its calls."""

    async def call(self, request: Request, parse: Callable[[Any], T]) -> Response[T]:
        """Make the call, with retries, and parse the JSON of the response with `parse`.

        `parse` may raise KeyError, TypeError, ValueError or AttributeError for a body that does not match.
        Only a `MisfitError` and the name in a KeyError are shown to the user: others may quote the body.

        A response without a body is parsed as an empty JSON object.
        """
        ...


def list_of(parse: Callable[[Any], T]) -> Callable[[Any], list[T]]:
    """Build a parser for a JSON array from `parse`, which parses one item."""

    def parse_list(data: Any) -> list[T]:  # noqa: ANN401 - JSON of any shape
        if not isinstance(data, list):
            raise MisfitError(f"expected a JSON array, got {type(data).__name__}")
        return [parse(item) for item in data]

    return parse_list
