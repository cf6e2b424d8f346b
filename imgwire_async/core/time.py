"""The clock that is injected wherever the SDK reads the time or waits."""

from __future__ import annotations

import math
import time
from contextlib import AbstractContextManager
from typing import Protocol

import anyio


class Time(Protocol):
    """A monotonic clock, the wall clock, and methods that wait on them.

    A client has one clock for its gate, its retries and its bulk jobs. Tests pass a virtual one.
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
        """Return when `event` is set, or after this many seconds; math.inf means no limit.

        Use it for waits that are expected to run their full time, such as a pause. Bound an operation that
        is expected to end sooner with `move_on_after`, which never advances a virtual clock.
        """
        ...

    def move_on_after(self, seconds: float) -> AbstractContextManager[anyio.CancelScope, bool | None]:
        """Cancel the block once this many seconds have passed; math.inf means never."""
        ...


class RealTime:
    """This machine's clocks; works on asyncio, uvloop and trio."""

    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)
    sleep = staticmethod(anyio.sleep)

    async def wait(self, event: anyio.Event, seconds: float) -> None:
        """Return when `event` is set, or after this many seconds; math.inf means no limit."""
        if seconds == math.inf:
            await event.wait()
            return
        with anyio.move_on_after(seconds):
            await event.wait()

    def move_on_after(self, seconds: float) -> anyio.CancelScope:
        """Cancel the block once this many seconds have passed; math.inf means never."""
        return anyio.CancelScope(deadline=anyio.current_time() + seconds)
