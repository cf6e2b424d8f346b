"""A clock that only moves when everybody sleeps, for asyncio and trio alike."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Awaitable, Callable

import anyio
import anyio.lowlevel


class VirtualTime:
    """A clock and a sleep; `run` moves the clock on whenever no task can go on without it."""

    def __init__(self, start: float = 0.0) -> None:
        self.now = start
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, anyio.Event]] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        assert seconds >= 0, f"a negative wait: {seconds}"
        if math.isinf(seconds):
            await anyio.sleep_forever()
        event = anyio.Event()
        entry = (self.now + seconds, next(self._order), event)
        heapq.heappush(self._sleepers, entry)
        try:
            await event.wait()
        finally:
            if entry in self._sleepers:
                self._sleepers.remove(entry)
                heapq.heapify(self._sleepers)

    async def skip(self, seconds: float) -> None:
        """A sleep for tests with a single task: the clock moves at once."""
        assert seconds >= 0, f"a negative wait: {seconds}"
        await anyio.lowlevel.checkpoint()
        self.now += seconds

    def run(self, main: Callable[[], Awaitable[None]], *, backend: str = "asyncio") -> None:
        """Run `main` to its end in virtual time; it is an error if everybody waits for ever."""

        async def root() -> None:
            finished = anyio.Event()

            async def play() -> None:
                await main()
                finished.set()

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(play)
                await anyio.wait_all_tasks_blocked()
                while not finished.is_set():
                    assert self._sleepers, "deadlock: nobody sleeps and nobody runs"
                    self.now = max(self.now, self._sleepers[0][0])
                    while self._sleepers and self._sleepers[0][0] <= self.now:
                        heapq.heappop(self._sleepers)[2].set()
                    await anyio.wait_all_tasks_blocked()

        anyio.run(root, backend=backend)
