"""What bounds a bulk job: bytes in memory, and bytes per second."""

from __future__ import annotations

import anyio

from imgwire_async.core.time import Time


class ByteBudget:
    """Bytes that may be in memory at once. Who asks first is served first.

    Args:
        size: bytes in all; nobody may ask for more.
    """

    def __init__(self, size: int) -> None:
        self._free = size
        self._turn = anyio.Lock()
        self._released = anyio.Event()

    async def acquire(self, count: int) -> None:
        """Wait until `count` bytes are free, and take them."""
        async with self._turn:
            while self._free < count:
                self._released = anyio.Event()
                await self._released.wait()
            self._free -= count

    def release(self, count: int) -> None:
        """Give bytes back."""
        self._free += count
        self._released.set()


class Backlog:
    """A number of items that others wait for to become small."""

    def __init__(self) -> None:
        self._count = 0
        self._fell = anyio.Event()

    def add(self, count: int) -> None:
        """Let it rise, or with a negative number fall."""
        self._count += count
        if count < 0:
            self._fell.set()

    async def below(self, limit: int) -> None:
        """Wait until it is below `limit`."""
        while self._count >= limit:
            if self._fell.is_set():
                self._fell = anyio.Event()
            await self._fell.wait()


class Bandwidth:
    """Holds back the beginning of uploads so that on average their bytes keep to a rate.

    Args:
        rate: bytes per second.
        time: clock to read and to wait on.
    """

    def __init__(self, rate: float, *, time: Time) -> None:
        self._rate = rate
        self._time = time
        self._free_at = time.monotonic()

    async def wait(self, size: int) -> None:
        """Wait until an upload of `size` bytes may begin."""
        now = self._time.monotonic()
        begin = max(now, self._free_at)
        self._free_at = begin + size / self._rate
        if begin > now:
            await self._time.sleep(begin - now)
