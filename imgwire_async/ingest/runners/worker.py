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
from typing import Final, cast

import anyio
from anyio import to_thread

from imgwire_async.core.call import Core
from imgwire_async.core.clients.credentials import Credentials
from imgwire_async.core.http.connections import Engine
from imgwire_async.core.logical_call import SharedState
from imgwire_async.core.pace.controller import Lease
from imgwire_async.core.pace.gate import Gate
from imgwire_async.core.pace.latency_cap import InFlightCap
from imgwire_async.core.pace.leases import LeasedPacer
from imgwire_async.core.retry import RetryBudget
from imgwire_async.core.time import RealTime
from imgwire_async.core.values.redaction import Secret
from imgwire_async.errors import ImgwireError
from imgwire_async.ingest.runners.channel import Channel
from imgwire_async.ingest.shards.preparing import Task
from imgwire_async.ingest.shards.sending import Sender
from imgwire_async.ingest.shards.shard import Setup, Shard, Workbench
from imgwire_async.ingest.sink import StoredImage

_TELL_EVERY: Final = 0.2  # seconds
_READ: Final = 256 * 1024  # bytes


class _RemoteJob:
    """The job, as the shards of this process see it."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._ask = False  # whether the job may pause

    async def next_shard(self) -> Shard | None:
        return cast("Shard | None", await self._channel.call("next_shard"))

    async def key(self, tasks: list[Task]) -> list[Task]:
        wanted = cast("set[str]", await self._channel.call("key", [task.prepared for task in tasks]))
        return [task for task in tasks if task.key in wanted]

    def stored(self, task: Task, image: StoredImage, seconds: float) -> None:
        self._channel.tell("stored", task.key, image, seconds)

    def refused(self, task: Task, error: ImgwireError) -> None:
        self._channel.tell("refused", task.prepared, error)

    async def admit(self) -> bool:
        # As long as nothing fails here there is no pause, or this process does not know and finds out.
        if not self._ask:
            return False
        probe = cast("bool", await self._channel.call("admit"))
        self._ask = probe
        return probe

    async def failed(self, task: Task, error: ImgwireError, *, probe: bool) -> float | None:
        delay = cast("float | None", await self._channel.call("failed", task.key, error, probe))
        self._ask = True
        return delay


class _RemoteDesk:
    """The desk of one class of requests."""

    def __init__(self, channel: Channel, rate_class: str) -> None:
        self._channel = channel
        self._class = rate_class

    async def lease(self, count: int) -> Lease:
        return cast("Lease", await self._channel.call("lease", self._class, count))

    def report(self, ok: int, throttled: int, hint: float | None, generation: int) -> None:
        self._channel.tell("report", self._class, ok, throttled, hint, generation)

    def give_back(self, count: int, generation: int) -> None:
        self._channel.tell("give_back", self._class, count, generation)


class _Worker:
    def __init__(self) -> None:
        self.channel = Channel(tells={"stop": self._stop, "void": self._void, "close": self._close}, calls={})
        self._bench: Workbench | None = None
        self._stopped = False
        self._pacers: dict[str, LeasedPacer] = {}
        self._gate: Gate | None = None
        self._key: Secret | None = None

    async def run(self) -> None:
        """Run shards until the job has no more."""
        setup = cast("Setup", await self.channel.call("setup"))
        time = RealTime()
        self._gate = gate = Gate(setup.concurrency, time=time)
        gate.on_closure = lambda rate_class, seconds: self.channel.tell("closed", rate_class, seconds)
        for rate_class in setup.leased:
            cap = InFlightCap(clock=gate.clock, limit=setup.concurrency) if setup.adaptive else None
            desk = _RemoteDesk(self.channel, rate_class)
            self._pacers[rate_class] = LeasedPacer(gate, rate_class, desk, cap=cap)
        shared = SharedState(
            service=setup.service,
            engine=Engine(),
            gate=gate,
            budget=RetryBudget.of_client(time.monotonic, setup.concurrency),
            time=time,
        )
        credentials = Credentials(self._credential, setup.service.key_variable)
        core = Core(setup.call_options, credentials, shared)
        sender = Sender(setup.sink.open(core), setup.options, time)
        self._bench = bench = Workbench(sender, setup.job, setup.options, setup.share, shared)
        if self._stopped:
            bench.stop()
        try:
            async with anyio.create_task_group() as background:
                for pacer in self._pacers.values():
                    background.start_soon(pacer.run)
                background.start_soon(self._tell_in_flight, bench)
                await bench.run(_RemoteJob(self.channel))
                background.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await shared.engine.aclose()
        await self.channel.flush()

    async def _credential(self) -> str:
        self._key = cast("Secret", await self.channel.call("credential", self._key))
        return self._key.reveal()

    async def _tell_in_flight(self, bench: Workbench) -> None:
        told = 0
        while True:
            if bench.in_flight != told:
                told = bench.in_flight
                self.channel.tell("in_flight", told)
            await anyio.sleep(_TELL_EVERY)

    def _stop(self) -> None:
        self._stopped = True
        if self._bench is not None:
            self._bench.stop()

    def _void(self, rate_class: str, generation: int) -> None:
        if rate_class in self._pacers:
            self._pacers[rate_class].void(generation)

    def _close(self, rate_class: str, seconds: float) -> None:
        if self._gate is not None:
            self._gate.close(rate_class, self._gate.clock() + seconds)


def _private_pipes() -> tuple[int, int]:
    """Standard input and output for ourselves; what a library prints goes to standard error."""
    incoming, outgoing = os.dup(0), os.dup(1)
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return incoming, outgoing


def _read(incoming: int, feed: Callable[[bytes], object]) -> None:
    with suppress(OSError, RuntimeError):  # the second when the event loop has ended
        while data := os.read(incoming, _READ):
            feed(data)
    # The job is gone, or has no more use for this process. Nothing here needs to be put in order.
    os._exit(0)


def _write(outgoing: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(outgoing, rest) :]


async def _main() -> None:
    gc.freeze()  # going through all that was imported would hold up the event loop now and then
    incoming, outgoing = _private_pipes()
    worker = _Worker()
    loop = asyncio.get_running_loop()

    async def write(data: bytes) -> None:
        await to_thread.run_sync(_write, outgoing, data)

    async with anyio.create_task_group() as tasks:

        def feed(data: bytes) -> None:
            loop.call_soon_threadsafe(worker.channel.feed, data, tasks)

        Thread(target=_read, args=(incoming, feed), daemon=True).start()
        tasks.start_soon(worker.channel.send_to, write)
        await worker.run()
        tasks.cancel_scope.cancel()


if __name__ == "__main__":
    # Always asyncio: it has the faster transport, whatever the job itself runs on.
    anyio.run(_main, backend="asyncio")
    sys.exit(0)
