"""Calling obstore on asyncio, and in threads on trio, which it knows nothing of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, TypeVar

from imgwire_async.core.concurrency.threads import in_thread

T = TypeVar("T")


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
