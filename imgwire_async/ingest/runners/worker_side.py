"""The worker's side: runs shards, and leaves decisions and counts to the job.

Decisions, the journal, the rate and the credential stay with the job. The link transports the frames.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final, cast

import anyio
from anyio.abc import TaskGroup

from imgwire_async.core.call import Core
from imgwire_async.core.clients.credentials import Credentials
from imgwire_async.core.http.connections import Engine
from imgwire_async.core.logical_call import SharedState
from imgwire_async.core.pace.controller import Lease
from imgwire_async.core.pace.gate import Gate
from imgwire_async.core.pace.latency_cap import InFlightCap
from imgwire_async.core.pace.leases import LeasedPacer
from imgwire_async.core.pace.local_limits import said_to
from imgwire_async.core.retry import RetryBudget
from imgwire_async.core.time import RealTime, Time
from imgwire_async.core.values.redaction import Secret
from imgwire_async.errors import ImgwireError
from imgwire_async.ingest.options import Share
from imgwire_async.ingest.runners.channel import Channel
from imgwire_async.ingest.runners.versions import greeting
from imgwire_async.ingest.shards.preparing import Task
from imgwire_async.ingest.shards.sending import Sender
from imgwire_async.ingest.shards.shard import Setup, Shard, Workbench
from imgwire_async.ingest.sink import StoredImage

BEAT_SECONDS: Final = 2.5
"""Job and worker send each other a message at least this often."""
JOB_SILENCE: Final = 10.0
"""A worker starts no further attempt if it has not heard from its job for this many seconds."""
GATHER_SECONDS: Final = 0.005
"""Seconds that messages to the job wait for others to be sent with them."""
AT_ONCE: Final = frozenset(
    {"greet", "next_shard", "lease", "failed", "admit", "credential", "void", "close", "stop", "share"}
)
"""Messages that end this wait, at either end."""
_TELL_EVERY: Final = 0.2  # seconds
_LOOK_EVERY: Final = 0.02  # seconds


class _HeardOf:
    """Whether a message of the job arrived recently."""

    def __init__(self) -> None:
        self._since_look = True
        self._again = anyio.Event()
        self._again.set()

    def note(self) -> None:
        """Note that the job is alive."""
        self._since_look = True
        self._again.set()

    async def wait(self) -> None:
        """Return immediately if a message arrived recently, otherwise once one does."""
        await self._again.wait()

    async def watch(self, time: Time) -> None:
        """Detect silence.

        Counts checks instead of seconds, because a worker that was frozen itself has not listened.
        """
        silent = 0
        while True:
            self._since_look = False
            with time.move_on_after(BEAT_SECONDS):
                await anyio.sleep_forever()
            silent = 0 if self._since_look else silent + 1
            if silent >= math.ceil(JOB_SILENCE / BEAT_SECONDS) and self._again.is_set():
                self._again = anyio.Event()


class _RemoteJob:
    """The job, as seen by the shards of this process."""

    def __init__(self, channel: Channel, heard_of: _HeardOf) -> None:
        self._channel = channel
        self._heard_of = heard_of
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
        await self._heard_of.wait()
        # While nothing fails here, there is no pause, or this process is about to notice it.
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
    """The desk of one rate class."""

    def __init__(self, channel: Channel, rate_class: str) -> None:
        self._channel = channel
        self._class = rate_class

    async def lease(self, count: int) -> Lease:
        return cast("Lease", await self._channel.call("lease", self._class, count))

    def report(self, ok: int, throttled: int, hint: float | None, generation: int) -> None:
        self._channel.tell("report", self._class, ok, throttled, hint, generation)
        if throttled:
            self._channel.hurry()

    def give_back(self, count: int, generation: int) -> None:
        self._channel.tell("give_back", self._class, count, generation)


class WorkerSide:
    """One worker. Feed its `channel` with the job's bytes, and send the channel's output to the job.

    Args:
        time: clock to read and to wait on.
        gather: seconds that messages to the job wait for others to be sent with them.
    """

    def __init__(self, time: Time | None = None, gather: float = GATHER_SECONDS) -> None:
        self._time = time or RealTime()
        self._heard_of = _HeardOf()
        self.channel = Channel(
            tells={
                "stop": self._stop,
                "void": self._void,
                "close": self._close,
                "beat": self._heard_of.note,
            },
            calls={"share": self._keep_to},
            gather=gather,
            at_once=AT_ONCE,
        )
        self._bench: Workbench | None = None
        self._has_bench = anyio.Event()
        self._stopped = False
        self._pacers: dict[str, LeasedPacer] = {}
        self._caps: list[InFlightCap] = []
        self._gate: Gate | None = None
        self._key: Secret | None = None
        self._notes: deque[str] = deque()
        """Notes about the limits of this process, for the job to log and report."""

    async def run(self) -> None:
        """Run shards until the job has no more."""
        time = self._time
        async with anyio.create_task_group() as background:
            background.start_soon(self._beat)
            setup = cast("Setup", await self.channel.call("greet", greeting()))
            background.start_soon(self._heard_of.watch, time)
            with said_to(self._notes.append):
                await self._run(setup, background)
            background.cancel_scope.cancel()
        self._tell_notes()
        await self.channel.flush()

    async def _run(self, setup: Setup, background: TaskGroup) -> None:
        time, requests = self._time, setup.share.requests
        self._gate = gate = Gate(requests, time=time)
        gate.on_closure = lambda rate_class, seconds: self.channel.tell("closed", rate_class, seconds)
        for rate_class in setup.leased:
            cap = InFlightCap(clock=gate.clock, limit=requests) if setup.adaptive else None
            if cap is not None:
                self._caps.append(cap)
            desk = _RemoteDesk(self.channel, rate_class)
            self._pacers[rate_class] = LeasedPacer(gate, rate_class, desk, cap=cap)
        shared = SharedState(
            service=setup.service,
            engine=Engine(),
            gate=gate,
            budget=RetryBudget.of_client(time.monotonic, requests),
            time=time,
        )
        credentials = Credentials(self._credential, setup.service.key_variable)
        core = Core(setup.call_options, credentials, shared)
        sender = Sender(setup.sink.open(core), setup.options, time)
        self._bench = bench = Workbench(sender, setup.job, setup.options, setup.share, shared)
        self._has_bench.set()
        if self._stopped:
            bench.stop()
        try:
            for pacer in self._pacers.values():
                background.start_soon(pacer.run)
            background.start_soon(self._tell_state, bench)
            await bench.run(_RemoteJob(self.channel, self._heard_of))
        finally:
            with anyio.CancelScope(shield=True):
                await shared.engine.aclose()

    async def _keep_to(self, share: Share) -> None:
        """Switch to another share of the job's limits. Returns once no more than that is in use."""
        await self._has_bench.wait()
        assert self._bench is not None  # noqa: S101 - it is there
        assert self._gate is not None  # noqa: S101 - as well
        for cap in self._caps:
            cap.limit_to(share.requests)
        self._gate.resize(share.requests)
        await self._bench.keep_to(share)
        # The gate does not signal the end of a request, which would slow down every request.
        while self._gate.stats().in_flight > self._gate.concurrency:  # noqa: ASYNC110
            await anyio.sleep(_LOOK_EVERY)

    async def _credential(self) -> str:
        self._key = cast("Secret", await self.channel.call("credential", self._key))
        return self._key.reveal()

    async def _tell_state(self, bench: Workbench) -> None:
        in_flight, waiting_for = 0, None
        while True:
            if bench.in_flight != in_flight:
                in_flight = bench.in_flight
                self.channel.tell("in_flight", in_flight)
            if bench.waiting_for != waiting_for:
                waiting_for = bench.waiting_for
                self.channel.tell("waiting_for", waiting_for)
            self._tell_notes()
            await anyio.sleep(_TELL_EVERY)

    def _tell_notes(self) -> None:
        while self._notes:
            self.channel.tell("said", self._notes.popleft())

    async def _beat(self) -> None:
        while True:
            self.channel.tell("beat")
            with self._time.move_on_after(BEAT_SECONDS):
                await anyio.sleep_forever()

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
