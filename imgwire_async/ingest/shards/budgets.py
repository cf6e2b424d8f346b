"""The limits of a bulk job: items in flight, bytes in memory, and bytes per second."""

from __future__ import annotations

import anyio

from imgwire_async.core.time import Time


class Slots:
    """A limit of items in flight. Waiters are served in order.

    Args:
        count: how many.
    """

    def __init__(self, count: int) -> None:
        self._free = anyio.Semaphore(count, fast_acquire=True)
        self._count = count
        self._too_many = 0
        """Slots in use that are dropped when they are released."""
        self._fits = anyio.Event()

    async def acquire(self) -> None:
        """Wait for a slot."""
        await self._free.acquire()

    def release(self) -> None:
        """Release a slot."""
        if self._too_many:
            self._too_many -= 1
            self._fits.set()
        else:
            self._free.release()

    def resize(self, count: int) -> None:
        """Change the number of slots. Slots in use stay in use; `fit` waits until no more than that are."""
        missing, self._count = self._count - count, count
        for _ in range(-missing):
            self.release()
        for _ in range(missing):
            try:
                self._free.acquire_nowait()
            except anyio.WouldBlock:
                self._too_many += 1

    async def fit(self) -> None:
        """Wait until no more slots are in use than the current number."""
        while self._too_many:
            if self._fits.is_set():
                self._fits = anyio.Event()
            await self._fits.wait()


class ByteBudget:
    """A limit of bytes in memory. Waiters are served in order.

    Args:
        size: total bytes; no request may exceed it, nor a size that it is resized to.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._free = size
        self._turn = anyio.Lock()
        self._released = anyio.Event()

    async def acquire(self, count: int) -> None:
        """Wait until `count` bytes are free, and take them."""
        async with self._turn:
            while self._free < count:
                await self._next_release()
            self._free -= count

    def release(self, count: int) -> None:
        """Release bytes."""
        self._free += count
        self._released.set()

    def resize(self, size: int) -> None:
        """Change the total. Bytes in use stay in use; `fit` waits until no more than the total are."""
        more, self._size = size - self._size, size
        self.release(more)

    async def fit(self) -> None:
        """Wait until no more bytes are in use than the total."""
        while self._free < 0:
            await self._next_release()

    async def _next_release(self) -> None:
        if self._released.is_set():
            self._released = anyio.Event()
        await self._released.wait()


class Backlog:
    """A number of items, with waiting until it falls below a limit.

    Args:
        limit: the number is small if it is below this.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._count = 0
        self._fell = anyio.Event()

    def add(self, count: int) -> None:
        """Add to the number; a negative count subtracts."""
        self._count += count
        if count < 0:
            self._fell.set()

    def limit_to(self, limit: int) -> None:
        """Change the limit."""
        self._limit = limit
        self._fell.set()

    async def small(self) -> None:
        """Wait until the number is below the limit."""
        while self._count >= self._limit:
            if self._fell.is_set():
                self._fell = anyio.Event()
            await self._fell.wait()


class Bandwidth:
    """Delays the start of uploads so that their bytes keep to a rate on average.

    Args:
        rate: bytes per second.
        time: clock to read and to wait on.
    """

    def __init__(self, rate: float, *, time: Time) -> None:
        self._rate = rate
        self._time = time
        self._free_at = time.monotonic()
        self._turn = anyio.Lock(fast_acquire=True)
        self._changed = anyio.Event()

    async def wait(self, size: int) -> None:
        """Wait until an upload of `size` bytes may start. Waiters are served in order."""
        async with self._turn:
            while (now := self._time.monotonic()) < self._free_at:
                self._changed = anyio.Event()
                await self._time.wait(self._changed, self._free_at - now)
            self._free_at = now + size / self._rate

    def change(self, rate: float) -> None:
        """Change the rate immediately, also for waiting uploads."""
        now = self._time.monotonic()
        if self._free_at > now:
            # Bytes already admitted are charged at the new rate.
            self._free_at = now + (self._free_at - now) * self._rate / rate
        self._rate = rate
        self._changed.set()
