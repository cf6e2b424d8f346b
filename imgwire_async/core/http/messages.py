"""The interface between the core and an HTTP library: requests, streaming responses and failures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from imgwire_async.core.body import CountedStream
from imgwire_async.core.clients.options import Timeouts
from imgwire_async.core.values.redaction import without_query


class HttpRequest:
    """One HTTP request, complete except for `Host`, which the HTTP library adds.

    Its `repr` omits the query and headers, which may contain credentials.
    """

    __slots__ = ("body", "headers", "method", "url")

    def __init__(
        self, method: str, url: str, headers: dict[str, str], body: bytes | CountedStream | None = None
    ) -> None:
        self.method = method
        self.url = url
        """Sent exactly as it is: a signature covers every character of it."""
        self.headers = headers
        self.body = body
        if body is not None:
            # Without it, HTTP libraries would use chunked encoding, which object stores reject.
            size = len(body) if isinstance(body, bytes) else body.size
            self.headers = headers | {"Content-Length": str(size)}

    def __repr__(self) -> str:
        return f"<HttpRequest {self.method} {without_query(self.url)}>"


class TransportError(Exception):
    """An exchange failed before its response was complete.

    Args:
        name: the failure in one word, such as `ConnectTimeout`.
        detail: the message of the operating system or TLS, or empty. Never text of the HTTP library, which
            may quote the response or the URL.
        may_have_acted: whether the server may have received the request. False for failures before its
            first byte is sent: name resolution, a refused connection, TLS, connect and pool timeouts.
        timed_out: whether it was a timeout.
        lack: the resource that this process or machine lacked to open a connection, such as file
            descriptors.
    """

    def __init__(
        self,
        name: str,
        detail: str,
        *,
        may_have_acted: bool,
        timed_out: bool = False,
        lack: str | None = None,
    ) -> None:
        super().__init__(name, detail)
        self.lack = lack
        self.name = name
        self.detail = detail
        self.may_have_acted = may_have_acted
        self.timed_out = timed_out


class StreamingResponse(Protocol):
    """The head of a response whose body has not been read yet."""

    @property
    def status(self) -> int:
        """HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers with lower-case names; repeated headers are joined with commas."""
        ...

    async def read(self) -> bytes:
        """Read the next bytes of the body, still compressed if the headers say so; empty at its end.

        Raises:
            TransportError: the transfer failed.
        """
        ...

    async def aclose(self) -> None:
        """Discard the rest of the body. Harmless if all of it has been read."""
        ...


class Transport(Protocol):
    """An HTTP library with its connections, which belong to one event loop."""

    @property
    def is_closed(self) -> bool:
        """Whether it can no longer send requests."""
        ...

    async def send(self, message: HttpRequest, timeouts: Timeouts) -> StreamingResponse:
        """Send a request and wait for the head of its response, which may be a redirect.

        Args:
            message: the request.
            timeouts: only `connect` and `read` apply here; for the others see `exchange`.

        Raises:
            TransportError: there is no response.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


def joined_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers with lower-case names; repeated headers are joined with commas (RFC 9110, 5.3)."""
    joined: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name = raw_name.decode("latin-1").lower()
        try:
            value = raw_value.decode()
        except UnicodeDecodeError:
            value = raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined
