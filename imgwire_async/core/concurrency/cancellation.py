"""Distinguishes the cancellation of a call from the cancellation of something that the call awaits.

Hooks, sources and key providers await objects of the application. If one of these is cancelled, it raises the
same `CancelledError` as a cancelled call, and every task group and cancel scope treats it as one: work would
stop halfway as if it were done.
"""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Final, Generic, Self, TypeVar
from weakref import ref

import anyio

from imgwire_async.errors import ImgwireError, UnexpectedCancellationError

T = TypeVar("T")

ENDS_PROGRAM: Final = (KeyboardInterrupt, SystemExit)
"""Exceptions of user code that end the program instead of reporting a failure."""


class ForeignCode:
    """A block that runs user code and lets only a cancellation of the current task through.

    Any other `CancelledError` is raised as one of our errors, with the original as its cause. So is a
    `GeneratorExit`, which would close the surrounding code. Do not `yield` inside the block.

    Args:
        what: the user code, for the message, such as "the on_progress hook".
        error: class of the error.
    """

    __slots__ = ("_error", "_pending", "_requests", "_task", "_what")

    def __init__(self, what: str, error: type[ImgwireError] = UnexpectedCancellationError) -> None:
        self._what = what
        self._error = error

    def __enter__(self) -> None:
        self._task = running_task()
        self._requests = 0 if self._task is None else self._task.cancelling()
        # A cancellation that has not been delivered yet is raised by the first `await` of the block.
        self._pending = self._requests > 0 and anyio.get_current_task().has_pending_cancellation()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, Exception):
            return
        if isinstance(error, GeneratorExit):
            if is_raised(self._task):
                raise self._error(f"{self._what} raised GeneratorExit") from error
        elif self._is_foreign(error):
            raise self._error(
                f"{self._what} raised {type(error).__name__}, because something it awaits was cancelled, "
                "although the call was not"
            ) from error

    def _is_foreign(self, error: BaseException) -> bool:
        if not isinstance(error, anyio.get_cancelled_exc_class()):
            return isinstance(error, asyncio.CancelledError)  # on trio
        if self._pending or anyio.current_effective_deadline() == -math.inf:
            return False
        return self._task is None or self._task.cancelling() <= self._requests


class ForeignIterator(Generic[T]):
    """A user's iterator, with each step run inside `ForeignCode`.

    Args:
        iterator: the user's iterator.
        what: see `ForeignCode`.
        error: see `ForeignCode`.
    """

    def __init__(
        self, iterator: AsyncIterator[T], what: str, error: type[ImgwireError] = UnexpectedCancellationError
    ) -> None:
        self._iterator = iterator
        self._what = what
        self._error = error

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        with ForeignCode(self._what, self._error):
            return await anext(self._iterator)


class CallingTask:
    """The task that creates this, for closing at the end what it has begun to use."""

    __slots__ = ("_requests", "_task")

    def __init__(self) -> None:
        task = running_task()
        # A call that has been lost with its event loop is referenced by what it uses.
        self._task = None if task is None else ref(task)
        self._requests = 0
        if task is not None and task.cancelling():
            # A cancellation that has not been delivered yet is raised by the next `await`.
            self._requests = task.cancelling() - anyio.get_current_task().has_pending_cancellation()

    def is_cancelled(self) -> bool:
        """Whether it has been cancelled since then, or is in a scope that has."""
        if anyio.current_effective_deadline() == -math.inf:
            return True
        task = None if self._task is None else self._task()
        return task is not None and task.cancelling() > self._requests

    def is_lost(self) -> bool:
        """Whether the garbage collector closes its coroutine, where nothing can be awaited any more."""
        if self._task is None or not isinstance(sys.exception(), GeneratorExit):
            return False
        running = running_task()
        return running is None or running is not self._task()


def running_task() -> asyncio.Task[object] | None:
    """The running task, or None on trio and outside of event loops."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def is_raised(task: asyncio.Task[object] | None) -> bool:
    """Whether a `GeneratorExit` was raised by code, rather than by closing an abandoned coroutine.

    A coroutine is closed outside the task in which it ran.

    Args:
        task: the result of `running_task` before the code ran.
    """
    return running_task() is task


def is_failure(error: BaseException, task: asyncio.Task[object] | None) -> bool:
    """Whether user code has failed; False if it was cancelled or closed, or ends the program.

    Args:
        error: the exception that it raised.
        task: the result of `running_task` before the code ran.
    """
    if isinstance(error, Exception):
        return True
    if isinstance(error, GeneratorExit):
        return is_raised(task)
    if isinstance(error, BaseExceptionGroup):
        return all(is_failure(one, task) for one in error.exceptions)
    if isinstance(error, ENDS_PROGRAM):
        return False
    try:
        cancelled = anyio.get_cancelled_exc_class()
    except RuntimeError:  # in a thread, where nothing is cancelled
        return True
    return not isinstance(error, (cancelled, asyncio.CancelledError))
