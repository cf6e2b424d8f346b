"""Open files of the caller, sync and async ones, used by one and the same code."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, TypeVar

from imgwire_async.core.concurrency.threads import ExclusiveThread

T = TypeVar("T")


class OpenFile:
    """An open file whose methods may be sync or async.

    Work on it is a coroutine that awaits nothing but `call`. On a sync file it is never suspended, so it runs
    to its end in a thread.

    Args:
        file: the file.
        thread: where a sync file is used; None for an async one, which brings its own.
    """

    def __init__(self, file: Any, thread: ExclusiveThread | None) -> None:  # noqa: ANN401 - any duck
        self.file = file
        self.thread = thread

    async def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do some work where the file is used."""
        if self.thread is None:
            return await work()
        return await self.thread.run(lambda: finish(work()))

    def call(self, method: str, *arguments: object) -> Awaitable[Any]:
        """Call a method of the file."""
        # Not a coroutine of its own: it would make another error of a StopIteration.
        result = getattr(self.file, method)(*arguments)
        return result if self.thread is None and inspect.isawaitable(result) else _Ready(result)


class _Ready:
    """A result to be awaited that is there."""

    def __init__(self, result: object) -> None:
        self._result = result

    def __await__(self) -> Generator[None, None, Any]:
        yield from ()
        return self._result


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Run to its end what is never suspended."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("a sync file was awaited")
