"""Read timeouts of an asyncio transport, implemented with a single timer."""

from __future__ import annotations

import asyncio
import math
from time import monotonic
from typing import Final, Protocol

_GRACE: Final = 0.01
"""Seconds after a timeout in which bytes that have already arrived can still be read."""


class Waiting(Protocol):
    """Something that waits for bytes of a response."""

    def time_out(self) -> None:
        """Give up waiting."""
        ...


class ReadTimeouts:
    """Ends waits that have taken too long.

    aiohttp's own read timeout sets and cancels a timer twice in every successful call, which costs more than
    reading the response. Here, one timer is set for the wait that times out first. When it fires, most waits
    have long received their bytes, and it is set again for the next one.

    Create it in a running event loop.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ends: dict[Waiting, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._goes_off = math.inf

    def start(self, waiting: Waiting, seconds: float | None) -> None:
        """Call `waiting.time_out` after this many seconds, unless `stop` is called first; None never does."""
        if seconds is None:
            return
        end = self._ends[waiting] = monotonic() + seconds
        if end < self._goes_off:
            self._set(end)

    def stop(self, waiting: Waiting) -> None:
        """Record that the bytes have arrived, or that nothing waits for them any more."""
        self._ends.pop(waiting, None)

    def close(self) -> None:
        """Forget all waits."""
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
            # If the event loop was blocked, the bytes may have arrived without having been read.
            self._loop.call_later(_GRACE, self._end, late)
        self._set(min((end for end in self._ends.values() if end > now), default=math.inf))

    def _end(self, late: list[Waiting]) -> None:
        now = monotonic()
        for waiting in late:
            if self._ends.get(waiting, math.inf) <= now:
                del self._ends[waiting]
                waiting.time_out()
