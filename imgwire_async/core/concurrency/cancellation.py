"""Telling the cancellation of a call from that of something which the call awaits.

Hooks, sources and key providers await things of the application's own. When one of those is cancelled, what
comes out is the same `CancelledError` that would come if the call were cancelled, and every task group and
cancel scope on its way takes it for that: work would end halfway as if it were done.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

import anyio

from imgwire_async.errors import ImgwireError, UnexpectedCancellationError

T = TypeVar("T")

ENDS_PROGRAM: Final = (KeyboardInterrupt, SystemExit)
"""What code of the user's raises to end the program, and not because it has failed."""


class ForeignCode:
    """A block that runs the user's code, and from which only a cancellation of this very task comes through.

    Any other `CancelledError` becomes one of our errors, with the original as cause, and so does a
    `GeneratorExit`, which would close what runs around the block. Must not be held across a `yield`.

    Args:
        what: what runs, for the message, such as "the on_progress hook".
        error: class of the error.
    """

    __slots__ = ("_error", "_pending", "_requests", "_task", "_what")

    def __init__(self, what: str, error: type[ImgwireError] = UnexpectedCancellationError) -> None:
        self._what = what
        self._error = error

    def __enter__(self) -> None:
        self._task = running_task()
        self._requests = 0 if self._task is None else self._task.cancelling()
        # A request that has not been delivered yet will come out of the first `await` of the block.
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
    """An iterator of the user's, each step of which is a block of `ForeignCode`.

    Args:
        iterator: gives the items.
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


def running_task() -> asyncio.Task[object] | None:
    """The running task, or None on trio and outside of event loops."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def is_raised(task: asyncio.Task[object] | None) -> bool:
    """Whether a `GeneratorExit` was raised, instead of closing a coroutine that nobody awaits any more.

    That happens outside of the task in which it has run.

    Args:
        task: what `running_task` gave before.
    """
    return running_task() is task


def is_failure(error: BaseException, task: asyncio.Task[object] | None) -> bool:
    """Whether code of the user's has failed: not if it was cancelled or closed, or ends the program.

    Args:
        error: what it raised.
        task: what `running_task` gave before.
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
