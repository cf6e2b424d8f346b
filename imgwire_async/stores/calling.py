"""Calling obstore on asyncio, and in threads on trio, which it knows nothing of."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Final, TypeVar

from imgwire_async.core.concurrency.threads import in_thread

T = TypeVar("T")

_HANDING_OVER: Final = 0.02
_LONGEST_HANDING_OVER: Final = 1.0
"""Seconds that the end of the process waits for threads of obstore, at least and at most."""


def on_asyncio() -> bool:
    """Whether asyncio, or a loop of its kind, runs this."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def call(awaitable: Callable[[], Awaitable[T]], blocking: Callable[[], T]) -> T:
    """Call the one of the two that the running event loop can use."""
    if on_asyncio():
        return await awaitable()
    return await in_thread(blocking, abandon_on_cancel=True)


async def each(stream: Any) -> AsyncGenerator[Any, None]:  # noqa: ANN401 - a stream of obstore
    """What a stream of obstore gives, one after the other."""
    if on_asyncio():
        async for one in stream:
            yield one
        return
    iterator, end = iter(stream), object()
    while (one := await in_thread(lambda: next(iterator, end), abandon_on_cancel=True)) is not end:
        yield one


def let_threads_finish() -> None:
    """Wait at the end of the process until the threads of obstore have handed over their results.

    Such a thread is still in a call into Python when its result has arrived. Python, when it shuts down, ends
    the thread right there, in the middle of Rust, which aborts the process although it has done all its work.
    """
    end = time.monotonic() + _LONGEST_HANDING_OVER
    time.sleep(_HANDING_OVER)  # one that waits for the interpreter cannot be seen
    while _are_foreign_threads_in_python() and time.monotonic() < end:
        time.sleep(_HANDING_OVER / 10)


def _are_foreign_threads_in_python() -> bool:
    own = {thread.ident for thread in threading.enumerate()}
    return bool(sys._current_frames().keys() - own)  # noqa: SLF001 - the documented way
