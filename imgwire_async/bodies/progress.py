"""Progress reporting that never blocks the transfer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import anyio

from imgwire_async.core.concurrency.cancellation import ForeignCode
from imgwire_async.core.concurrency.tasks import JoinedTasks
from imgwire_async.errors import InvalidArgumentError

INTERVAL: Final = 0.1
"""Seconds between two reports, apart from the last one."""


@dataclass(frozen=True, slots=True)
class UploadProgress:
    """How far an upload is."""

    sent: int
    """Bytes sent so far. Resets to 0 when another attempt starts."""
    total: int
    """Size of the image in bytes."""
    attempt: int
    """Number of the attempt to send the bytes, from 1."""


ProgressHook: TypeAlias = Callable[[UploadProgress], Awaitable[object] | object]
"""A function, sync or async, that is called with the progress of an upload.

An exception that it raises ends the upload.
"""

OnSent: TypeAlias = Callable[[int], None]
"""Called with the number of bytes that an attempt has sent so far; 0 starts an attempt."""


def check_hook(hook: object, operation: str) -> None:
    """Check an `on_progress` before anything is sent.

    Raises:
        InvalidArgumentError: it is not callable.
    """
    if hook is not None and not callable(hook):
        raise InvalidArgumentError(
            f"on_progress must be a function, got {type(hook).__name__}", operation=operation
        )


async def reporting(
    hook: ProgressHook | None, total: int, transfer: Callable[[OnSent | None], Awaitable[None]]
) -> None:
    """Run a transfer of `total` bytes, and report its progress to `hook`.

    The hook runs in its own task, one call at a time: first at the start of the transfer, last at its end,
    and in between every `INTERVAL` or as fast as it returns.

    Args:
        hook: called with the progress.
        total: size of the image in bytes.
        transfer: sends the bytes, and calls its argument at every step.

    Raises:
        UnexpectedCancellationError: the hook awaited something that was cancelled.
        Exception: any exception of the hook or the transfer; a failing hook ends the transfer.
    """
    if hook is None:
        await transfer(None)
        return
    reporter = _Reporter(hook, total)
    async with JoinedTasks() as tasks:
        tasks.start_soon(reporter.run)
        await transfer(reporter.on_sent)
        reporter.finish()


class _Reporter:
    def __init__(self, hook: ProgressHook, total: int) -> None:
        self._hook = hook
        self._total = total
        # Reported even if the transfer is further before `run` starts: from Python 3.12 on, the tasks of HTTP
        # libraries start at once.
        self._first: UploadProgress | None = None
        self._latest: UploadProgress | None = None
        self._news = anyio.Event()
        self._finishing = anyio.Event()
        self._attempt = 0

    def on_sent(self, sent: int) -> None:
        self._attempt += sent == 0
        self._latest = UploadProgress(sent, self._total, self._attempt)
        self._first = self._first or self._latest
        self._news.set()

    async def run(self) -> None:
        told: UploadProgress | None = None
        while not (self._finishing.is_set() and told == self._latest):
            if told == self._latest:
                await self._news.wait()
            self._news = anyio.Event()
            latest = self._first if told is None else self._latest
            if latest is not None and latest != told:
                with ForeignCode("the on_progress hook"):
                    answer = self._hook(latest)
                    if isinstance(answer, Awaitable):
                        await answer
                told = latest
                with anyio.move_on_after(INTERVAL):
                    await self._finishing.wait()

    def finish(self) -> None:
        """Make `run` return once the hook has received the last state."""
        self._finishing.set()
        self._news.set()
