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
from typing import Generic, Self, TypeVar

import anyio

from imgwire_async.errors import ImgwireError, UnexpectedCancellationError

T = TypeVar("T")


class ForeignCode:
    """A block that runs the user's code, and from which only a cancellation of this very task comes through.

    Any other `CancelledError` becomes one of our errors, with the original as cause. Must not be held across
    a `yield`.

    Args:
        what: what runs, for the message, such as "the on_progress hook".
        error: class of the error.
    """

    __slots__ = ("_error", "_pending", "_requests", "_task", "_what")

    def __init__(self, what: str, error: type[ImgwireError] = UnexpectedCancellationError) -> None:
        self._what = what
        self._error = error

    def __enter__(self) -> None:
        self._task = _asyncio_task()
        self._requests = 0 if self._task is None else self._task.cancelling()
        # A request that has not been delivered yet will come out of the first `await` of the block.
        self._pending = self._requests > 0 and anyio.get_current_task().has_pending_cancellation()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, Exception | GeneratorExit):
            return  # a coroutine that nobody awaits any more is closed outside of any event loop
        if self._is_foreign(error):
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


def _asyncio_task() -> asyncio.Task[object] | None:
    """The running task, or None on trio."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
