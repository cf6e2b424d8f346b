"""Time that passes without anybody waiting for it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from operator import itemgetter

import anyio
import anyio.lowlevel


class VirtualClock:
    """A clock that stands still until somebody sleeps on it or a test advances it.

    Sleeping moves it on at once. With several sleepers at a time, it jumps to where the last of them wanted
    to be: good for counting attempts and waits, not for measuring who was faster. Deadlines and timeouts only
    watch it: they end when others have moved it past them, or when that much real time has passed.

    Args:
        start: seconds since the epoch at first. Default: the real time.
    """

    def __init__(self, start: float | None = None) -> None:
        self._begun = time.time() if start is None else start
        self._passed = 0.0
        self._timers: list[tuple[float, Callable[[], object]]] = []

    def monotonic(self) -> float:
        """Seconds that have passed."""
        return self._passed

    def time(self) -> float:
        """Seconds since the epoch: those at the start, and what has passed since."""
        return self._begun + self._passed

    def advance(self, seconds: float) -> None:
        """Let time pass: tokens and URLs expire, images get processed.

        Raises:
            ValueError: `seconds` is negative or not finite.
        """
        if not (math.isfinite(seconds) and seconds >= 0):
            raise ValueError(f"a clock advances by a number of seconds from 0, not by {seconds}")
        self._move_to(self._passed + seconds)

    async def sleep(self, seconds: float) -> None:
        """Let everybody else go on for a turn, then let time pass."""
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
        """Cancel the block once this many seconds have passed, here or in reality; math.inf: never."""
        with self._scope(seconds) as scope, self._timer(seconds, scope.cancel):
            yield scope

    def _scope(self, seconds: float) -> anyio.CancelScope:
        return anyio.CancelScope(deadline=anyio.current_time() + seconds)

    @contextmanager
    def _timer(self, seconds: float, ring: Callable[[], object]) -> Generator[None, None, None]:
        """Ring once this many seconds have passed, if the block still runs then."""
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
