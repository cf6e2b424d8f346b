"""A worker process of a bulk job: `python -m imgwire_async.ingest.runners.worker`, started only by the job.

It runs shards with its own connections. Decisions, the journal, the rate and the credential stay with the
job, and the worker requests them over its standard input and output. It exits when its standard input ends.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Final

import anyio
from anyio import to_thread

from imgwire_async.ingest.runners.worker_side import WorkerSide

_READ: Final = 256 * 1024  # bytes


def _private_pipes() -> tuple[int, int]:
    """Reserve standard input and output for the channel; output of libraries goes to standard error."""
    incoming, outgoing = os.dup(0), os.dup(1)
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return incoming, outgoing


def _read(incoming: int, put: Callable[[bytes], object]) -> None:
    with suppress(OSError, RuntimeError):  # RuntimeError if the event loop has ended
        while data := os.read(incoming, _READ):
            put(data)
    # The job is gone or no longer needs this process. Nothing here needs cleaning up.
    os._exit(0)


def _write(outgoing: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(outgoing, rest) :]


async def _main() -> None:
    gc.freeze()  # the garbage collector would block the event loop now and then for imported objects
    incoming, outgoing = _private_pipes()
    worker = WorkerSide()
    loop = asyncio.get_running_loop()

    async def write(data: bytes) -> None:
        await to_thread.run_sync(_write, outgoing, data)

    arrived: asyncio.Queue[bytes] = asyncio.Queue()

    async with anyio.create_task_group() as tasks:

        async def feed() -> None:
            while True:
                worker.channel.feed(await arrived.get(), tasks)

        def put(data: bytes) -> None:
            loop.call_soon_threadsafe(arrived.put_nowait, data)

        Thread(target=_read, args=(incoming, put), daemon=True).start()
        tasks.start_soon(feed)
        tasks.start_soon(worker.channel.send_to, write)
        await worker.run()
        tasks.cancel_scope.cancel()


if __name__ == "__main__":
    # Always asyncio, whatever the job itself runs on: it has the faster transport.
    anyio.run(_main, backend="asyncio")
    sys.exit(0)
