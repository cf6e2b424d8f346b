"""A virtual clock that moves only when all tasks sleep, for asyncio and trio."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import anyio
import sniffio

from imgwire_async.testing.clock import VirtualClock


async def _everybody_blocked() -> None:
    if sniffio.current_async_library() == "trio":
        await anyio.wait_all_tasks_blocked()
        return
    # anyio's own function for asyncio really sleeps 0.1 s between its checks, and checks every task.
    loop = asyncio.get_running_loop()
    quiet = 0
    while quiet < 4:
        await asyncio.sleep(0)
        quiet = 0 if loop._ready else quiet + 1  # type: ignore[attr-defined]


WALL = datetime(2026, 5, 9, 12, 0, 0, tzinfo=UTC).timestamp()


class VirtualTime(VirtualClock):
    """A clock for several tasks: `run` advances it once all tasks are blocked."""

    def __init__(self, start: float = 0.0) -> None:
        super().__init__(WALL)
        self._passed = start

    @property
    def now(self) -> float:
        """Seconds that have passed; a test may set it."""
        return self._passed

    @now.setter
    def now(self, instant: float) -> None:
        self._passed = instant

    async def wait(self, event: anyio.Event, seconds: float) -> None:
        """Wait for an event, at most this many seconds; then the clock sets it."""
        assert seconds >= 0, f"a negative wait: {seconds}"
        with self._timer(seconds, event.set):
            await event.wait()

    def _scope(self, seconds: float) -> anyio.CancelScope:  # noqa: ARG002 - real time plays no part
        return anyio.CancelScope()

    async def settle(self) -> None:
        """Let all other tasks run until they are blocked."""
        await self.sleep(0.0)

    async def skip(self, seconds: float) -> None:
        """A sleep for tests with a single task: advances the clock at once."""
        await VirtualClock.wait(self, anyio.Event(), seconds)

    def run(self, main: Callable[[], Awaitable[None]], *, backend: str = "asyncio") -> None:
        """Run `main` in virtual time; raises if all tasks are blocked forever."""

        async def root() -> None:
            finished = anyio.Event()

            async def play() -> None:
                await main()
                finished.set()

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(play)
                await _everybody_blocked()
                while not finished.is_set():
                    following = min((due for due, _ in self._timers), default=math.inf)
                    assert following < math.inf, "deadlock: nobody sleeps and nobody runs"
                    self._move_to(following)
                    await _everybody_blocked()

        anyio.run(root, backend=backend)
