"""Worker threads for short work on asyncio.

Before anyio calls a thread, it switches tasks twice, which takes longer than reading a small file. These
threads are only for this package's own work: a user's code may need `anyio.from_thread`, which does not work
in them.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

import anyio
from anyio import CapacityLimiter

T = TypeVar("T")


class _Workers:
    """Threads for all event loops. They are daemon threads, so the exit does not wait for idle ones."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[tuple[asyncio.Future[Any], Callable[[], Any]]] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0

    def start(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Start `work` at once; a cancelled future abandons it.

        Raises:
            RuntimeError: no thread can be started.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        with self._lock:
            has_idle = self._idle > 0
            self._idle -= has_idle
        if not has_idle:
            threading.Thread(target=self._serve, name="imgwire_async worker", daemon=True).start()
        self._jobs.put((future, work))
        return future

    def _serve(self) -> None:
        while True:
            self._do(*self._jobs.get())

    def _do(self, future: asyncio.Future[T], work: Callable[[], T]) -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - raised in the task that waits
            self._report(future, _fail, error)
        else:
            self._report(future, _finish, result)

    def _report(self, future: asyncio.Future[T], how: Callable[..., None], what: object) -> None:
        with self._lock:
            self._idle += 1  # first, because the task may have more work
        with suppress(RuntimeError):  # the loop was closed
            future.get_loop().call_soon_threadsafe(how, future, what)


def _finish(future: asyncio.Future[T], result: T) -> None:
    if not future.cancelled():
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: BaseException) -> None:
    if not future.cancelled():
        future.set_exception(error)


_workers = _Workers()


def _forget() -> None:
    global _workers
    _workers = _Workers()  # a forked process does not have the threads


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


async def in_worker(work: Callable[[], T], limiter: CapacityLimiter) -> T:
    """Call `work` in a thread. A cancelled task abandons it and frees its place.

    Args:
        work: must not raise `StopIteration`.
        limiter: limits the number of such threads.

    Raises:
        RuntimeError: no thread can be started.
    """
    borrower = object()
    try:
        limiter.acquire_on_behalf_of_nowait(borrower)
    except anyio.WouldBlock:
        await limiter.acquire_on_behalf_of(borrower)
    try:
        return await _workers.start(work)
    finally:
        limiter.release_on_behalf_of(borrower)
