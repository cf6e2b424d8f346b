"""Requests over httpx: with the caller's own client, and on trio."""

from __future__ import annotations

import ssl
import sys
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import suppress
from typing import Self, TypeAlias

import anyio
import httpx

from imgwire_async.core.clients.options import Timeouts
from imgwire_async.core.http.failures import BELOW_HTTP, failure_below_http, system_detail
from imgwire_async.core.http.library_logs import redacted_logs
from imgwire_async.core.http.messages import HttpRequest, TransportError, joined_headers
from imgwire_async.core.http.sockets import KEEPALIVE_SECONDS, SOCKET_OPTIONS
from imgwire_async.core.http.tls import LateTls
from imgwire_async.core.pace.local_limits import lacking
from imgwire_async.core.values.redaction import without_query

HttpClient: TypeAlias = httpx.AsyncClient
"""The type of `http_client=`."""

# Pools are unlimited: the gate in front of them limits the number of concurrent requests. Waiting there is
# counted and cancellable, and never causes a pool timeout.
_UNLIMITED = httpx.Limits(
    max_connections=None,
    max_keepalive_connections=None,
    keepalive_expiry=KEEPALIVE_SECONDS,
)


def _failures() -> tuple[type[Exception], ...]:
    """Exceptions that sending may raise. A client based on `httpx-aiohttp` has loaded aiohttp."""
    aiohttp = sys.modules.get("aiohttp")
    own = (httpx.TransportError, httpx.StreamError, *BELOW_HTTP)
    return own if aiohttp is None else (*own, aiohttp.ClientError)


def _as_transport_error(error: Exception) -> TransportError:
    # The caller's client may be based on `httpx-aiohttp`, which reports a dropped connection as a
    # `ConnectTimeout` and a malformed response as an error of aiohttp. Whether a request may be retried
    # depends on the difference, so it is restored from the original exception.
    origin = error.__cause__ if isinstance(error, httpx.TransportError) else error
    if sys.modules.get("aiohttp") is not None:
        from imgwire_async.core.http import aiohttp_transport

        if isinstance(origin, aiohttp_transport.FAILURES):
            return aiohttp_transport.as_transport_error(origin)
    elif isinstance(origin, BELOW_HTTP):
        return failure_below_http(origin)
    cannot_have_acted = isinstance(
        error,
        httpx.ConnectError
        | httpx.ConnectTimeout
        | httpx.PoolTimeout
        | httpx.ProxyError
        | httpx.UnsupportedProtocol,
    )
    return TransportError(
        type(error).__name__,
        system_detail(error),
        may_have_acted=not cannot_have_acted,
        timed_out=isinstance(error, httpx.TimeoutException),
        lack=lacking(error) if cannot_have_acted else None,
    )


class _QuietRequest(httpx.Request):
    """A request that shows its URL without the query."""

    def __repr__(self) -> str:
        return f"<Request({self.method!r}, {without_query(str(self.url))!r})>"


class _OnePiece:
    # Not a generator, which httpx would leave to the garbage collector when a request is cancelled.
    def __init__(self, piece: bytes) -> None:
        self._pieces = [piece]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if not self._pieces:
            raise StopAsyncIteration
        return self._pieces.pop()


class _Stream(httpx.AsyncByteStream):
    def __init__(self, stream: AsyncIterable[bytes | memoryview]) -> None:
        self._stream = stream

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _AsBytes(aiter(self._stream))


class _AsBytes:
    # Not a generator either. A custom `http_client=` may do with the pieces what only bytes can.
    def __init__(self, pieces: AsyncIterator[bytes | memoryview]) -> None:
        self._pieces = pieces

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        return bytes(await anext(self._pieces))


class _Reply:
    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._chunks: AsyncIterator[bytes] | None = None
        self.status = response.status_code
        self.headers = joined_headers(response.headers.raw)
        # A transport that makes its responses, such as `httpx.MockTransport` or a cache, or a hook that calls
        # `aread` has already read and decompressed it.
        self._is_read = response.is_stream_consumed
        if self._is_read and self.headers.pop("content-encoding", None) is not None:
            self.headers.pop("content-length", None)

    async def read(self) -> bytes:
        if self._chunks is None:
            self._chunks = self._response.aiter_bytes() if self._is_read else self._response.aiter_raw()
        try:
            with redacted_logs():
                async for chunk in self._chunks:
                    if chunk:
                        return chunk
        except _failures() as error:
            raise _as_transport_error(error) from error
        return b""

    async def aclose(self) -> None:
        if self._response.is_closed:
            return
        if isinstance(self._chunks, AsyncGenerator):
            # Cancel httpx's nested generators here instead of leaving them to the garbage collector.
            with redacted_logs(), suppress(*_failures()), anyio.CancelScope(shield=True) as scope:
                scope.cancel()
                async for _ in self._chunks:
                    pass
        with redacted_logs(), anyio.CancelScope(shield=True), suppress(*_failures()):
            await self._response.aclose()


class _Pools(httpx.AsyncBaseTransport):
    """Unlimited pools: one for http, and one for https, created by the first request that needs it."""

    def __init__(self, tls: LateTls) -> None:
        self._tls = tls
        self._plain = _pool(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))  # trusts no certificate
        self._secure: httpx.AsyncHTTPTransport | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.scheme != "https":
            return await self._plain.handle_async_request(request)
        context = await self._tls.context()
        if self._secure is None:
            self._secure = _pool(context)
        return await self._secure.handle_async_request(request)

    async def aclose(self) -> None:
        await self._plain.aclose()
        if self._secure is not None:
            await self._secure.aclose()


def _pool(context: ssl.SSLContext) -> httpx.AsyncHTTPTransport:
    return httpx.AsyncHTTPTransport(
        verify=context,
        limits=_UNLIMITED,
        socket_options=SOCKET_OPTIONS,
        trust_env=False,
    )


class HttpxTransport:
    """An `httpx.AsyncClient`, without its redirects and authentication.

    Args:
        client: sends the requests.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    @classmethod
    def with_own_client(cls, tls: LateTls) -> Self:
        """Create the transport and its client, with unlimited pools that ignore environment variables."""
        return cls(httpx.AsyncClient(transport=_Pools(tls), trust_env=False))

    @property
    def is_closed(self) -> bool:
        """Whether the client is closed."""
        return self._client.is_closed

    async def send(self, message: HttpRequest, timeouts: Timeouts) -> _Reply:
        """Send one request; see `Transport`."""
        try:
            with redacted_logs():
                return _Reply(
                    await self._client.send(
                        _request(message, timeouts), stream=True, auth=None, follow_redirects=False
                    )
                )
        except _failures() as error:
            raise _as_transport_error(error) from error

    async def aclose(self) -> None:
        """Close the client."""
        await self._client.aclose()


def _request(message: HttpRequest, timeouts: Timeouts) -> httpx.Request:
    url, body, headers = httpx.URL(message.url), message.body, message.headers
    extensions = {
        "timeout": {
            "connect": timeouts.connect,
            "read": timeouts.read,
            # HTTP libraries define write timeouts differently, so `exchange` enforces this one.
            "write": None,
            "pool": None,
        }
    }
    if body is None:
        return _QuietRequest(message.method, url, headers=headers, extensions=extensions)
    # httpx does not add it to a request with a stream.
    headers = {"Host": url.netloc.decode("ascii")} | headers
    stream = _Stream(_OnePiece(body) if isinstance(body, bytes) else body)
    return _QuietRequest(message.method, url, headers=headers, stream=stream, extensions=extensions)
