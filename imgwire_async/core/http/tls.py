"""The TLS context of a client's connections, made when the first https request needs it."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import anyio

from imgwire_async.core.concurrency.threads import in_thread


class LateTls:
    """Makes a TLS context once, in a thread: reading the certificates takes some 30 ms.

    Args:
        make: makes the context.
    """

    def __init__(self, make: Callable[[], ssl.SSLContext]) -> None:
        self._make = make
        self._context: ssl.SSLContext | None = None
        self._lock = anyio.Lock()

    async def context(self) -> ssl.SSLContext:
        """The context.

        Raises:
            ConfigurationError: the certificates cannot be read.
        """
        if self._context is None:
            async with self._lock:
                if self._context is None:
                    self._context = await in_thread(self._make, abandon_on_cancel=True)
        return self._context
