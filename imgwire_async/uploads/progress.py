"""Telling how far an upload is, beside the transfer and never in its way."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

import anyio

from imgwire_async.core.tasks import background_tasks

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
"""A function, sync or async, that is told how far an upload is. What it raises ends the upload."""

OnSent: TypeAlias = Callable[[int], None]
"""Told how many bytes an attempt has sent so far; 0 begins an attempt."""


@asynccontextmanager
async def reported_to(hook: ProgressHook | None, total: int) -> AsyncGenerator[OnSent | None, None]:
    """What to tell every step of a transfer of `total` bytes, so that `hook` hears of it.

    The hook runs in a task of its own, one call at a time: the first when the transfer begins, the last
    when the block is left, and in between every `INTERVAL` or as often as it can follow.
    """
    if hook is None:
        yield None
        return
    async with background_tasks() as tasks:
        reporter = _Reporter(hook, total)
        tasks.start_soon(reporter.run)
        yield reporter.on_sent
        await reporter.finish()


class _Reporter:
    def __init__(self, hook: ProgressHook, total: int) -> None:
        self._hook = hook
        self._total = total
        self._latest: UploadProgress | None = None
        self._news = anyio.Event()
        self._finishing = anyio.Event()
        self._finished = anyio.Event()
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
                answer = self._hook(latest)
                if isinstance(answer, Awaitable):
                    await answer
                told = latest
                with anyio.move_on_after(INTERVAL):
                    await self._finishing.wait()
        self._finished.set()

    async def finish(self) -> None:
        self._finishing.set()
        self._news.set()
        await self._finished.wait()
