"""Running the shards of a job in workers: other processes, on this machine or on a cluster."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from typing import Final

import anyio

from imgwire_async.core.call import Core
from imgwire_async.core.pace.controller import START_RATE, RateController
from imgwire_async.core.pace.leases import LeaseDesk
from imgwire_async.errors import ConfigurationError
from imgwire_async.ingest.coordination.coordinator import Coordinator
from imgwire_async.ingest.items import IngestItem, portable
from imgwire_async.ingest.options import IngestOptions
from imgwire_async.ingest.runners.attending import AttendedWorker
from imgwire_async.ingest.runners.dealing import Dealer
from imgwire_async.ingest.runners.link import Ending, StartLink
from imgwire_async.ingest.shards.shard import Setup
from imgwire_async.ingest.sink import SinkAddress

MOST_DEATHS: Final = 3
"""The job stops after this many consecutive workers have died without storing an item."""
UNHURRIED: Final = 1.0
"""Seconds before replacing a worker that was lost with its node, or found no room."""

logger = logging.getLogger("imgwire_async")


def check_processes(core: Core) -> None:
    """Reject a client whose requests cannot be made by other processes.

    Raises:
        ConfigurationError: the client cannot be used; the message says why.
    """
    options = core.options
    problem = None
    if core.shared.engine.is_given:
        problem = "a custom http_client= cannot be used by other processes"
    elif any(options.hooks.values()):
        problem = f"hooks ({', '.join(options.hooks)}) would not see the requests of others"
    elif not sys.executable or getattr(sys, "frozen", False):
        problem = "there is no Python interpreter to start workers with"
    if problem is not None:
        raise ConfigurationError(
            f"processes must be 1 with this client: {problem}; create another client for the "
            "job, or run it in one process",
            operation="ingest",
        )


class WorkerPool:
    """Runs shards in workers, which are started when there is something to do.

    Args:
        core: the client's core; its credential and limits apply to all processes together.
        sink: where the items go.
        job: name of the job.
        options: options of the job.
        pace: initial requests per second by class, as found by an earlier run.
        start_link: creates the link to another worker.
        carried: converts an item to the form that workers can read; an `InvalidArgumentError` fails the item.
    """

    def __init__(
        self,
        core: Core,
        sink: SinkAddress,
        job: str,
        options: IngestOptions,
        pace: Mapping[str, float],
        start_link: StartLink,
        carried: Callable[[IngestItem], IngestItem] = portable,
    ) -> None:
        self.core = core
        self._start_link = start_link
        self.portable = carried
        self.over = anyio.Event()
        """Set when there is nothing more to start."""
        self._most_pause = options.max_pause
        self.stopped = False
        self.workers: set[AttendedWorker] = set()
        gate = core.shared.gate
        adaptive = options.concurrency == "auto" or gate.adaptive
        start_rates = dict(pace) | {str(name): rate for name, rate in gate.ceilings().items()}
        self.desks: dict[str, LeaseDesk] = {}
        for rate_class in core.shared.service.rate_classes:
            if adaptive or rate_class in gate.rate_limits:
                self.desks[rate_class] = self._desk(
                    rate_class, start_rates.get(rate_class, START_RATE) if adaptive else None
                )
        self._most_workers = options.processes
        bounds = options.bounds(gate.concurrency)
        self.dealer = Dealer(bounds, options.processes)
        self._setup = Setup(
            job=job,
            options=options.portable(),
            share=bounds,
            sink=sink,
            service=core.shared.service,
            call_options=core.options,
            adaptive=adaptive,
            leased=tuple(self.desks),
        )

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
        """Number of items being sent."""
        return sum(worker.in_flight for worker in self.workers)

    @property
    def waiting_for(self) -> str | None:
        """What items wait for before they can be sent."""
        return next((worker.waiting_for for worker in self.workers if worker.waiting_for), None)

    def ceilings(self) -> dict[str, float]:
        """The rates that a later run may pass as `pace`."""
        found = {str(name): desk.ceiling for name, desk in self.desks.items()}
        return {name: ceiling for name, ceiling in found.items() if ceiling is not None}

    def stop(self) -> None:
        """Start no more items; those in flight finish."""
        self.stopped = True
        self.over.set()
        self.tell_all("stop")

    def tell_all(self, name: str, *arguments: object, but: AttendedWorker | None = None) -> None:
        """Send a message to all workers, or to all but one."""
        for worker in self.workers:
            if worker is not but:
                worker.channel.tell(name, *arguments)

    async def run(self, job: Coordinator) -> None:
        """Run shards until there are no more, or until stopped."""
        async with anyio.create_task_group() as tasks:
            for _ in range(self._most_workers):
                tasks.start_soon(self._run_some, job)

    async def _run_some(self, job: Coordinator) -> None:
        deaths, clock = 0, self.core.shared.time.monotonic
        fruitless_since = clock()
        while (shard := await job.next_shard()) is not None:
            worker = AttendedWorker(self, job, self._setup, shard, self._start_link())
            self.workers.add(worker)
            try:
                ending = await worker.run()
            finally:
                self.workers.discard(worker)
            if worker.mismatch is not None:
                job.stop(worker.mismatch)
            if worker.has_stored:
                deaths, fruitless_since = 0, clock()
            deaths += ending.is_failure
            is_fruitless = clock() - fruitless_since >= self._most_pause
            if is_fruitless and not any(other.has_begun for other in self.workers):
                job.stop_early("worker", f"no worker has stored anything, the last ended {ending.words}")
            if not self.over.is_set() and (worker.unfinished or not worker.has_begun):
                self._note_death(job, worker, ending, deaths)
                if not ending.is_failure:
                    await self.core.shared.time.wait(self.over, UNHURRIED)
        self.over.set()

    def _note_death(self, job: Coordinator, worker: AttendedWorker, ending: Ending, deaths: int) -> None:
        logger.warning(
            "a worker of a bulk job (%s) ended %s; another worker takes over its items",
            worker.where,
            ending.words,
        )
        if worker.probing:
            job.probe_lost()
        for rate_class, generation in worker.leased.items():
            # If it was a rate probe, all others would wait for its response.
            self.desks[rate_class].report(0, 0, None, generation)
        if deaths >= MOST_DEATHS:
            job.stop_early("worker", f"{deaths} workers ended one after the other, {ending.words}")
        else:
            job.take_back(list(worker.unfinished.values()))
