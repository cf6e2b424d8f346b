"""Requests over aiohttp, which is the default on asyncio."""

from __future__ import annotations

import asyncio
import functools
import socket
from typing import Any, Final

import aiohttp
from aiohttp.connector import Connection
from yarl import URL

from imgwire_async.core.body import SourceFailedError
from imgwire_async.core.clients.options import Timeouts
from imgwire_async.core.http.failures import BELOW_HTTP, failure_below_http, system_detail
from imgwire_async.core.http.messages import HttpRequest, TransportError, joined_headers
from imgwire_async.core.http.read_timeouts import ReadTimeouts
from imgwire_async.core.http.sockets import KEEPALIVE_SECONDS, SOCKET_OPTIONS
from imgwire_async.core.http.tls import LateTls
from imgwire_async.core.pace.local_limits import lacking

_MAX_HEADER_BYTES: Final = 64 * 1024
_MAY_BE_STALE: Final = 1.0
"""Seconds without a request after which the server may have closed connections."""
_TURNS_TO_NOTICE: Final = 6
"""Event loop iterations until a closed connection, with or without TLS, has left the pool."""

_AUTOMATIC: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")

FAILURES: Final = (aiohttp.ClientError, *BELOW_HTTP)


def as_transport_error(error: Exception) -> TransportError:
    """Convert one of `FAILURES` to a `TransportError`, named like the corresponding httpx exception."""
    detail = system_detail(error)
    match error:
        case aiohttp.ConnectionTimeoutError():
            return TransportError("ConnectTimeout", detail, may_have_acted=False, timed_out=True)
        case TimeoutError():
            return failure_below_http(error)
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            return TransportError("ProxyError", detail, may_have_acted=False)
        case aiohttp.ClientConnectorError() | aiohttp.ServerFingerprintMismatch():
            return TransportError("ConnectError", detail, may_have_acted=False, lack=lacking(error))
        case aiohttp.NonHttpUrlClientError() | aiohttp.InvalidURL():
            return TransportError("UnsupportedProtocol", detail, may_have_acted=False)
        case SourceFailedError() | OSError():
            return failure_below_http(error)
        case _:  # disconnected, cut short, or not HTTP
            return TransportError("RemoteProtocolError", detail, may_have_acted=True)


class _Request(aiohttp.ClientRequest):
    """Reports the connection it is sent on, and when sending has finished."""

    attempt: _Attempt

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        self.attempt.begin(conn.transport)
        return await super().send(conn)

    async def write_bytes(self, *to: Any) -> None:  # noqa: ANN401 - as aiohttp calls it
        await super().write_bytes(*to)
        self.attempt.wait_for_head()


class _Attempt:
    """A request until the head of its response arrives; an aiohttp middleware."""

    __slots__ = ("_has_body", "_open", "_seconds", "_timed_out", "_timeouts", "_transport")

    def __init__(
        self, timeouts: ReadTimeouts, seconds: float | None, open_attempts: set[_Attempt], *, has_body: bool
    ) -> None:
        self._timeouts = timeouts
        self._seconds = seconds
        self._open = open_attempts
        self._has_body = has_body
        self._transport: asyncio.Transport | None = None
        self._timed_out = False

    async def __call__(
        self, request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        assert isinstance(request, _Request)  # noqa: S101 - the session makes no others
        request.attempt = self
        self._open.add(self)
        try:
            return await send(request)
        except (asyncio.CancelledError, *FAILURES) as error:
            self.abort()
            if self._timed_out and not isinstance(error, asyncio.CancelledError):
                raise _read_timeout() from error
            if isinstance(error, aiohttp.ClientOSError | aiohttp.ServerDisconnectedError):
                # aiohttp would resend anything but a POST or PATCH. Retries are counted, limited and
                # reported elsewhere.
                raise as_transport_error(error) from error
            raise
        finally:
            self._open.discard(self)
            self._timeouts.stop(self)

    def begin(self, transport: asyncio.Transport | None) -> None:
        """Record the connection on which the request is being sent."""
        self._transport = transport
        if not self._has_body:
            self.wait_for_head()

    def wait_for_head(self) -> None:
        """Start the read timeout, unless the response arrived before the whole request was sent."""
        if self in self._open:
            self._timeouts.start(self, self._seconds)

    def time_out(self) -> None:
        """End the request."""
        self._timed_out = True
        self.abort()

    def abort(self) -> None:
        """Close the connection at once."""
        # Closing waits until buffered data has been sent, so a server that no longer reads would keep the
        # socket open forever.
        if self._transport is not None:
            self._transport.abort()


def _read_timeout() -> TransportError:
    return TransportError("ReadTimeout", "", may_have_acted=True, timed_out=True)


def _new_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = address
    connection = socket.socket(family, kind, protocol)
    for option in SOCKET_OPTIONS:
        connection.setsockopt(*option)
    return connection


@functools.lru_cache(maxsize=32)
def _client_timeout(connect: float | None) -> aiohttp.ClientTimeout:
    # Name resolution counts towards `connect` but not `sock_connect`. `connect` also covers waiting for a
    # free connection, which never happens because the pool has no limit.
    return aiohttp.ClientTimeout(total=None, connect=connect, sock_connect=connect)


def _unset(message: HttpRequest) -> tuple[str, ...] | None:
    """The headers that aiohttp would add; None, which is cheaper, if all of them are set."""
    headers = message.headers
    is_complete = "Accept" in headers and "Accept-Encoding" in headers and "User-Agent" in headers
    has_type = "Content-Type" in headers or message.method not in {"PATCH", "POST", "PUT"}
    return None if is_complete and has_type else _AUTOMATIC


class _Reply:
    def __init__(
        self, response: aiohttp.ClientResponse, timeouts: ReadTimeouts, seconds: float | None
    ) -> None:
        self._response = response
        self._content = response.content
        self._timeouts = timeouts
        self._seconds = seconds
        self._timed_out = False
        # None if the response is already complete, because the connection may serve another request, or if it
        # has been closed.
        self._transport = response.connection and response.connection.transport
        self.status = response.status
        self.headers = joined_headers(response.raw_headers)

    async def read(self) -> bytes:
        if self._content.at_eof():
            return b""
        self._timeouts.start(self, self._seconds)
        try:
            return await self._content.readany()
        except FAILURES as error:
            raise (_read_timeout() if self._timed_out else as_transport_error(error)) from error
        except RuntimeError as error:
            # aiohttp has no class of its own for a connection that was closed before a read.
            is_open = self._transport is not None and not self._transport.is_closing()
            if is_open and self._content.exception() is None:
                raise
            raise (_read_timeout() if self._timed_out else as_transport_error(error)) from error
        finally:
            self._timeouts.stop(self)

    def time_out(self) -> None:
        """End the response because no data has arrived for too long."""
        self._timed_out = True
        if self._transport is not None:
            self._transport.abort()

    async def aclose(self) -> None:
        if self._transport is not None and self._response.connection is not None:
            # The request may not have been sent completely; see `_Request.abort`.
            self._transport.abort()
        self._response.close()


class AiohttpTransport:
    """A session that adds nothing to requests and stores no cookies. Create it in a running event loop.

    Args:
        tls: provides the TLS context for https requests.
    """

    def __init__(self, tls: LateTls) -> None:
        self._tls = tls
        self._session = aiohttp.ClientSession(
            # The gate in front of the connections limits the number of concurrent requests. Waiting there is
            # counted and cancellable, and never causes a pool timeout.
            connector=aiohttp.TCPConnector(
                limit=0, keepalive_timeout=KEEPALIVE_SECONDS, socket_factory=_new_socket
            ),
            # Cookies from one response must not be sent with other callers' requests.
            cookie_jar=aiohttp.DummyCookieJar(),
            request_class=_Request,
            # Responses are decompressed by `read_all`, which limits their size.
            auto_decompress=False,
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
        )
        self._last_used = 0.0
        self._timeouts = ReadTimeouts()
        self._attempts: set[_Attempt] = set()

    @property
    def is_closed(self) -> bool:
        """Whether `aclose` has been called."""
        return self._session.closed

    async def send(self, message: HttpRequest, timeouts: Timeouts) -> _Reply:
        """Send one request; see `Transport`."""
        now = asyncio.get_running_loop().time()
        if now - self._last_used > _MAY_BE_STALE:
            await self._notice_closed_connections()
        self._last_used = now
        # Percent-encoding is left alone: rewriting `%2F` as `/` in a query breaks a signature.
        url = URL(message.url, encoded=True)
        tls = await self._tls.context() if url.scheme == "https" else True
        attempt = _Attempt(self._timeouts, timeouts.read, self._attempts, has_body=bool(message.body))
        try:
            response = await self._session.request(
                message.method,
                url,
                headers=message.headers,
                data=message.body,
                timeout=_client_timeout(timeouts.connect),
                skip_auto_headers=_unset(message),
                allow_redirects=False,
                ssl=tls,
                middlewares=(attempt,),
            )
        except FAILURES as error:
            raise as_transport_error(error) from error
        return _Reply(response, self._timeouts, timeouts.read)

    @staticmethod
    async def _notice_closed_connections() -> None:
        # Only the event loop notices that a server has closed a connection, and it may not have run since:
        # between two calls of `run_until_complete`, or while something blocked it.
        for _ in range(_TURNS_TO_NOTICE):
            await asyncio.sleep(0)

    async def aclose(self) -> None:
        """Close all connections."""
        for attempt in self._attempts:
            attempt.abort()
        self._timeouts.close()
        await self._session.close()
