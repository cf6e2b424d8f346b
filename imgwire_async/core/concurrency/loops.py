"""Event loops that end while something is under way in them, which nobody ends then.

A loop that is closed or stopped with calls pending runs none of their `finally` blocks. What such calls hold
of an object that outlives the loop, such as a client's slots, would be held forever.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary, ref

from anyio.lowlevel import current_token

T = TypeVar("T")


def current_loop() -> object:
    """The event loop of asyncio, or the token of the trio run, that is running here."""
    # Asked for several times in a call, and anyio's way takes ten times as long. Trio may run as a guest of
    # asyncio, and then in no task of it.
    loop = asyncio._get_running_loop()  # noqa: SLF001 - `get_running_loop` raises where there is none
    if loop is not None and ("trio" not in sys.modules or asyncio.current_task(loop) is not None):
        return loop
    return current_token().native_token


def is_abandoned(loop: object) -> bool:
    """Whether a loop no longer runs, and may have left calls pending. A trio run never does."""
    return isinstance(loop, asyncio.AbstractEventLoop) and not loop.is_running()


def is_closed(loop: object) -> bool:
    """Whether nothing can be woken up in this loop anymore."""
    return isinstance(loop, asyncio.AbstractEventLoop) and loop.is_closed()


class PerRun(Generic[T]):
    """A value for each event loop, for all that runs in it; unlike `LoopLocal` for several loops at a time.

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
    """A value for the running event loop, such as a lock; another loop gets a fresh one.

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
