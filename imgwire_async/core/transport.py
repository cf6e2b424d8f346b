"""The HTTP engine: httpx over aiohttp on asyncio, over httpcore on trio, with one vocabulary of failures.

httpx over aiohttp answered ten times the requests of httpx's own pool in our measurements, and its pool
survives cancelled requests. But `httpx-aiohttp` reports failures under the wrong classes: a dropped
connection comes out as `ConnectTimeout`, a malformed answer as a raw aiohttp error. Whether a request may
be sent again depends on that distinction, so it is restored here from the original exception.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
from collections.abc import AsyncGenerator
from contextlib import suppress
from contextvars import ContextVar
from typing import Final, TypeAlias

import aiohttp
import httpx
from aiohttp.connector import Connection
from anyio.lowlevel import EventLoopToken, current_token
from httpx_aiohttp import AiohttpTransport
from yarl import URL

from imgwire_async.errors import ConfigurationError

HttpClient: TypeAlias = httpx.AsyncClient
"""What a caller may pass as `http_client=`."""

_KEEPALIVE_SECONDS = 30.0
_MAX_HEADER_BYTES = 64 * 1024

# At most so many unsent bytes are left to the kernel, which would otherwise take megabytes at once and then
# none for a long time: a slow connection would look like a stalled one. (Windows does not know it.)
_SOCKET_OPTIONS: Final = (
    [(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 128 * 1024)]
    if hasattr(socket, "TCP_NOTSENT_LOWAT")
    else []
)

# Pools are unlimited: how many requests run at once is decided by the gate in front of them, where waiting
# is counted and cancellable, and never shows up as a pool timeout.
_UNLIMITED = httpx.Limits(
    max_connections=None, max_keepalive_connections=None, keepalive_expiry=_KEEPALIVE_SECONDS
)


def may_have_acted(error: httpx.TransportError) -> bool:
    """Whether the server may have received the request that ended in `error`.

    False for what goes wrong before the first byte of the request is sent: name resolution, a refused
    connection, TLS, connect and pool timeouts, a proxy that is unreachable.
    """
    return not isinstance(
        error,
        httpx.ConnectError
        | httpx.ConnectTimeout
        | httpx.PoolTimeout
        | httpx.ProxyError
        | httpx.UnsupportedProtocol,
    )


FAILURES: Final = (httpx.TransportError, aiohttp.ClientError, OSError)
"""Everything that an exchange may fail with, whichever transport the client has."""


def classified(error: Exception) -> httpx.TransportError:
    """One of `FAILURES` under the httpx class that says what happened.

    Also right for an `http_client=` that runs on `httpx-aiohttp` itself.
    """
    origin = error.__cause__ if isinstance(error, httpx.TransportError) else error
    if isinstance(origin, aiohttp.ClientError | OSError):
        return _as_httpx_error(origin)
    return error if isinstance(error, httpx.TransportError) else httpx.TransportError(str(error))


def _as_httpx_error(error: aiohttp.ClientError | OSError) -> httpx.TransportError:
    text = str(error) or type(error).__name__
    match error:
        case aiohttp.ConnectionTimeoutError():
            return httpx.ConnectTimeout(text)
        case aiohttp.ServerTimeoutError() | TimeoutError():
            return httpx.ReadTimeout(text)
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            return httpx.ProxyError(text)
        case aiohttp.ClientConnectorError() | aiohttp.ServerFingerprintMismatch():
            return httpx.ConnectError(text)
        case aiohttp.NonHttpUrlClientError() | aiohttp.InvalidURL():
            return httpx.UnsupportedProtocol(text)
        case aiohttp.ClientOSError() | aiohttp.ClientConnectionResetError() | OSError():
            return httpx.ReadError(text)
        case _:  # disconnected, cut short, or not HTTP
            return httpx.RemoteProtocolError(text)


_exact_url: ContextVar[str] = ContextVar("imgwire_async_exact_url")


class _Request(aiohttp.ClientRequest):
    """Remembers the connection on which it is sent."""

    transport: asyncio.Transport | None = None

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        self.transport = conn.transport
        return await super().send(conn)


async def _send_exactly(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    # aiohttp rewrites percent-encodings (`%2F` in a query becomes `/`), which can break a signature.
    request.url = URL(_exact_url.get(), encoded=True)
    try:
        return await send(request)
    except asyncio.CancelledError:
        # Closing waits until what is buffered has been sent. A server that no longer reads would keep the
        # socket open for ever.
        if isinstance(request, _Request) and request.transport is not None:
            request.transport.abort()
        raise


def _new_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = address
    connection = socket.socket(family, kind, protocol)
    for option in _SOCKET_OPTIONS:
        connection.setsockopt(*option)
    return connection


@functools.cache
def _tls_context() -> ssl.SSLContext:
    # Reading the certificates takes some 30 ms, so it is done once in a process.
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        reason = error.strerror or str(error)
    raise ConfigurationError(
        f"the TLS certificates cannot be read: {reason}; are SSL_CERT_FILE and SSL_CERT_DIR right?"
    )


class _AiohttpTransport(AiohttpTransport):
    """`AiohttpTransport` with a session that adds nothing to requests and keeps nothing of answers."""

    def __init__(self) -> None:
        super().__init__(client=self._new_session, verify=_tls_context())

    def _new_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                keepalive_timeout=_KEEPALIVE_SECONDS,
                ssl=self.ssl_context,
                socket_factory=_new_socket,
            ),
            # Cookies of one answer must not travel with other callers' requests.
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            request_class=_Request,
            middlewares=(_send_exactly,),
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        timeout = request.extensions.get("timeout", {})
        # aiohttp resolves the name outside of `sock_connect` but inside of `connect`, which is the name it
        # has for what httpx calls `pool`. Nobody waits for this pool, because it has no limit.
        request.extensions["timeout"] = {**timeout, "pool": timeout.get("connect")}
        token = _exact_url.set(str(request.url))
        try:
            return await super().handle_async_request(request)
        finally:
            _exact_url.reset(token)


async def _closed_with_its_loop(client: httpx.AsyncClient) -> AsyncGenerator[None, None]:
    # Event loops close the async generators that are left when they end. That is the last moment at which
    # connections can still be closed properly.
    try:
        yield
    finally:
        await client.aclose()


class _NoCookies(httpx.Cookies):
    def extract_cookies(self, response: httpx.Response) -> None:
        """Keep none: a cookie of one answer must not travel with other callers' requests."""


class _Client(httpx.AsyncClient):
    @property  # type: ignore[misc]
    def cookies(self) -> httpx.Cookies:  # what is never kept cannot be set
        """Always empty. httpx would look for cookies in every answer, which costs as much as sending one."""
        return _NoCookies()


class Engine:
    """One `httpx.AsyncClient` and the event loop that it belongs to.

    Connections cannot be used outside the loop that opened them. A client that is first used in
    `asyncio.run(...)` and then in a second one gets fresh connections; one that is used from two running
    loops at a time gets an error that says what to do.
    """

    def __init__(self, http_client: httpx.AsyncClient | None = None) -> None:
        if http_client is not None and not isinstance(http_client, httpx.AsyncClient):
            raise ConfigurationError(
                f"http_client must be an httpx.AsyncClient, not {type(http_client).__name__}"
            )
        self._given = http_client
        self._own: httpx.AsyncClient | None = None
        self._closing: AsyncGenerator[None, None] | None = None
        self._token: EventLoopToken | None = None
        self.closed = False

    @property
    def is_open(self) -> bool:
        """Whether there are connections that only `aclose` or the end of their event loop can close."""
        return self._own is not None and not self._own.is_closed

    def client(self) -> httpx.AsyncClient:
        """The HTTP client for the running event loop.

        Raises:
            ConfigurationError: after `aclose`, when a client that was passed in is closed, or when another
                event loop that is still running uses the connections.
        """
        if self.closed:
            raise ConfigurationError("this client is closed; create a new AsyncImgwireClient")
        if self._given is not None:
            if self._given.is_closed:
                raise ConfigurationError("the http_client that was passed in is closed")
            return self._given
        if self._own is None or self._own.is_closed or not self._is_current_loop():
            self._refuse_second_running_loop()
            self._token = current_token()
            self._own = self._build(self._token)
            self._closing = _closed_with_its_loop(self._own)
            with suppress(StopIteration):
                # Runs up to its `yield` without waiting for anything, and so registers with the loop.
                self._closing.asend(None).send(None)
        return self._own

    @staticmethod
    def _build(token: EventLoopToken) -> httpx.AsyncClient:
        if isinstance(token.native_token, asyncio.AbstractEventLoop):
            return _Client(transport=_AiohttpTransport(), trust_env=False)
        pool = httpx.AsyncHTTPTransport(
            verify=_tls_context(), limits=_UNLIMITED, socket_options=_SOCKET_OPTIONS, trust_env=False
        )
        return _Client(transport=pool, trust_env=False)

    def _is_current_loop(self) -> bool:
        return self._token is not None and self._token.native_token is current_token().native_token

    def _refuse_second_running_loop(self) -> None:
        if self._token is None or not self.is_open or self._is_current_loop():
            return
        former = self._token.native_token
        # A trio run that has ended has closed the connections.
        if not isinstance(former, asyncio.AbstractEventLoop) or former.is_running():
            raise ConfigurationError(
                "this client is in use by another running event loop; "
                "create one AsyncImgwireClient for each event loop"
            )

    async def aclose(self) -> None:
        """Close the connections. A client that was passed in stays open; closing twice is harmless.

        Raises:
            ConfigurationError: another event loop that is still running uses the connections.
        """
        self._refuse_second_running_loop()
        self.closed = True
        if self._closing is not None and self._is_current_loop():
            await self._closing.aclose()
