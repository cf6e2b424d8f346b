"""The TLS context of a client's connections, created by the first https request."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import anyio

from imgwire_async.core.concurrency.threads import in_thread


class LateTls:
    """Creates a TLS context once, in a thread, because reading the certificates takes about 30 ms.

    Args:
        make: creates the context.
    """

    def __init__(self, make: Callable[[], ssl.SSLContext]) -> None:
        self._make = make
        self._context: ssl.SSLContext | None = None
        self._lock = anyio.Lock()

    async def context(self) -> ssl.SSLContext:
        """Return the context, creating it on the first call.

        Raises:
            ConfigurationError: the certificates cannot be read.
        """
        if self._context is None:
            async with self._lock:
                if self._context is None:
                    self._context = await in_thread(self._make, abandon_on_cancel=True)
        return self._context
