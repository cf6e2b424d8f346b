"""Running the shards of a job in processes of their own."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import anyio
from anyio.abc import ByteReceiveStream, Process

from imgwire_async.core.call import Core
from imgwire_async.core.pace.controller import START_RATE, Lease, RateController
from imgwire_async.core.pace.leases import LeaseDesk
from imgwire_async.core.values.redaction import Secret
from imgwire_async.errors import ConfigurationError, ImgwireError, InvalidArgumentError
from imgwire_async.ingest.coordination.coordinator import Coordinator
from imgwire_async.ingest.items import portable
from imgwire_async.ingest.options import IngestOptions
from imgwire_async.ingest.runners.channel import Channel
from imgwire_async.ingest.shards.preparing import Prepared, Task
from imgwire_async.ingest.shards.shard import Setup, Shard
from imgwire_async.ingest.sink import SinkAddress, StoredImage

MOST_DEATHS: Final = 3
"""When this many processes have died one after the other, none with an item stored, the job stops."""
_LAST_WORDS: Final = 500  # characters
_END_SECONDS: Final = 5.0

if sys.platform == "win32":
    _OUT_OF_REACH_OF_CTRL_C: Final[Mapping[str, Any]] = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
else:
    _OUT_OF_REACH_OF_CTRL_C: Final[Mapping[str, Any]] = {"start_new_session": True}
# The job ends its processes itself, after what is in flight has ended.

logger = logging.getLogger("imgwire_async")


def check_processes(core: Core) -> None:
    """Refuse a client whose requests cannot be made by other processes.

    Raises:
        ConfigurationError: why it cannot be used.
    """
    options = core.options
    hooks = (options.on_call, options.on_request, options.on_response, options.on_retry)
    problem = None
    if core.shared.engine.is_given:
        problem = "a custom http_client= cannot be used by other processes"
    elif any(hooks):
        problem = "hooks (on_call, on_request, on_response, on_retry) would not see the requests of others"
    elif not sys.executable or getattr(sys, "frozen", False):
        problem = "there is no Python interpreter to start them with"
    if problem is not None:
        raise ConfigurationError(
            f"processes must be 1 with this client: {problem}; make another client for the job, "
            "or run it in one process",
            operation="ingest",
        )


class WorkerPool:
    """Runs shards in other processes, which are started when there is something to do.

    Args:
        core: the client's; its credential and limits hold for all processes together.
        sink: where the items go.
        job: name of the job.
        options: those of the job.
        pace: requests per second to begin with, by class, where an earlier run has found them.
    """

    def __init__(
        self, core: Core, sink: SinkAddress, job: str, options: IngestOptions, pace: Mapping[str, float]
    ) -> None:
        self.core = core
        self.stopped = False
        self.workers: set[_Worker] = set()
        gate = core.shared.gate
        adaptive = options.concurrency == "auto" or gate.adaptive
        start_rates = dict(pace) | {str(name): rate for name, rate in gate.ceilings().items()}
        self.desks: dict[str, LeaseDesk] = {}
        for rate_class in core.shared.service.rate_classes:
            if adaptive or rate_class in gate.rate_limits:
                self.desks[rate_class] = self._desk(
                    rate_class, start_rates.get(rate_class, START_RATE) if adaptive else None
                )
        self._setups = [
            Setup(
                job=job,
                options=options.portable(),
                share=share,
                sink=sink,
                service=core.shared.service,
                call_options=core.options,
                concurrency=max(1, min(share.senders, gate.concurrency // options.processes)),
                adaptive=adaptive,
                leased=tuple(self.desks),
            )
            for share in options.shares()
        ]

    def _desk(self, rate_class: str, start_rate: float | None) -> LeaseDesk:
        shared = self.core.shared
        controller = None
        if start_rate is not None:
            controller = RateController(clock=shared.time.monotonic, rng=shared.rng, start_rate=start_rate)

        def void(generation: int) -> None:
            self.tell_all("void", rate_class, generation)

        return LeaseDesk(controller, shared.gate.bucket(rate_class), on_void=void, time=shared.time)

    @property
    def in_flight(self) -> int:
        """Items that are being sent."""
        return sum(worker.in_flight for worker in self.workers)

    def ceilings(self) -> dict[str, float]:
        """What a later run may take for `pace`."""
        found = {str(name): desk.ceiling for name, desk in self.desks.items()}
        return {name: ceiling for name, ceiling in found.items() if ceiling is not None}

    def stop(self) -> None:
        """Begin nothing more; what is in flight ends."""
        self.stopped = True
        self.tell_all("stop")

    def tell_all(self, name: str, *arguments: object, but: _Worker | None = None) -> None:
        """Send a message to all processes, or to all but one."""
        for worker in self.workers:
            if worker is not but:
                worker.channel.tell(name, *arguments)

    async def run(self, job: Coordinator) -> None:
        """Run shards until there are no more, or until stopped."""
        async with anyio.create_task_group() as tasks:
            for setup in self._setups:
                tasks.start_soon(self._run_some, job, setup)

    async def _run_some(self, job: Coordinator, setup: Setup) -> None:
        deaths = 0
        while (shard := await job.next_shard()) is not None:
            worker = _Worker(self, job, setup, shard)
            self.workers.add(worker)
            try:
                ended = await worker.run()
            finally:
                self.workers.discard(worker)
            if worker.unfinished and not self.stopped:
                deaths = 1 if worker.has_stored else deaths + 1
                self._note_death(job, worker, ended, deaths)

    def _note_death(self, job: Coordinator, worker: _Worker, ended: str, deaths: int) -> None:
        logger.warning("a worker process of a bulk job ended %s; its items are run by another one", ended)
        if worker.probing:
            job.probe_lost()
        for rate_class, generation in worker.leased.items():
            # Were it a probe of the pace, everybody would wait for its response.
            self.desks[rate_class].report(0, 0, None, generation)
        if deaths >= MOST_DEATHS:
            job.stop_early("worker", f"{deaths} worker processes ended one after the other, {ended}")
        else:
            job.take_back(list(worker.unfinished.values()))


class _Worker:
    """One process."""

    def __init__(self, pool: WorkerPool, job: Coordinator, setup: Setup, first: Shard) -> None:
        self._pool = pool
        self._job = job
        self._setup = setup
        self._first: Shard | None = first
        self.unfinished = {task.key: task for task in first.tasks}
        self.in_flight = 0
        self.probing = False
        self.has_stored = False
        self.leased: dict[str, int] = {}
        """Generation of its last lease."""
        self.process: Process | None = None
        self._last_words = ""
        self.channel = Channel(
            tells={
                "stored": self._stored,
                "refused": self._refused,
                "in_flight": self._count_in_flight,
                "report": self._report,
                "give_back": self._give_back,
                "closed": self._closed,
            },
            calls={
                "setup": self._begin,
                "next_shard": self._next_shard,
                "key": self._key,
                "admit": self._admit,
                "failed": self._failed,
                "lease": self._lease,
                "credential": self._credential,
            },
        )

    async def run(self) -> str:
        """Run the process to its end.

        Returns:
            How it ended, in words.
        """
        try:
            process = await anyio.open_process(
                [sys.executable, "-P", "-m", "imgwire_async.ingest.runners.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment(self._setup.sink.secret_variables),
                **_OUT_OF_REACH_OF_CTRL_C,
            )
        except OSError as error:
            return f"before it began: {error}"
        self.process = process
        try:
            await self._serve(process)
            with anyio.move_on_after(_END_SECONDS):
                await process.wait()
        finally:
            with anyio.CancelScope(shield=True):
                with suppress(ProcessLookupError):
                    process.kill()
                await process.aclose()
        *_, last_line = ["", *self._last_words.splitlines()]
        return _described(process.returncode) + (f": {last_line}" if last_line else "")

    async def _serve(self, process: Process) -> None:
        assert process.stdin is not None  # noqa: S101 - all three are pipes
        assert process.stdout is not None  # noqa: S101
        assert process.stderr is not None  # noqa: S101
        async with anyio.create_task_group() as outer:
            outer.start_soon(self._pass_on, process.stderr)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.channel.send_to, process.stdin.send)
                with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                    while True:
                        self.channel.feed(await process.stdout.receive(), tasks)
                tasks.cancel_scope.cancel()
            outer.cancel_scope.deadline = anyio.current_time() + _END_SECONDS

    async def _pass_on(self, stream: ByteReceiveStream) -> None:
        """Show what the process says on its standard error on ours."""
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
            while True:
                text = (await stream.receive()).decode(errors="replace")
                self._last_words = (self._last_words + text)[-_LAST_WORDS:]
                if sys.stderr is not None:
                    sys.stderr.write(text)

    async def _begin(self) -> Setup:
        return self._setup

    async def _next_shard(self) -> Shard | None:
        shard, self._first = self._first, None
        shard = shard or await self._job.next_shard()
        if shard is None:
            return None
        tasks = []
        for task in shard.tasks:
            try:
                tasks.append(replace(task, item=portable(task.item)))
            except InvalidArgumentError as error:
                self._job.refused(task, error)
        self._add(shard)
        return Shard(shard.number, tasks)

    def _add(self, shard: Shard) -> None:
        self.unfinished |= {task.key: task for task in shard.tasks if not task.held}

    def _take(self, prepared: Prepared) -> Task | None:
        task = self.unfinished.get(prepared.key)
        if task is not None:
            task.take(prepared)
        return task

    def _drop(self, task: Task) -> None:
        """Forget an item that the job has."""
        if task.held:
            self.unfinished.pop(task.key, None)

    async def _key(self, group: list[Prepared]) -> set[str]:
        tasks = [task for task in map(self._take, group) if task is not None]
        sendable = await self._job.key(tasks)
        for task in tasks:
            self._drop(task)
        return {task.key for task in sendable}

    def _stored(self, key: str, image: StoredImage, seconds: float) -> None:
        self.has_stored = True
        self.probing = False
        if (task := self.unfinished.get(key)) is not None:
            self._job.stored(task, image, seconds)
            self._drop(task)

    def _refused(self, prepared: Prepared, error: ImgwireError) -> None:
        if (task := self._take(prepared)) is not None:
            self._job.refused(task, error)
            self._drop(task)

    async def _admit(self) -> bool:
        probe = await self._job.admit()
        self.probing = self.probing or probe
        return probe

    async def _failed(self, key: str, error: ImgwireError, probe: bool) -> float | None:
        self.probing = self.probing and not probe
        task = self.unfinished.get(key)
        if task is None:
            return None
        delay = await self._job.failed(task, error, probe=probe)
        self._drop(task)
        return delay

    def _count_in_flight(self, count: int) -> None:
        self.in_flight = count

    async def _lease(self, rate_class: str, count: int) -> Lease:
        lease = await self._pool.desks[rate_class].lease(count)
        self.leased[rate_class] = lease.generation
        return lease

    def _report(self, rate_class: str, ok: int, throttled: int, hint: float | None, generation: int) -> None:
        self._pool.desks[rate_class].report(ok, throttled, hint, generation)

    def _give_back(self, rate_class: str, count: int, generation: int) -> None:
        self._pool.desks[rate_class].give_back(count, generation)

    def _closed(self, rate_class: str, seconds: float) -> None:
        self._pool.tell_all("close", rate_class, seconds, but=self)

    async def _credential(self, refused: Secret | None) -> Secret:
        credentials = self._pool.core.credentials
        current = await credentials.current()
        if refused is not None and refused.reveal() == current.reveal():
            await credentials.renew(current)
            current = await credentials.current()
        return current


def _environment(secrets: Collection[str]) -> dict[str, str]:
    """A process that imports what this one does, and has no key but the one that the job hands it."""
    environment = {name: value for name, value in os.environ.items() if name not in secrets}
    return environment | {"PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}


def _described(code: int | None) -> str:
    if code is None or code >= 0:
        return f"with exit code {code}"
    try:
        return f"by {signal.Signals(-code).name}"
    except ValueError:
        return f"by signal {-code}"
