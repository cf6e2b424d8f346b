"""Time that passes without anybody waiting for it."""

from __future__ import annotations

import math
import time

import anyio
import anyio.lowlevel


class VirtualClock:
    """A clock that stands still until somebody sleeps on it or a test advances it.

    Sleeping moves it on at once. With several sleepers at a time, it jumps to where the last of them wanted
    to be: good for counting attempts and waits, not for measuring who was faster.
    """

    def __init__(self) -> None:
        self._begun = time.time()
        self._passed = 0.0

    def monotonic(self) -> float:
        """Seconds that have passed."""
        return self._passed

    def time(self) -> float:
        """Seconds since the epoch: what `time.time()` was at first, and what has passed since."""
        return self._begun + self._passed

    def advance(self, seconds: float) -> None:
        """Let time pass: tokens and URLs expire, images get processed.

        Raises:
            ValueError: `seconds` is negative or not finite.
        """
        if not (math.isfinite(seconds) and seconds >= 0):
            raise ValueError(f"a clock advances by a number of seconds from 0, not by {seconds}")
        self._passed += seconds

    async def sleep(self, seconds: float) -> None:
        """Let everybody else go on for a turn, then let time pass."""
        await self.wait(anyio.Event(), seconds)

    async def wait(self, event: anyio.Event, seconds: float) -> None:
        """Wait for an event for so many seconds; without a limit (math.inf) in real time."""
        if math.isinf(seconds):
            await event.wait()
            return
        end = self._passed + max(0.0, seconds)
        await anyio.lowlevel.checkpoint()
        if not event.is_set():
            self._passed = max(self._passed, end)
