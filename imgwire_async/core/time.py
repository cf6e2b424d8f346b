"""Time as the SDK sees it: what is injected wherever something looks at a clock or waits."""

from __future__ import annotations

import math
import time
from contextlib import AbstractContextManager
from typing import Protocol

import anyio


class Time(Protocol):
    """A monotonic clock, the wall clock, and the ways to wait on them.

    A client has one, which its gate, its retries and its bulk jobs share. Tests pass a virtual one.
    """

    def monotonic(self) -> float:
        """Seconds since an arbitrary instant; never runs backwards."""
        ...

    def time(self) -> float:
        """Seconds since the Unix epoch."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for this many seconds; math.inf waits until cancelled."""
        ...

    async def wait(self, event: anyio.Event, seconds: float) -> None:
        """Return when `event` is set, or after this many seconds; math.inf: no limit.

        For waits whose time is expected to pass, such as a pause. An operation that is expected to end
        sooner is bounded with `move_on_after`, which never drives a virtual clock.
        """
        ...

    def move_on_after(self, seconds: float) -> AbstractContextManager[anyio.CancelScope, bool | None]:
        """Cancel the block once this many seconds have passed; math.inf: never."""
        ...


class RealTime:
    """The clocks of this machine; works on asyncio, uvloop and trio."""

    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)
    sleep = staticmethod(anyio.sleep)

    async def wait(self, event: anyio.Event, seconds: float) -> None:
        """Return when `event` is set, or after this many seconds; math.inf: no limit."""
        if seconds == math.inf:
            await event.wait()
            return
        with anyio.move_on_after(seconds):
            await event.wait()

    def move_on_after(self, seconds: float) -> anyio.CancelScope:
        """Cancel the block once this many seconds have passed; math.inf: never."""
        return anyio.CancelScope(deadline=anyio.current_time() + seconds)
