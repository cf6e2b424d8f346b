"""The pipeline of a bulk job: survey → prepare → send → record, with bounded queues in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

import anyio
from anyio import to_thread
from anyio.streams.memory import MemoryObjectSendStream

from imgwire_async.core.attempts import SharedState
from imgwire_async.errors import ImgwireError, IngestStoppedError, UnsupportedImageTypeError
from imgwire_async.ingest.budgets import Bandwidth, ByteBudget
from imgwire_async.ingest.health import Health, Verdict, judge
from imgwire_async.ingest.items import Entry
from imgwire_async.ingest.journal import Journal, Row, State
from imgwire_async.ingest.journal_writer import JournalWriter
from imgwire_async.ingest.options import GROUP, IngestOptions
from imgwire_async.ingest.outcomes import AlreadyStored, Failed, Outcome, Skipped, SkipReason, Stored
from imgwire_async.ingest.parameters import Parameters
from imgwire_async.ingest.preparing import Task, prepare
from imgwire_async.ingest.recording import as_failed, as_known, as_stored
from imgwire_async.ingest.sending import Sender
from imgwire_async.ingest.sources import batches
from imgwire_async.ingest.survey import Surveyor
from imgwire_async.lowlevel.models import Image

PREPARERS: Final = 4
ATTEMPTS: Final = 5
"""An item is given up after so many transient failures of its own."""
DEFERRALS: Final = 50
"""An item is given up after it was put back so often without having failed: throttled, or during pauses."""
FIRST_DELAY: Final = 0.5
LONGEST_DELAY: Final = 30.0
"""Seconds between attempts: drawn from 0 to a bound that doubles from the first to the longest."""
_POLL: Final = 0.5  # seconds


class Engine:
    """Runs one job from its source to its outcomes.

    Args:
        journal: open, with a run that has begun.
        entries: what the source gives.
        sender: makes the requests.
        shared: clock, sleep and source of randomness of the client.
        options: how to run it.
        outcomes: where outcomes go, in lists; closed when the job has ended. Whoever is slow to take them
            holds the job back.
    """

    def __init__(
        self,
        journal: Journal,
        entries: Iterator[Entry] | AsyncIterator[Entry],
        sender: Sender,
        shared: SharedState,
        options: IngestOptions,
        outcomes: MemoryObjectSendStream[list[Outcome]],
    ) -> None:
        self._journal = journal
        self._entries = entries
        self._sender = sender
        self._clock, self._sleep, self._rng = shared.clock, shared.sleep, shared.rng
        self._options = options
        self._outcomes = outcomes
        self._surveyor = Surveyor(
            journal,
            Parameters(options.purpose, options.custom_metadata),
            on_change=options.on_change,
            wait_ready=options.wait_ready,
            dry_run=options.dry_run,
        )
        self._recreate = options.on_change == "recreate"
        self._writer: JournalWriter[tuple[Outcome, Task | None]] = JournalWriter(journal, self._deliver)
        self._stored_state = State.READY if options.wait_ready else State.STORED
        self._budget = ByteBudget(options.byte_budget)
        self._bandwidth = None
        if options.bandwidth_limit is not None:
            self._bandwidth = Bandwidth(options.bandwidth_limit, clock=shared.clock, sleep=shared.sleep)
        self._groups, self._group_of = anyio.create_memory_object_stream[list[Task]](2 * PREPARERS)
        self._ready, self._next_ready = anyio.create_memory_object_stream[Task](sender.workers)
        self._everything = anyio.CancelScope()
        self._waits: set[anyio.CancelScope] = set()
        self._leaders: dict[bytes, list[Task]] = {}
        self._open = 0
        self._failures = 0
        self.health = Health(clock=shared.clock, rng=shared.rng)
        self.found = 0
        self.all_found = False
        self.in_flight = 0
        self.retries = 0
        self.throttled = 0
        self.stopping = False
        self.failure: Exception | None = None
        """What the iteration over the outcomes raises at its end."""

    def stop(self, error: IngestStoppedError | None = None) -> None:
        """Draw and begin nothing more; what is in flight ends, and is recorded."""
        if self.stopping or (self.all_found and not self._open):
            return
        self.stopping = True
        self.failure = self.failure or error
        for scope in self._waits:
            scope.cancel()

    async def run(self) -> None:
        """Run to the end, or until stopped.

        What goes wrong is in `failure` afterwards.
        """
        with self._outcomes, self._groups, self._group_of, self._ready, self._next_ready:
            try:
                with self._everything:
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(self._guarded, self._writer.run)
                        async with anyio.create_task_group() as watched:
                            watched.start_soon(self._watch)
                            async with anyio.create_task_group() as self._work:
                                self._work.start_soon(self._guarded, self._draw)
                                for _ in range(PREPARERS):
                                    self._work.start_soon(self._guarded, self._prepare_groups)
                                for _ in range(self._sender.workers):
                                    self._work.start_soon(self._guarded, self._send_tasks)
                            watched.cancel_scope.cancel()
                        self._writer.end()
            finally:
                self.stopping = True

    async def _guarded(self, part: Callable[[], Awaitable[None]]) -> None:
        """End the job when a part of it cannot go on, for example because the journal cannot be written."""
        try:
            await part()
        except ImgwireError as error:
            self.failure = error
            self._everything.cancel()

    @contextmanager
    def _until_stopped(self) -> Iterator[anyio.CancelScope]:
        """A block that ends, wherever it is, when the job is stopped."""
        with anyio.CancelScope() as scope:
            if self.stopping:
                scope.cancel()
            self._waits.add(scope)
            try:
                yield scope
            finally:
                self._waits.discard(scope)

    async def _watch(self) -> None:
        began = self._clock()
        deadline, options = self._options.deadline, self._options
        while True:
            await anyio.sleep(_POLL)
            if deadline is not None and self._clock() - began >= deadline:
                self._stop_early("deadline", f"the job's deadline of {deadline:g} s has passed")
            if self.health.paused_for > options.max_pause:
                problem = f"nothing was answered for {options.max_pause:g} s: {self.health.cause}"
                self._stop_early("outage", problem)

    def _stop_early(self, reason: str, problem: str, cause: Exception | None = None) -> None:
        error = IngestStoppedError(
            f"stopped early: {problem}; run the same job again to go on",
            reason=reason,
            operation="ingest",
        )
        error.__cause__ = cause
        self.stop(error)

    async def _draw(self) -> None:
        with self._until_stopped():
            try:
                async for entries in batches(self._entries):
                    surveyed = await to_thread.run_sync(self._surveyor.survey, entries)
                    self.found += len(entries)
                    if surveyed.settled:
                        await self._outcomes.send(surveyed.settled)
                    for row, failure in surveyed.failed:
                        self._record_failure(row, failure, None)
                    await self._writer.commit()
                    self._open += len(surveyed.tasks)
                    for group in _groups_of(surveyed.tasks):
                        await self._groups.send(group)
                self.all_found = True
            except Exception as error:  # noqa: BLE001 - an iterable may raise anything; the iteration raises it
                self.failure = self.failure or error
        self._open += 1
        self._end_one()

    def _end_one(self) -> None:
        self._open -= 1
        if not self._open and (self.all_found or self.failure is not None or self.stopping):
            self._groups.close()
            self._ready.close()

    async def _prepare_groups(self) -> None:
        with self._until_stopped():
            async for group in self._group_of:
                await self._prepare(group)

    async def _prepare(self, group: list[Task]) -> None:
        await self._budget.acquire(sum(task.wanted_charge for task in group))
        for task in group:
            task.charge = task.wanted_charge
        problems = await to_thread.run_sync(self._prepare_all, group)
        sendable = []
        for task, problem in zip(group, problems, strict=True):
            if problem is not None:
                self._settle_problem(task, problem)
            elif task.known is not None and self._only_touched(task, task.known):
                self._settle_known(task, task.known)
            elif task.confirm:
                sendable.append(task)
            elif self._options.dedupe is None or await self._is_first(task):
                self._writer.put(task.row(State.KEYED, self._journal.run))
                sendable.append(task)
        # On record before the first request, so that nothing can be stored that the journal does not know.
        await self._writer.commit()
        for task in sendable:
            await self._ready.send(task)

    def _prepare_all(self, group: list[Task]) -> list[ImgwireError | None]:
        return [prepare(task, self._journal.job, recreate=self._recreate) for task in group]

    def _settle_problem(self, task: Task, problem: ImgwireError) -> None:
        if task.from_folder and isinstance(problem, UnsupportedImageTypeError):
            skipped = Skipped(key=task.key, item=task.item, reason=SkipReason.NO_IMAGE, size=task.size)
            self._settle(task, task.row(State.SKIPPED, self._journal.run), skipped)
        else:
            self._fail(task, problem)

    def _only_touched(self, task: Task, row: Row) -> bool:
        stored = row.state == State.READY or (row.state == State.STORED and not self._options.wait_ready)
        stored = stored and not (self._recreate and task.parameters != row.parameters)
        return stored and task.sha256 is not None and task.sha256 == row.sha256

    def _settle_known(self, task: Task, known: Row, same_content_as: str | None = None) -> None:
        self._settle(task, *as_known(task, known, self._journal.run, same_content_as))

    async def _is_first(self, task: Task) -> bool:
        """Whether nobody else stores this content; else the task waits for them, or shares their image."""
        content = task.sha256
        if content is None:
            return True
        if content in self._leaders:
            self._leaders[content].append(task)
            self._release(task)
            return False
        self._leaders[content] = []
        row = await to_thread.run_sync(self._journal.find_content, content)
        if row is None or row.key == task.key:
            return True
        for one in (task, *self._leaders.pop(content)):
            self._settle_known(one, row, row.key)
        return False

    async def _send_tasks(self) -> None:
        while True:
            probe = False
            with self._until_stopped() as scope:
                try:
                    task = await self._next_ready.receive()
                except anyio.EndOfStream:
                    return
                probe = await self.health.admit()
                if self._bandwidth is not None:
                    await self._bandwidth.wait(task.size)
            if scope.cancelled_caught or self.stopping:
                return
            await self._send(task, probe=probe)

    async def _send(self, task: Task, *, probe: bool) -> None:
        if task.began is None:
            task.began = self._clock()
        elif task.attempts:
            self.retries += 1
        self.in_flight += 1
        try:
            image = await self._sender.send(task)
        except ImgwireError as error:
            self._judge(task, error, probe=probe)
        else:
            self.health.answered()
            task.attempts += 1
            self._settle_stored(task, image)
        finally:
            self.in_flight -= 1

    def _judge(self, task: Task, error: ImgwireError, *, probe: bool) -> None:
        match judge(error, self._options.stop_on):
            case Verdict.STOP:
                self._stop_early("error", str(error), error)
            case Verdict.THROTTLED:
                self.throttled += 1
                self.health.answered()
                self._put_back(task, error)
            case Verdict.TRANSIENT:
                if self.health.failed(error, probe=probe):
                    self._put_back(task, error)
                else:
                    self._try_again(task, error)
            case Verdict.PERMANENT:
                task.attempts += 1
                self._note_refusal(error, probe=probe)
                self._fail(task, error)

    def _note_refusal(self, error: ImgwireError, *, probe: bool) -> None:
        if getattr(error, "status", None) is None:
            self.health.unclear(probe=probe)
            return
        cause = self.health.failed_for_good(error)
        if cause is not None and self._options.breaker:
            problem = f"most of the last items were refused in the same way, {cause}: {error}"
            self._stop_early("same_failure", problem, error)

    def _put_back(self, task: Task, error: ImgwireError) -> None:
        task.deferrals += 1
        if task.deferrals > DEFERRALS:
            self._fail(task, error)
        else:
            self._work.start_soon(self._queue_again, task, 0.0)

    def _try_again(self, task: Task, error: ImgwireError) -> None:
        task.attempts += 1
        if task.attempts >= ATTEMPTS:
            self._fail(task, error)
            return
        delay = self._rng.uniform(0.0, min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** (task.attempts - 1)))
        self._work.start_soon(self._queue_again, task, delay)

    async def _queue_again(self, task: Task, delay: float) -> None:
        with self._until_stopped():
            await self._sleep(delay)
            await self._ready.send(task)

    def _settle_stored(self, task: Task, image: Image) -> None:
        seconds = self._clock() - (task.began or 0.0)
        self._settle(task, *as_stored(task, image, self._stored_state, self._journal.run, seconds))

    def _fail(self, task: Task, error: ImgwireError) -> None:
        row, failure = as_failed(task, error, self._journal.run)
        self._release(task)
        self._record_failure(row, failure, task)

    def _record_failure(self, row: Row, failure: Failed, task: Task | None) -> None:
        self._writer.put(None if self._options.dry_run else row, (failure, task))
        self._failures += 1
        limit = self._options.max_failures
        if limit is not None and self._failures > limit:
            self._stop_early("failures", f"{self._failures} items have failed", failure.error)

    def _settle(self, task: Task, row: Row, outcome: Outcome) -> None:
        self._release(task)
        self._writer.put(row, (outcome, task))

    def _release(self, task: Task) -> None:
        self._budget.release(task.charge)
        task.charge, task.content = 0, None

    async def _deliver(self, results: list[tuple[Outcome, Task | None]]) -> None:
        """Hand out outcomes that are on record."""
        await self._outcomes.send([outcome for outcome, _ in results])
        for outcome, task in results:
            if task is None:
                continue
            self._surveyor.active.pop(task.key, None)
            if task.sha256 is not None and self._leaders:
                self._end_leader(outcome, task, task.sha256)
            self._end_one()

    def _end_leader(self, outcome: Outcome, leader: Task, content: bytes) -> None:
        if isinstance(outcome, AlreadyStored) and outcome.same_content_as is not None:
            return  # a follower itself
        followers = self._leaders.pop(content, [])
        if isinstance(outcome, Stored | AlreadyStored):
            row = leader.row(self._stored_state, self._journal.run)
            row.image_id, row.cdn_url = outcome.image_id, outcome.cdn_url
            for follower in followers:
                self._settle_known(follower, row, leader.key)
        elif followers and not self.stopping:
            self._work.start_soon(self._guarded, lambda: self._prepare_unless_stopped(followers))

    async def _prepare_unless_stopped(self, group: list[Task]) -> None:
        with self._until_stopped():
            for part in _groups_of(group):
                await self._prepare(part)


def _groups_of(tasks: list[Task]) -> Iterator[list[Task]]:
    return (tasks[start : start + GROUP] for start in range(0, len(tasks), GROUP))
