"""Telling how far an upload is, beside the transfer and never in its way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import anyio

from imgwire_async.core.concurrency.cancellation import ForeignCode
from imgwire_async.core.concurrency.tasks import JoinedTasks

INTERVAL: Final = 0.1
"""Seconds between two reports, apart from the last one."""


@dataclass(frozen=True, slots=True)
class UploadProgress:
    """How far an upload is."""

    sent: int
    """Bytes that are on their way. It goes back to 0 when another attempt begins."""
    total: int
    """Size of the image in bytes."""
    attempt: int
    """Number of the attempt to send the bytes, from 1."""


ProgressHook: TypeAlias = Callable[[UploadProgress], Awaitable[object] | object]
"""A function, sync or async, that is called with the progress of an upload.

An exception that it raises ends the upload.
"""

OnSent: TypeAlias = Callable[[int], None]
"""Told how many bytes an attempt has sent so far; 0 begins an attempt."""


async def reporting(
    hook: ProgressHook | None, total: int, transfer: Callable[[OnSent | None], Awaitable[None]]
) -> None:
    """Run a transfer of `total` bytes, and report its progress to `hook`.

    The hook runs in a task of its own, one call at a time: the first when the transfer begins, the last when
    it has ended, and in between every `INTERVAL` or as often as it can follow.

    Args:
        hook: called with the progress.
        total: size of the image in bytes.
        transfer: sends the bytes, and calls its argument at every step.

    Raises:
        UnexpectedCancellationError: the hook awaited something that was cancelled.
        Exception: what else the hook or the transfer raises; a failing hook ends the transfer.
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
        self._latest: UploadProgress | None = None
        self._news = anyio.Event()
        self._finishing = anyio.Event()
        self._attempt = 0

    def on_sent(self, sent: int) -> None:
        self._attempt += sent == 0
        self._latest = UploadProgress(sent, self._total, self._attempt)
        self._news.set()

    async def run(self) -> None:
        told: UploadProgress | None = None
        while not (self._finishing.is_set() and told == self._latest):
            if told == self._latest:
                await self._news.wait()
            self._news = anyio.Event()
            if (latest := self._latest) is not None and latest != told:
                with ForeignCode("the on_progress hook"):
                    answer = self._hook(latest)
                    if isinstance(answer, Awaitable):
                        await answer
                told = latest
                with anyio.move_on_after(INTERVAL):
                    await self._finishing.wait()

    def finish(self) -> None:
        """Let `run` return once the hook knows the last state."""
        self._finishing.set()
        self._news.set()
