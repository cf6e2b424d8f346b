"""A common interface to the caller's open files, sync or async."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, TypeVar

from imgwire_async.core.concurrency.threads import ExclusiveThread

T = TypeVar("T")


class OpenFile:
    """An open file whose methods may be sync or async.

    Work on the file is a coroutine that awaits only `call`. On a sync file it is never suspended, so it runs
    to completion in a thread.

    Args:
        file: the file.
        thread: where a sync file is used; None for an async file.
    """

    def __init__(self, file: Any, thread: ExclusiveThread | None) -> None:  # noqa: ANN401 - any duck
        self.file = file
        self.thread = thread

    async def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run some work, in the thread of a sync file."""
        if self.thread is None:
            return await work()
        return await self.thread.run(lambda: finish(work()))

    def call(self, method: str, *arguments: object) -> Awaitable[Any]:
        """Call a method of the file."""
        # Not a coroutine, which would turn a StopIteration into a RuntimeError.
        result = getattr(self.file, method)(*arguments)
        return result if self.thread is None and inspect.isawaitable(result) else _Ready(result)


class _Ready:
    """An awaitable with a result that is already available."""

    def __init__(self, result: object) -> None:
        self._result = result

    def __await__(self) -> Generator[None, None, Any]:
        yield from ()
        return self._result


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that is never suspended, and return its result."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("a sync file was awaited")
