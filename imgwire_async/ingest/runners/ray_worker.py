"""A worker of a bulk job as a Ray actor: the calls of one method carry the frames of the channel both ways.

It is created without arguments and has no name. It requests everything it needs from the job, including the
credential.
"""

from __future__ import annotations

import asyncio
import gc
from typing import Final

import anyio
from anyio.abc import TaskGroup

from imgwire_async.ingest.runners.worker_side import WorkerSide

GATHER_SECONDS: Final = 0.01
"""Longer than for pipes, because each call costs the job about 0.2 ms of processor time."""


class RayWorker:
    """The actor. The job awaits every call."""

    def __init__(self) -> None:
        self._side: WorkerSide
        self._tasks: TaskGroup
        self._work: asyncio.Task[None]
        self._changed: asyncio.Event
        self._early: dict[int, bytes] = {}
        """What has arrived before the bytes of an earlier call, by the number of its call."""
        self._fed = 0
        """Number of calls whose bytes were processed."""
        self._latest = -1
        """The highest number of a call so far."""
        self._waiting = b""
        """Bytes for the job."""
        self._ended = False
        self._problem: str | None = None

    async def begin(self) -> None:
        """Start the worker."""
        gc.freeze()  # the process is the actor's own, and going through all that Ray imports takes 50 ms
        self._side = WorkerSide(gather=GATHER_SECONDS)
        self._changed = asyncio.Event()
        started = asyncio.Event()
        self._work = asyncio.create_task(self._run(started))
        await started.wait()

    async def exchange(self, number: int, data: bytes) -> bytes | None:
        """Receive bytes from the job, and wait for bytes for it, or for a later call.

        Args:
            number: 0 for the first call, 1 for the second, and so on. Ray may swap calls with much data.
            data: bytes from the job, or none.

        Returns:
            Bytes for the job; none if there is a later call; None at the end.

        Raises:
            RuntimeError: the worker has failed; the message says how.
        """
        self._feed(number, data)
        self._latest = max(self._latest, number)
        self._changed.set()  # for the call before this one
        while number == self._latest and not (self._waiting or self._ended):
            self._changed.clear()
            await self._changed.wait()
        if number != self._latest:
            return b""
        if self._waiting:
            waiting, self._waiting = self._waiting, b""
            return waiting
        if self._problem is not None:
            raise RuntimeError(self._problem)
        return None

    def _feed(self, number: int, data: bytes) -> None:
        self._early[number] = data
        while self._fed in self._early:
            if (data := self._early.pop(self._fed)) and not self._ended:
                self._side.channel.feed(data, self._tasks)
            self._fed += 1

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
        self._waiting += data
        self._changed.set()


def _described(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
