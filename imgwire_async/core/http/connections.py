"""The engine: a client's connections and the event loop that they belong to.

Requests use aiohttp on asyncio, and httpx on trio or if the caller passes in a client. For an upload of 60 kB
httpx makes 2,025 Python calls and aiohttp 890, even over the same connections; and on asyncio, httpx's own
pool stops serving requests after some seconds of cancelled ones.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
import sys
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from imgwire_async.core.clients.options import Timeouts
from imgwire_async.core.concurrency.loops import current_loop
from imgwire_async.core.concurrency.threads import in_thread
from imgwire_async.core.http.messages import HttpRequest, StreamingResponse, Transport
from imgwire_async.core.http.tls import LateTls
from imgwire_async.errors import ConfigurationError

if TYPE_CHECKING:
    from imgwire_async.core.http.httpx_transport import HttpClient, HttpxTransport


@functools.cache
def _tls_context() -> ssl.SSLContext:
    # Once per process, shared by all clients; see `LateTls`.
    import httpx

    try:
        return httpx.create_ssl_context()
    except OSError as error:
        reason = error.strerror or str(error)
    raise ConfigurationError(
        f"the TLS certificates cannot be read: {reason}; are SSL_CERT_FILE and SSL_CERT_DIR right?"
    )


async def _closed_with_its_loop(transport: Transport) -> AsyncGenerator[None, None]:
    # An event loop closes the remaining async generators when it ends. That is the last moment at which
    # connections can be closed properly.
    try:
        yield
    finally:
        await transport.aclose()


def _over(http_client: HttpClient) -> HttpxTransport:
    import httpx

    from imgwire_async.core.http.httpx_transport import HttpxTransport

    if not isinstance(http_client, httpx.AsyncClient):
        raise ConfigurationError(
            f"http_client must be an httpx.AsyncClient, not {type(http_client).__name__}"
        )
    return HttpxTransport(http_client)


def _in_event_loop() -> bool:
    try:
        current_loop()
    except RuntimeError:
        return False
    return True


class _LateTransport:
    """The transport of an engine that has not loaded the HTTP libraries yet; the first request loads them."""

    is_closed = False

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def send(self, message: HttpRequest, timeouts: Timeouts) -> StreamingResponse:
        """Send one request; see `Transport`."""
        await self._engine.load()
        return await self._engine.transport().send(message, timeouts)

    async def aclose(self) -> None:
        """Close nothing: there are no connections yet."""


class Engine:
    """A transport and the event loop that it belongs to.

    Connections cannot be used outside the loop that opened them. A client that is used in one
    `asyncio.run(...)` and then in another gets new connections; one that is used from two running loops at
    the same time gets an error that says what to do.
    """

    _libraries_are_loaded: ClassVar[bool] = False

    def __init__(self, http_client: HttpClient | None = None) -> None:
        # A program that creates no client does not load the HTTP libraries. Creating a client loads them
        # here rather than in the first request, unless that would block an event loop; see `load`.
        self._given = None if http_client is None else _over(http_client)
        if not self._is_loaded and not _in_event_loop():
            self._load_libraries()
        self._own: Transport | None = None
        self._closing: AsyncGenerator[None, None] | None = None
        self._loop: object = None
        self.closed = False

    @property
    def is_given(self) -> bool:
        """Whether the caller's own HTTP client sends the requests."""
        return self._given is not None

    @property
    def is_open(self) -> bool:
        """Whether there are connections that only `aclose` or the end of their event loop closes."""
        return self._own is not None and not self._own.is_closed

    @property
    def _is_loaded(self) -> bool:
        """Whether requests can be sent without loading anything."""
        return self._given is not None or Engine._libraries_are_loaded

    async def load(self) -> None:
        """Load the HTTP libraries in a thread, because importing them would block the event loop."""
        if not self._is_loaded:
            await in_thread(self._load_libraries, abandon_on_cancel=True)

    @staticmethod
    def _load_libraries() -> None:
        import httpx  # noqa: F401 - which also checks URLs

        from imgwire_async.core.http import aiohttp_transport, httpx_transport  # noqa: F401

        if "trio" in sys.modules:
            import httpcore  # noqa: F401 - which httpx loads with its first connections
        Engine._libraries_are_loaded = True

    def transport(self) -> Transport:
        """The transport for the running event loop.

        Raises:
            ConfigurationError: after `aclose`, if a client that was passed in is closed, or if another event
                loop that is still running uses the connections.
        """
        if self.closed:
            raise ConfigurationError("this client is closed; create a new one")
        if self._given is not None:
            if self._given.is_closed:
                raise ConfigurationError("the http_client that was passed in is closed")
            return self._given
        if not self._is_loaded:
            return _LateTransport(self)
        if self._own is None or self._own.is_closed or not self._is_current_loop():
            self._refuse_second_running_loop()
            self._loop = current_loop()
            self._own = self._build()
            self._closing = _closed_with_its_loop(self._own)
            with suppress(StopIteration):
                # Runs up to its `yield` without waiting, which registers it with the loop.
                self._closing.asend(None).send(None)
        return self._own

    def _build(self) -> Transport:
        from imgwire_async.core.http.aiohttp_transport import AiohttpTransport
        from imgwire_async.core.http.httpx_transport import HttpxTransport

        tls = LateTls(_tls_context)
        if isinstance(self._loop, asyncio.AbstractEventLoop):
            return AiohttpTransport(tls)
        return HttpxTransport.with_own_client(tls)

    def _is_current_loop(self) -> bool:
        return self._loop is not None and self._loop is current_loop()

    def _refuse_second_running_loop(self) -> None:
        if self._loop is None or not self.is_open or self._is_current_loop():
            return
        former = self._loop
        # A trio run that has ended has closed the connections.
        if not isinstance(former, asyncio.AbstractEventLoop) or former.is_running():
            raise ConfigurationError(
                "this client is in use by another running event loop; create one client for each event loop"
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
