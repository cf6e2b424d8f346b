"""A worker of a bulk job as a Ray actor: calls of two methods carry the frames of the channel.

It is created without arguments and has no name. It requests everything it needs from the job, including the
credential.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

import anyio
from anyio.abc import TaskGroup

from imgwire_async.ingest.runners.worker_side import WorkerSide

GATHER_SECONDS: Final = 0.01
"""Longer than for pipes, because each call costs the driver at least 0.1 ms."""
POLL_SECONDS: Final = 2.0
"""Seconds after which a `take` without data returns."""


class RayWorker:
    """The actor. The job awaits every method; at most one `take` and one `feed` run at a time."""

    def __init__(self) -> None:
        self._side: WorkerSide
        self._tasks: TaskGroup
        self._work: asyncio.Task[None]
        self._waiting = b""
        self._ended = False
        self._problem: str | None = None

    async def begin(self) -> None:
        """Start the worker."""
        self._side = WorkerSide(gather=GATHER_SECONDS)
        self._changed = asyncio.Event()
        self._taken = asyncio.Event()
        started = asyncio.Event()
        self._work = asyncio.create_task(self._run(started))
        await started.wait()

    async def feed(self, data: bytes) -> None:
        """Receive bytes from the job."""
        if not self._ended:
            self._side.channel.feed(data, self._tasks)

    async def take(self) -> bytes | None:
        """Wait for bytes for the job. Returns empty bytes after a while without any, and None at the end.

        Raises:
            RuntimeError: the worker has failed; the message says how.
        """
        if not self._waiting and not self._ended:
            self._changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), POLL_SECONDS)
        if self._waiting:
            data, self._waiting = self._waiting, b""
            self._taken.set()
            return data
        if self._problem is not None:
            raise RuntimeError(self._problem)
        return None if self._ended else b""

    async def _run(self, started: asyncio.Event) -> None:
        try:
            async with anyio.create_task_group() as self._tasks:
                self._tasks.start_soon(self._side.channel.send_to, self._write)
                started.set()
                await self._side.run()
                self._tasks.cancel_scope.cancel()
        except Exception as error:  # noqa: BLE001 - reported to the job, whatever it is
            self._problem = _described(error)
        finally:
            self._ended = True
            self._changed.set()

    async def _write(self, data: bytes) -> None:
        while self._waiting:  # the job is slower than the worker
            self._taken.clear()
            await self._taken.wait()
        self._waiting = data
        self._changed.set()


def _described(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
