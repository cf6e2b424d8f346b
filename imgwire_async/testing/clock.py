"""Virtual time for tests."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from operator import itemgetter

import anyio
import anyio.lowlevel


class VirtualClock:
    """A clock that stands still until something sleeps on it or a test advances it.

    Sleeping advances it immediately. With several concurrent sleepers, it jumps to the latest of their
    wake-up times, so use it to count attempts and waits, not to compare durations. Deadlines and timeouts do
    not advance it: they end when something else has moved it past them, or when that much real time has
    passed.

    Args:
        start: initial time in seconds since the epoch. Default: the real time.
    """

    def __init__(self, start: float | None = None) -> None:
        self._begun = time.time() if start is None else start
        self._passed = 0.0
        self._timers: list[tuple[float, Callable[[], object]]] = []

    def monotonic(self) -> float:
        """Seconds that have passed."""
        return self._passed

    def time(self) -> float:
        """Seconds since the epoch: the start plus the virtual time that has passed."""
        return self._begun + self._passed

    def advance(self, seconds: float) -> None:
        """Advance the clock: tokens and URLs expire, images get processed.

        Raises:
            ValueError: `seconds` is negative or not finite.
        """
        if not (math.isfinite(seconds) and seconds >= 0):
            raise ValueError(f"a clock can advance only by a number of seconds from 0, got {seconds}")
        self._move_to(self._passed + seconds)

    async def sleep(self, seconds: float) -> None:
        """Let other tasks run for one turn, then advance the clock."""
        await self.wait(anyio.Event(), seconds)

    async def wait(self, event: anyio.Event, seconds: float) -> None:
        """Wait for an event for this many seconds; without a limit (math.inf) in real time."""
        if math.isinf(seconds):
            await event.wait()
            return
        end = self._passed + max(0.0, seconds)
        await anyio.lowlevel.checkpoint()
        if not event.is_set():
            self._move_to(end)

    @contextmanager
    def move_on_after(self, seconds: float) -> Generator[anyio.CancelScope, None, None]:
        """Cancel the block once this many seconds have passed in virtual or real time; math.inf: never."""
        with self._scope(seconds) as scope, self._timer(seconds, scope.cancel):
            yield scope

    def _scope(self, seconds: float) -> anyio.CancelScope:
        return anyio.CancelScope(deadline=anyio.current_time() + seconds)

    @contextmanager
    def _timer(self, seconds: float, ring: Callable[[], object]) -> Generator[None, None, None]:
        """Trigger once this many seconds have passed, if the block is still running."""
        timer = (self._passed + seconds, ring)
        self._timers.append(timer)
        try:
            yield
        finally:
            if timer in self._timers:
                self._timers.remove(timer)

    def _move_to(self, instant: float) -> None:
        self._passed = max(self._passed, instant)
        due = [timer for timer in self._timers if timer[0] <= self._passed]
        for timer in sorted(due, key=itemgetter(0)):
            self._timers.remove(timer)
            timer[1]()
