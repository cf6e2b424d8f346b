"""Calling obstore: directly on asyncio, and in threads on trio, which obstore does not support."""

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
"""Minimum and maximum seconds that the end of the process waits for obstore's threads."""


def on_asyncio() -> bool:
    """Whether this runs on asyncio or a compatible event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def call(awaitable: Callable[[], Awaitable[T]], blocking: Callable[[], T]) -> T:
    """Call the variant that the running event loop supports."""
    if on_asyncio():
        return await awaitable()
    return await in_thread(blocking, abandon_on_cancel=True)


async def each(stream: Any) -> AsyncGenerator[Any, None]:  # noqa: ANN401 - a stream of obstore
    """The items of an obstore stream."""
    if on_asyncio():
        async for one in stream:
            yield one
        return
    iterator, end = iter(stream), object()
    while (one := await in_thread(lambda: next(iterator, end), abandon_on_cancel=True)) is not end:
        yield one


def let_threads_finish() -> None:
    """Wait at the end of the process until obstore's threads have delivered their results.

    Such a thread is still calling into Python after its result has arrived. Python ends it there on shutdown,
    in the middle of Rust code, which aborts the process although all work is done.
    """
    end = time.monotonic() + _LONGEST_HANDING_OVER
    time.sleep(_HANDING_OVER)  # a thread that waits for the interpreter is not visible
    while _are_foreign_threads_in_python() and time.monotonic() < end:
        time.sleep(_HANDING_OVER / 10)


def _are_foreign_threads_in_python() -> bool:
    own = {thread.ident for thread in threading.enumerate()}
    return bool(sys._current_frames().keys() - own)  # noqa: SLF001 - the documented way
