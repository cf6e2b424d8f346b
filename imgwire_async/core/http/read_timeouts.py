"""The read timeouts of a transport on asyncio, kept with one timer."""

from __future__ import annotations

import asyncio
import math
from time import monotonic
from typing import Final, Protocol

_GRACE: Final = 0.01
"""Seconds after the end of a timeout in which bytes that have arrived are read."""


class Waiting(Protocol):
    """What waits for bytes of a response."""

    def time_out(self) -> None:
        """Give up waiting."""
        ...


class ReadTimeouts:
    """Ends what has waited for too long.

    aiohttp's own read timeout sets and cancels a timer twice in a call that succeeds, which costs more than
    reading the response. This one is set for the first wait that can end. When it goes off, most have long
    got their bytes, and it is set for the next.

    Made in a running event loop.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ends: dict[Waiting, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._goes_off = math.inf

    def start(self, waiting: Waiting, seconds: float | None) -> None:
        """Call `waiting.time_out` after this many seconds, unless `stop` is called first; None: never."""
        if seconds is None:
            return
        end = self._ends[waiting] = monotonic() + seconds
        if end < self._goes_off:
            self._set(end)

    def stop(self, waiting: Waiting) -> None:
        """Note that the bytes are there, or that nobody waits for them any more."""
        self._ends.pop(waiting, None)

    def close(self) -> None:
        """Forget all who wait."""
        self._ends.clear()
        self._set(math.inf)

    def _set(self, instant: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._goes_off = instant
        if instant < math.inf:
            self._timer = self._loop.call_later(instant - monotonic(), self._look)

    def _look(self) -> None:
        now = monotonic()
        late = [waiting for waiting, end in self._ends.items() if end <= now]
        if late:
            # If the event loop stood still, the bytes may be there and only not have been read.
            self._loop.call_later(_GRACE, self._end, late)
        self._set(min((end for end in self._ends.values() if end > now), default=math.inf))

    def _end(self, late: list[Waiting]) -> None:
        now = monotonic()
        for waiting in late:
            if self._ends.get(waiting, math.inf) <= now:
                del self._ends[waiting]
                waiting.time_out()
