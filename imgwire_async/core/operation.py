"""What the generated endpoints hand to the core: an operation of the service and one request for it."""

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
        # Type checkers are to know what is in here.
        return _moved.moved_name(__name__, name)


T = TypeVar("T")

_UNRESERVED: Final = re.compile(r"[\w.~-]+", re.ASCII)
"""Text that stands in a path as it is."""

QueryValue = str | int | float | bool
"""A query parameter as the generated endpoints give it, already converted to its wire form."""


class Replay(StrEnum):
    """Whether sending a request a second time is harmless."""

    SAFE = "safe"
    """The same state results however often it is sent: GET, DELETE, PATCH, bulk delete."""
    KEYED = "keyed"
    """Harmless as long as the body carries an `idempotency_key`."""
    UNSAFE = "unsafe"
    """Sent again only when the server cannot have acted on it."""
    LOOK_FIRST = "look_first"
    """Sent again only after looking whether the result is there: the core repeats it like an unsafe one, and
    the resource that knows where to look does the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of a service, as its contract declares it."""

    name: str
    """Resource and method as users call them, such as `images.create`."""
    method: str
    """HTTP method in upper case."""
    path: str
    """Path template, such as `/api/v1/images/{image_id}`."""
    auth: str
    """Which kind of credential it accepts, in the words of the service."""
    replay: Replay
    rate_class: str
    """Operations of one class count against one common rate limit; the service names the classes."""
    media_type: str = "application/json"
    """Sent as `Accept`, and as `Content-Type` of a JSON body."""
    slashes: frozenset[str] = frozenset()
    """Path parameters whose slashes stay slashes, such as the path of a file."""


# Not frozen, which would make it five times as dear: every call makes one.
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
        """The path with every parameter percent-encoded, so that none can leave its own segment.

        A parameter of `Operation.slashes` may have several segments. One slash at its start is dropped.

        Raises:
            ValueError: a parameter or one of its segments is empty, `.` or `..`, which no encoding can keep
                in its segment.
        """
        if not self.path_parameters:
            return self.operation.path
        encoded = {}
        for name, value in self.path_parameters.items():
            segments = value.removeprefix("/").split("/") if name in self.operation.slashes else (value,)
            if not {"", ".", ".."}.isdisjoint(segments):
                part = "" if len(segments) == 1 else " a segment of"
                raise ValueError(f"{self.operation.name}:{part} {name} must not be empty, '.' or '..'")
            # An id needs no encoding, and looking for that costs less.
            is_plain = _UNRESERVED.fullmatch(value) is not None
            encoded[name] = value if is_plain else "/".join(quote(segment, safe="") for segment in segments)
        return self.operation.path.format_map(encoded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response(Generic[T]):
    """The parsed response to one logical request."""

    data: T
    status: int
    headers: Mapping[str, str]
    """Response headers by lower-case name."""
    request_id: str | None
    """`X-Request-Id` of the response, when the service sends one."""
    attempts: int
    """How many times the request was sent, at least 1."""


class MisfitError(TypeError, ValueError):
    """The data of a response does not fit the schema. The text names the field and quotes no data."""


class Caller(Protocol):
    """What a generated endpoint needs: something that makes the call and has the response parsed."""

    async def call(self, request: Request, parse: Callable[[Any], T]) -> Response[T]:
        """Make the call, with whatever retries apply, and parse the JSON of the response with `parse`.

        `parse` may raise KeyError, TypeError, ValueError or AttributeError for a body that does not fit. Only
        a `MisfitError` and the name in a KeyError are shown to the user: others may quote the body.

        A response without a body is parsed as an empty JSON object.
        """
        ...


def list_of(parse: Callable[[Any], T]) -> Callable[[Any], list[T]]:
    """A parser for a JSON array whose items `parse` reads."""

    def parse_list(data: Any) -> list[T]:  # noqa: ANN401 - JSON of any shape
        if not isinstance(data, list):
            raise MisfitError(f"expected a JSON array, got {type(data).__name__}")
        return [parse(item) for item in data]

    return parse_list
