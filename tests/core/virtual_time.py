"""A clock that only moves when everybody sleeps, for asyncio and trio alike."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime

import anyio
import anyio.lowlevel
import sniffio


async def _everybody_blocked() -> None:
    if sniffio.current_async_library() == "trio":
        await anyio.wait_all_tasks_blocked()
        return
    # anyio's own function for asyncio sleeps a real 0.1 s between its looks. A task that ends wakes its group
    # through callbacks, during which nobody runs, so one look is not enough.
    quiet = 0
    while quiet < 4:
        await asyncio.sleep(0)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        quiet = 0 if any(_runs(task) for task in others) else quiet + 1


def _runs(task: asyncio.Task[object]) -> bool:
    waits_for: asyncio.Future[object] | None = task._fut_waiter  # type: ignore[attr-defined]
    return waits_for is None or waits_for.done()


WALL = datetime(2026, 5, 9, 12, 0, 0, tzinfo=UTC).timestamp()


class VirtualTime:
    """Implements `core.time.Time`; `run` moves the clock on whenever no task can go on without it."""

    def __init__(self, start: float = 0.0) -> None:
        self.now = start
        self._order = itertools.count()
        self._timers: list[tuple[float, int, Callable[[], object]]] = []

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return WALL + self.now

    async def sleep(self, seconds: float) -> None:
        await self.wait(anyio.Event(), seconds)

    async def wait(self, event: anyio.Event, seconds: float) -> None:
        """Wait for an event, which the clock sets after so many seconds if nobody else does."""
        assert seconds >= 0, f"a negative wait: {seconds}"
        with self._timer(seconds, event.set):
            await event.wait()

    @contextmanager
    def move_on_after(self, seconds: float) -> Generator[anyio.CancelScope, None, None]:
        with anyio.CancelScope() as scope, self._timer(seconds, scope.cancel):
            yield scope

    @contextmanager
    def _timer(self, seconds: float, ring: Callable[[], object]) -> Generator[None, None, None]:
        timer = (self.now + seconds, next(self._order), ring)
        if math.isfinite(seconds):
            heapq.heappush(self._timers, timer)
        try:
            yield
        finally:
            if timer in self._timers:
                self._timers.remove(timer)
                heapq.heapify(self._timers)

    async def settle(self) -> None:
        """Let everybody else go on until they are blocked."""
        await self.sleep(0.0)

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
                await _everybody_blocked()
                while not finished.is_set():
                    assert self._timers, "deadlock: nobody sleeps and nobody runs"
                    self.now = max(self.now, self._timers[0][0])
                    while self._timers and self._timers[0][0] <= self.now:
                        heapq.heappop(self._timers)[2]()
                    await _everybody_blocked()

        anyio.run(root, backend=backend)
