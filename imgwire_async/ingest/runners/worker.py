"""A worker process of a bulk job: `python -m imgwire_async.ingest.runners.worker`, started by the job only.

It runs shards with connections of its own. Decisions, the journal, the pace and the credential are at the
job, which it asks over its standard input and output. When its standard input ends, it ends at once.
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
    """Standard input and output for ourselves; what a library prints goes to standard error."""
    incoming, outgoing = os.dup(0), os.dup(1)
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return incoming, outgoing


def _read(incoming: int, put: Callable[[bytes], object]) -> None:
    with suppress(OSError, RuntimeError):  # the second when the event loop has ended
        while data := os.read(incoming, _READ):
            put(data)
    # The job is gone, or has no more use for this process. Nothing here needs to be put in order.
    os._exit(0)


def _write(outgoing: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(outgoing, rest) :]


async def _main() -> None:
    gc.freeze()  # going through all that was imported would hold up the event loop now and then
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
    # Always asyncio: it has the faster transport, whatever the job itself runs on.
    anyio.run(_main, backend="asyncio")
    sys.exit(0)
