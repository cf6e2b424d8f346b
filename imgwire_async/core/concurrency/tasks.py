"""Tasks that run alongside the caller's code.

A cancel scope or task group must be exited by the task that entered it, and in order. The caller's code does
not guarantee either inside one of our blocks: a generator left with `break` is closed by another task or by
the garbage collector. So work during such a block runs in a `Background`, which has its own task.
`JoinedTasks` is for coroutines that run from start to end while their caller awaits them.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

import anyio
from anyio.abc import TaskGroup

from imgwire_async.core.concurrency.loops import current_loop
from imgwire_async.errors import ImgwireError, UnexpectedCancellationError

T = TypeVar("T")

_NAME: Final = "imgwire_async background work"


async def wait_until_ended(ended: anyio.Event) -> None:
    """Wait for an event that is certain to be set. A cancellation is raised afterwards."""
    cancelled: BaseException | None = None
    with anyio.CancelScope(shield=True):
        while not ended.is_set():
            try:
                await ended.wait()
            except anyio.get_cancelled_exc_class() as error:
                cancelled = error  # `Task.cancel` of asyncio ignores a shield
    if cancelled is not None:
        raise cancelled


class Background:
    """Work in its own task. The owner only waits for it, and may do so in any task.

    The work runs in a copy of the context of the task that starts it. If the owner is dropped without
    `leave`, the garbage collector ends the work; so the work must not reference its owner.

    Args:
        work: does the work.
        at_end: called when the work has ended, for whatever reason.
    """

    def __init__(
        self, work: Callable[[], Awaitable[None]], *, at_end: Callable[[], None] = lambda: None
    ) -> None:
        self._host = _Host(work, at_end)
        self._loop = current_loop()
        self._seen = False
        _start(self._host)

    def check(self) -> None:
        """Return if the work completed. Call this only after it has ended.

        Raises:
            BaseException: the exception of the work, unwrapped from its group if it is the only one.
            RuntimeError: the owner cancelled the work before it completed.
        """
        host = self._host
        if host.failure is not None:
            self._seen = True
            raise host.failure.with_traceback(host.traceback)
        if not host.completed:
            raise RuntimeError("this has been cancelled, because its block was left")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.leave(error)

    async def leave(self, error: BaseException | None) -> None:
        """Cancel the work and wait until it has ended.

        Args:
            error: the exception that ends the owner's block, or None.

        Raises:
            BaseException: the exception of the work, if it has not been raised yet and concerns more than the
                items.
        """
        if not self._is_in_loop():
            self._cancel_soon()
            return
        self._host.scope.cancel()
        await wait_until_ended(self._host.ended)
        failure = self._host.failure
        if error is None and not (self._seen or failure is None or isinstance(failure, ImgwireError)):
            self.check()

    def _is_in_loop(self) -> bool:
        try:
            return self._loop is current_loop()
        except RuntimeError:
            return False  # the block of a coroutine that is closed after its loop has ended

    def _cancel_soon(self) -> None:
        # Suppressed: the loop has ended, and the work with it.
        with suppress(RuntimeError):
            if isinstance(self._loop, asyncio.AbstractEventLoop):
                self._loop.call_soon_threadsafe(self._host.scope.cancel)
            else:
                self._loop.run_sync_soon(self._host.scope.cancel)  # type: ignore[attr-defined]

    def __del__(self) -> None:
        # May run in any thread and between any two steps of a loop.
        if hasattr(self, "_loop") and not self._host.ended.is_set():
            self._cancel_soon()


class _Host:
    def __init__(self, work: Callable[[], Awaitable[None]], at_end: Callable[[], None]) -> None:
        self._work = work
        self._at_end = at_end
        self.scope = anyio.CancelScope()
        self.ended = anyio.Event()
        self.completed = False
        self.failure: BaseException | None = None
        self.traceback: TracebackType | None = None

    async def run(self) -> None:
        try:
            with self.scope:
                await self._work()
                self.completed = True
        except BaseException as error:
            if not isinstance(error, anyio.get_cancelled_exc_class()):
                self._fail(alone(error))
            if not isinstance(error, Exception):
                raise

    def end(self) -> None:
        if not (self.completed or self.scope.cancel_called or self.failure):
            self._fail(UnexpectedCancellationError("the task that does the work was cancelled by other code"))
        self._at_end()
        self.ended.set()

    def _fail(self, error: BaseException) -> None:
        self.failure, self.traceback = error, error.__traceback__


_running: set[asyncio.Task[None]] = set()
"""Keeps tasks alive, because event loops hold only weak references to them."""


def _start(host: _Host) -> None:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        _start_on_trio(host)
        return
    task = loop.create_task(host.run(), name=_NAME)
    _running.add(task)

    def end(task: asyncio.Task[None]) -> None:
        # Not in the task itself, which may be cancelled before its first step.
        _running.discard(task)
        host.end()
        if not task.cancelled():
            task.exception()  # seen

    task.add_done_callback(end)


def _start_on_trio(host: _Host) -> None:
    from trio.lowlevel import spawn_system_task

    async def run() -> None:
        # A system task must not raise. The exception is kept for the owner.
        with suppress(BaseException):
            await host.run()
        host.end()

    spawn_system_task(run, name=_NAME, context=contextvars.copy_context())


class JoinedTasks:
    """An anyio task group for tasks that must all complete.

    A single exception is raised as it is, not as the only member of an `ExceptionGroup`. A task that ends
    as cancelled although its group was not cancelled would end the whole group without an error; here that
    raises `UnexpectedCancellationError`.
    """

    def __init__(self) -> None:
        self._tasks = anyio.create_task_group()

    async def __aenter__(self) -> TaskGroup:
        return await self._tasks.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            swallowed = await self._tasks.__aexit__(kind, error, traceback) and error is not None
        except BaseExceptionGroup as group:
            failure = alone(group)
        else:
            if swallowed or (error is None and self._tasks.cancel_scope.cancel_called):
                raise UnexpectedCancellationError("a task of this call was cancelled by other code")
            return
        if failure is not error:
            raise failure


def alone(error: BaseException) -> BaseException:
    """The single exception in a group, or the error itself."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


class Handover(Generic[T]):
    """A queue from background work to any number of consumers. Each item is taken once, and none is lost.

    Args:
        capacity: number of queued items at which `put` waits.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._items: deque[T] = deque()
        self._ended = False
        self._arrived, self._taken = anyio.Event(), anyio.Event()

    async def put(self, item: T) -> None:
        """Add an item, waiting until there is room for it."""
        while len(self._items) >= self._capacity:
            if self._taken.is_set():
                self._taken = anyio.Event()
            await self._taken.wait()
        self.put_nowait(item)

    def put_nowait(self, item: T) -> None:
        """Add an item without waiting, even if the queue is full."""
        self._items.append(item)
        self._arrived.set()

    def end(self) -> None:
        """Make `take` raise `anyio.EndOfStream` once everything has been taken."""
        self._ended = True
        self._arrived.set()

    async def take(self) -> T:
        """Wait for the next item.

        Raises:
            anyio.EndOfStream: there will be no more.
        """
        while not self._items:
            if self._ended:
                raise anyio.EndOfStream
            if self._arrived.is_set():
                self._arrived = anyio.Event()
            await self._arrived.wait()
        # Nothing is awaited from here on, so a cancelled consumer has not taken the item.
        self._taken.set()
        return self._items.popleft()
