"""Event loops that end while calls are still pending in them.

A loop that is closed or stopped with calls pending does not run their `finally` blocks. Resources that such
calls hold of an object that outlives the loop, such as a client's slots, would never be released.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary, ref

import anyio
from anyio.lowlevel import checkpoint, current_token

T = TypeVar("T")


def current_loop() -> object:
    """The running asyncio event loop, or the token of the running trio run."""
    # Called several times per call, and anyio's function takes ten times as long. Trio may run as a guest of
    # asyncio, and then outside any asyncio task.
    loop = asyncio._get_running_loop()  # noqa: SLF001 - `get_running_loop` raises where there is none
    if loop is not None and ("trio" not in sys.modules or asyncio.current_task(loop) is not None):
        return loop
    return current_token().native_token


def current_time() -> float:
    """The time of the running event loop's clock, for deadlines of anyio."""
    loop = current_loop()
    return loop.time() if isinstance(loop, asyncio.AbstractEventLoop) else anyio.current_time()


async def next_turn() -> None:
    """A checkpoint of anyio, in less time on asyncio."""
    if isinstance(current_loop(), asyncio.AbstractEventLoop):
        await asyncio.sleep(0)
    else:
        await checkpoint()


def is_abandoned(loop: object) -> bool:
    """Whether a loop has stopped and may have left calls pending. A trio run never leaves any."""
    return isinstance(loop, asyncio.AbstractEventLoop) and not loop.is_running()


def is_closed(loop: object) -> bool:
    """Whether this loop can no longer wake up anything."""
    return isinstance(loop, asyncio.AbstractEventLoop) and loop.is_closed()


class PerRun(Generic[T]):
    """A value for each event loop. Unlike `LoopLocal`, supports several loops at the same time.

    Args:
        make: creates the value.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: WeakKeyDictionary[object, T] = WeakKeyDictionary()
        self._last: tuple[ref[object], T] | None = None

    def get(self) -> T:
        """The value of the running event loop."""
        loop, last = current_loop(), self._last
        if last is not None and last[0]() is loop:
            return last[1]
        value = self._values.get(loop)
        if value is None:
            value = self._values[loop] = self._make()
        self._last = ref(loop), value
        return value


class LoopLocal(Generic[T]):
    """A value for the running event loop, such as a lock; another loop gets a new one.

    Args:
        make: creates the value.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._loop: object = None
        self._value: T

    def get(self) -> T:
        """The value of the running event loop."""
        loop = current_loop()
        if loop is not self._loop:
            self._loop, self._value = loop, self._make()
        return self._value
