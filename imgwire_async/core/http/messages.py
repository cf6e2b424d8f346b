"""What the core hands to an HTTP library and gets back: a request, a response that streams, a failure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from imgwire_async.core.body import CountedStream
from imgwire_async.core.clients.options import Timeouts
from imgwire_async.core.values.redaction import without_query


class HttpRequest:
    """One HTTP request, complete but for `Host`, which the HTTP library adds.

    Its representation shows neither query nor headers, which may be credentials.
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
            # HTTP libraries would send a stream in chunks of unknown number, which object stores refuse.
            size = len(body) if isinstance(body, bytes) else body.size
            self.headers = headers | {"Content-Length": str(size)}

    def __repr__(self) -> str:
        return f"<HttpRequest {self.method} {without_query(self.url)}>"


class TransportError(Exception):
    """An exchange broke before its response was complete.

    Args:
        name: the failure in one word, such as `ConnectTimeout`.
        detail: what the operating system or TLS says about it, or nothing. Never text of the HTTP library,
            which may quote the response or the URL.
        may_have_acted: whether the server may have received the request. False for what goes wrong before
            its first byte is sent: name resolution, a refused connection, TLS, connect and pool timeouts.
        timed_out: whether a timeout has passed.
        lack: what this process or machine lacked to open a connection, such as file descriptors.
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
    """The head of a response, whose body is still to be read."""

    @property
    def status(self) -> int:
        """HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """By lower-case name; a header that came several times is joined with commas."""
        ...

    async def read(self) -> bytes:
        """What has arrived of the body, packed as the headers say; empty at its end.

        Raises:
            TransportError: the transfer broke.
        """
        ...

    async def aclose(self) -> None:
        """Leave the rest of the body unread. Harmless when all of it has been read."""
        ...


class Transport(Protocol):
    """An HTTP library with its connections, which belong to one event loop."""

    @property
    def is_closed(self) -> bool:
        """Whether it cannot send any more."""
        ...

    async def send(self, message: HttpRequest, timeouts: Timeouts) -> StreamingResponse:
        """Send a request and wait for the head of its response, which may be one of a redirect.

        Args:
            message: what to send.
            timeouts: of these, `connect` and `read`; for the others see `exchange`.

        Raises:
            TransportError: there is no response.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


def joined_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-case name; one that comes several times is joined with commas (RFC 9110, 5.3)."""
    joined: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name = raw_name.decode("latin-1").lower()
        try:
            value = raw_value.decode()
        except UnicodeDecodeError:
            value = raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined
