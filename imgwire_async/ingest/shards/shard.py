"""A shard of a bulk job and the steps of running it: prepare → record → send, alike in every process."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import anyio
from anyio.abc import TaskGroup

from imgwire_async.core.clients.options import CallOptions
from imgwire_async.core.concurrency.cancellation import ForeignCode
from imgwire_async.core.logical_call import SharedState
from imgwire_async.core.service import Service
from imgwire_async.errors import ImgwireError, StoreError
from imgwire_async.ingest.options import GROUP, IngestOptions, Share
from imgwire_async.ingest.shards.budgets import Backlog, Bandwidth, ByteBudget, Slots
from imgwire_async.ingest.shards.objects import ObjectReader
from imgwire_async.ingest.shards.preparing import Task
from imgwire_async.ingest.shards.preparing_within import Preparation, prepare_all
from imgwire_async.ingest.shards.sending import Sender
from imgwire_async.ingest.sink import SinkAddress, StoredImage
from imgwire_async.ingest.stopping import StopSignal

PREPARERS: Final = 4
"""Groups of items that are read and hashed at the same time."""
AHEAD: Final = 8 * GROUP
"""Items that are ready to be sent as soon as others have ended, as far as the byte budget allows."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Items of a job that run together. Shards can be pickled, and rerunning one stores nothing twice."""

    number: int
    tasks: list[Task]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Everything another process needs to run shards of a job, except the credential. Can be pickled."""

    job: str
    """Name of the job."""
    options: IngestOptions
    share: Share
    sink: SinkAddress
    service: Service
    call_options: CallOptions
    adaptive: bool
    """Whether the number of items in flight also adapts to the latency."""
    leased: tuple[str, ...]
    """Classes of requests whose rate the job controls."""


class Job(Protocol):
    """The interface of a job for running its shards, in the same process or another one."""

    async def next_shard(self) -> Shard | None:
        """The next shard to run; None if there are no more."""
        ...

    async def key(self, tasks: list[Task]) -> list[Task]:
        """Record the idempotency keys of prepared items.

        Returns:
            The items to send, once the record is durable. The others are done.
        """
        ...

    async def admit(self) -> bool:
        """Wait until an attempt may be made. The gate controls the rate of attempts.

        Returns:
            Whether it is a probe during a pause of the job.
        """
        ...

    def stored(self, task: Task, image: StoredImage, seconds: float) -> None:
        """Record that an item was stored, this many seconds after its first request."""
        ...

    def refused(self, task: Task, error: ImgwireError) -> None:
        """Record that an item cannot be sent."""
        ...

    async def failed(self, task: Task, error: ImgwireError, *, probe: bool) -> float | None:
        """Record a failed attempt.

        Returns:
            Seconds until the next attempt; None if there is none.
        """
        ...


class Workbench:
    """The means of a process to run shards, and the limits that all its shards share.

    Args:
        sender: makes the requests.
        job: name of the job.
        options: options of the job.
        share: this process's share of the job's limits.
        shared: clock and sleep of the client.
    """

    def __init__(
        self, sender: Sender, job: str, options: IngestOptions, share: Share, shared: SharedState
    ) -> None:
        self.sender = sender
        self.preparation = Preparation(
            job,
            recreate=options.on_change == "recreate",
            limit=math.inf if options.item_deadline is None else options.item_deadline,
            time=shared.time,
        )
        self.objects = ObjectReader(
            checksum=options.checksum,
            by_url=options.transfer == "url",
            max_pause=options.max_pause,
            limit=self.preparation.limit,
            time=shared.time,
            rng=shared.rng,
        )
        self.clock = shared.time.monotonic
        self.in_flight = 0
        self.stop_signal = StopSignal()
        # For the smallest possible share of this process: an item that waits for memory must fit even then.
        self.most_together = options.byte_budget // options.processes // PREPARERS
        self.preparers = anyio.Semaphore(PREPARERS)
        self.slots = Slots(share.senders)
        self._sleep, self._gate = shared.time.sleep, shared.gate
        self._budget = ByteBudget(share.byte_budget)
        self._bandwidth = None
        if share.bandwidth_limit is not None:
            self._bandwidth = Bandwidth(share.bandwidth_limit, time=shared.time)
        # How far each step runs ahead of sending.
        self._unsent = Backlog(_ahead(share))
        self._prepared = Backlog(_ahead(share))

    async def keep_to(self, share: Share) -> None:
        """Switch to another share of the job's limits. Returns once no more than that is in use."""
        self.slots.resize(share.senders)
        self._budget.resize(share.byte_budget)
        self._unsent.limit_to(_ahead(share))
        self._prepared.limit_to(_ahead(share))
        if self._bandwidth is not None and share.bandwidth_limit is not None:
            self._bandwidth.change(share.bandwidth_limit)
        await self.slots.fit()
        await self._budget.fit()

    @property
    def waiting_for(self) -> str | None:
        """What items wait for before they can be sent."""
        return self.objects.waiting_for

    def ceilings(self) -> dict[str, float]:
        """The rates at which the service asked to slow down, by class; a later run may start from them."""
        return {str(name): rate for name, rate in self._gate.ceilings().items()}

    async def run(self, job: Job) -> None:
        """Run shards until there are no more, or until stopped.

        A shard starts before the last items of the previous one have ended.
        """
        async with anyio.create_task_group() as shards:
            while True:
                shard = None
                with self.stop_signal.leaves():
                    await self._unsent.small()
                    shard = await job.next_shard()
                if shard is None:
                    return
                self.expect(shard)
                shards.start_soon(_run, shard, self, job)

    def stop(self) -> None:
        """Start no more items; those in flight finish."""
        self.stop_signal.give()

    def expect(self, shard: Shard) -> None:
        """Count the items of a shard that starts."""
        self._unsent.add(len(shard.tasks))

    async def make_room(self, group: list[Task]) -> None:
        """Wait until a group may be read into memory."""
        await self._prepared.small()
        charges = [task.wanted_charge for task in group]
        await self._budget.acquire(sum(charges))
        for task, charge in zip(group, charges, strict=True):
            task.charge = charge
        self._prepared.add(len(group))

    async def take_slot(self, task: Task, job: Job) -> bool:
        """Wait for a slot, to be released with `slots.release`.

        Returns:
            Whether the attempt is a probe.
        """
        await self.slots.acquire()
        try:
            probe = await job.admit()
            if self._bandwidth is not None:
                await self._bandwidth.wait(task.size)
        except BaseException:
            self.slots.release()
            raise
        if task.began is None:
            task.began = self.clock()
            self._count_out()
        return probe

    async def take_slot_after(self, task: Task, delay: float, job: Job) -> bool | None:
        """Wait for this many seconds, and then for a slot. None if the job is stopped meanwhile."""
        probe: bool | None = None
        with self.stop_signal.leaves():
            if delay:
                await self._sleep(delay)
            probe = await self.take_slot(task, job)
        return probe  # noqa: RET504 - None if the block was left early

    def drop(self, task: Task) -> None:
        """Forget an item that has ended, at least in this process."""
        self._budget.release(task.charge)
        task.charge, task.content, task.read_content = 0, None, None
        if task.began is None:
            self._count_out()

    def _count_out(self) -> None:
        self._unsent.add(-1)
        self._prepared.add(-1)


def _ahead(share: Share) -> int:
    """Number of items that are taken and prepared before they can be sent.

    As many as are sent while a distant job responds twice: with the next shard, and with the recorded keys.
    """
    return share.senders + AHEAD


async def run_shard(shard: Shard, bench: Workbench, job: Job) -> None:
    """Run one shard until it is done or the bench is stopped.

    The idempotency key of every item is recorded before its first request, so the same shard can be run
    again, here or elsewhere, with the same resulting images.
    """
    bench.expect(shard)
    await _run(shard, bench, job)


async def _run(shard: Shard, bench: Workbench, job: Job) -> None:
    await bench.objects.choose_transfer(shard.tasks)
    async with anyio.create_task_group() as tasks:
        for group in _groups(shard.tasks, bench.most_together):
            has_room = False
            with bench.stop_signal.leaves():
                await bench.preparers.acquire()
                try:
                    await bench.make_room(group)
                except BaseException:
                    bench.preparers.release()
                    raise
                has_room = True
            if not has_room:
                return
            tasks.start_soon(_prepare, group, bench, job, tasks)


async def _prepare(group: list[Task], bench: Workbench, job: Job, tasks: TaskGroup) -> None:
    sendable: list[Task] = []
    try:
        with bench.stop_signal.leaves():
            try:
                problems = await _prepared(group, bench)
            finally:
                # Others are prepared while the job records these, which takes longer the farther it is away.
                bench.preparers.release()
            for task, problem in zip(group, problems, strict=True):
                if problem is not None:
                    job.refused(task, problem)
            # Recorded before the first request, so nothing can be stored that is missing in the journal.
            sendable = await job.key(
                [task for task, problem in zip(group, problems, strict=True) if problem is None]
            )
    finally:
        sent = {task.key for task in sendable}
        for task in group:
            if task.key not in sent:
                bench.drop(task)
    waiting = deque(sendable)
    try:
        # An item gets its own task only once it has a slot, so waiting items cost little.
        with bench.stop_signal.leaves():
            while waiting:
                probe = await bench.take_slot(waiting[0], job)
                tasks.start_soon(_send, waiting.popleft(), probe, bench, job)
    finally:
        for task in waiting:
            bench.drop(task)


async def _prepared(group: list[Task], bench: Workbench, *, whole: bool = False) -> list[ImgwireError | None]:
    """Fetch, hash and key the items of a group as needed. Returns the error of each, or None."""
    problems = await bench.objects.read_all(group, whole=whole)
    readable = [number for number, problem in enumerate(problems) if problem is None]
    for number, problem in zip(
        readable, await prepare_all([group[number] for number in readable], bench.preparation), strict=True
    ):
        problems[number] = problem
    # Their content broke off in the thread, which does not wait for their bucket.
    broken = [number for number in readable if isinstance(problems[number], StoreError)]
    if broken:
        again = await _prepared([group[number] for number in broken], bench, whole=True)
        for number, problem in zip(broken, again, strict=True):
            problems[number] = problem
    return problems


async def _send(task: Task, probe: bool | None, bench: Workbench, job: Job) -> None:
    try:
        while probe is not None:
            bench.in_flight += 1
            has_slot = True
            problem: ImgwireError | None = None
            lost = False
            try:
                with ForeignCode("the sink"):  # it may be the user's own, and so may the code that it awaits
                    image = await bench.sender.send(task)
                    if task.is_fetched:
                        # Send others while this one waits for the service to fetch it.
                        has_slot = False
                        bench.slots.release()
                        image = await bench.sender.confirm(image)
            except ImgwireError as error:
                delay = await job.failed(task, error, probe=probe)
                lost = isinstance(error, StoreError)
            else:
                job.stored(task, image, bench.clock() - (task.began or 0.0))
                return
            finally:
                bench.in_flight -= 1
                if has_slot:
                    bench.slots.release()
            if delay is None:
                return
            if lost:
                # The service did not fail: the object became unreadable while it was sent.
                readable = False
                with bench.stop_signal.leaves():
                    problem = await bench.objects.wait_until_readable(task)
                    readable = problem is None
                if problem is not None:
                    job.refused(task, problem)
                if not readable:
                    return
            probe = await bench.take_slot_after(task, delay, job)
    finally:
        bench.drop(task)


def _groups(tasks: list[Task], most_bytes: int) -> Iterator[list[Task]]:
    group: list[Task] = []
    charge = 0
    for task in tasks:
        wanted = task.wanted_charge
        if group and (len(group) == GROUP or charge + wanted > most_bytes):
            yield group
            group, charge = [], 0
        group.append(task)
        charge += wanted
    if group:
        yield group
