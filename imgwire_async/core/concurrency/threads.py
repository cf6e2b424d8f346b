"""Worker threads for objects that only one thread may use at a time, and none after the end."""

from __future__ import annotations

import math
import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import anyio
from anyio import CapacityLimiter, to_thread

from imgwire_async.core.concurrency.cancellation import CallingTask
from imgwire_async.core.concurrency.loops import current_loop
from imgwire_async.core.concurrency.workers import in_worker
from imgwire_async.core.pace.local_limits import LONGEST_WAIT, PAUSE, lacks_thread, say_waiting

T = TypeVar("T")


async def in_thread(
    work: Callable[[], T], *, limiter: CapacityLimiter | None = None, abandon_on_cancel: bool = False
) -> T:
    """Call `work` in a thread; waits up to a minute while the process cannot start another thread.

    Args:
        work: what to call. Short work of this package that may be abandoned has its own `limiter`; on asyncio
            it then runs in the threads of `in_worker`.
        limiter: limits the number of threads; the default is anyio's for all threads.
        abandon_on_cancel: whether a cancelled task leaves its work running instead of waiting for it.
    """
    end = math.inf
    while True:
        try:
            if limiter is not None and abandon_on_cancel and isinstance(current_loop(), AbstractEventLoop):
                return await in_worker(work, limiter)
            return await to_thread.run_sync(work, limiter=limiter, abandon_on_cancel=abandon_on_cancel)
        except RuntimeError as error:
            now = anyio.current_time()
            end = min(end, now + LONGEST_WAIT)
            if not lacks_thread(error) or now >= end:
                raise
            say_waiting(str(error))
        await anyio.sleep(PAUSE)


def _nothing() -> None:
    """Do nothing."""


class ExclusiveThread:
    """Worker threads for one object that only one of them may use at a time, and none after the end.

    A cancelled task does not wait for its work that still runs in a thread. `end` does.

    Args:
        limiter: returns the limiter for the number of such threads, see `in_thread`.
        patience: the longest that `end` waits for work that still runs, in seconds. A read of a pipe or of a
            network file system may never return; the thread is then abandoned, and the object is closed if
            the read does return. On asyncio the interpreter waits for it at exit if there is no limiter,
            because anyio's threads are not daemon threads.
    """

    def __init__(
        self, limiter: Callable[[], CapacityLimiter | None] = lambda: None, *, patience: float = math.inf
    ) -> None:
        self._limiter = limiter
        self._patience = patience
        self._task = CallingTask()
        self._lock = threading.Lock()
        self._is_working = False
        self._ended = False
        self._closing = False
        self._closed = False
        self._error: Exception | None = None
        self._left: Callable[[], None] | None = None
        self._then: Callable[[], object] = _nothing

    async def run(self, work: Callable[[], T]) -> T:
        """Call `work` in a thread."""
        abandon = self._patience < math.inf
        return await in_thread(
            lambda: self._guarded(work), limiter=self._limiter(), abandon_on_cancel=abandon
        )

    def run_here(self, work: Callable[[], T]) -> T | None:
        """Call `work`, which must not block, in the current thread.

        Returns:
            The result of `work`; None if a thread uses the object, or after the end.
        """
        if not self._lock.acquire(blocking=False):
            return None
        try:
            return None if self._ended else work()
        finally:
            self._lock.release()

    @property
    def is_used(self) -> bool:
        """Whether a thread uses the object, or is about to close it."""
        return self._lock.locked() or (self._closing and not self._closed)

    def _guarded(self, work: Callable[[], T]) -> T:
        try:
            with self._lock:
                if self._ended:
                    raise RuntimeError("the task that requested this has ended")
                self._is_working = True
                try:
                    return work()
                finally:
                    self._is_working = False
        finally:
            if self._left is not None:
                self._left()

    async def end(self, close: Callable[[], object] | None = None) -> None:
        """Wait for running work, start nothing new, and call `close` in a thread, whatever happens.

        Once no work runs any more, a call that is not cancelled waits for `close` for up to a minute.

        Raises:
            Exception: that of `close`.
        """
        if close is None and self._lock.acquire(blocking=False):
            self._ended = self._closed = True
            self._lock.release()
            return
        self._ended = True
        if self._task.is_lost():
            self._end_apart(close)
            return
        await self._closing_begun(close)
        if self._is_closing() and not self._task.is_cancelled():
            with anyio.move_on_after(LONGEST_WAIT):
                while self._is_closing():  # noqa: ASYNC110 - a thread cannot set an event of the loop
                    await anyio.sleep(PAUSE)
        error, self._error = self._error, None
        if error is not None:
            raise error

    async def _closing_begun(self, close: Callable[[], object] | None) -> None:
        """Wait for running work and for `close`, for as long as the patience lasts."""
        cancelled: BaseException | None = None
        abandon = self._patience < math.inf
        try:
            with anyio.move_on_after(self._patience, shield=True) as waiting:
                while not self._closed and not waiting.cancel_called:
                    try:
                        await in_thread(
                            partial(self._end, close), limiter=self._limiter(), abandon_on_cancel=abandon
                        )
                    except anyio.get_cancelled_exc_class() as error:
                        if waiting.cancel_called:
                            raise
                        # `Task.cancel` of asyncio ignores a shield, and drops work that has not started.
                        cancelled = error
        finally:
            if not self._closing:  # no thread has started it, and none will
                self._end_apart(close)
        if cancelled is not None:
            raise cancelled

    def _is_closing(self) -> bool:
        """Whether a thread closes the object or is about to, and none hangs in earlier work."""
        return not self._closed and not self._is_working

    def when_free(self, then: Callable[[], object]) -> None:
        """After `end`, call `then` once no thread uses the object any more: now, or in the last of them.

        Args:
            then: must not block, and may be called twice.
        """
        self._then = then
        if self._closed:
            self._then = _nothing  # which may refer to this object
            then()

    def _end(self, close: Callable[[], object] | None) -> None:
        self._closing = True
        try:
            with self._lock:
                if self._closed:
                    return
                try:
                    if close is not None:
                        close()
                except Exception as error:  # noqa: BLE001 - raised by `end`, unless it does not wait for it
                    self._error = error
                finally:
                    self._closed = True
        finally:
            self._then()

    def _end_apart(self, close: Callable[[], object] | None) -> None:
        """Call `close` without the threads of the event loop, which the program may all use."""
        self._closing = True
        end = partial(self._end, close)
        try:
            threading.Thread(target=end, name="imgwire_async closing", daemon=True).start()
        except RuntimeError:  # no thread can be started
            self._left = end  # to the thread that uses the object, if there is one
            if not self._lock.locked():
                end()
