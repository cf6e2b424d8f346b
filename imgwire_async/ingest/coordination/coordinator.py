"""A bulk job from its source to its outcomes: survey → shards → record. Runners run the shards."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Final

import anyio
from anyio import to_thread

from imgwire_async.core.concurrency.tasks import Handover
from imgwire_async.core.logical_call import SharedState
from imgwire_async.errors import (
    ImgwireError,
    IngestStoppedError,
    StoreError,
    UnexpectedCancellationError,
    UnsupportedImageTypeError,
)
from imgwire_async.ingest.coordination.equal_content import EqualContent
from imgwire_async.ingest.coordination.health import Health, Verdict, judge
from imgwire_async.ingest.coordination.looking import looked_at
from imgwire_async.ingest.coordination.resuming import ResumeMark
from imgwire_async.ingest.coordination.survey import Surveyor
from imgwire_async.ingest.items import IngestItem
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.ingest.journal.recording import as_failed, as_known, as_stored
from imgwire_async.ingest.journal.rows import Row, State
from imgwire_async.ingest.journal.writer import JournalWriter
from imgwire_async.ingest.options import IngestOptions
from imgwire_async.ingest.parameters import Parameters
from imgwire_async.ingest.results.outcomes import Failed, Outcome, Skipped, SkipReason
from imgwire_async.ingest.results.wording import in_words
from imgwire_async.ingest.runners.runner import Runner
from imgwire_async.ingest.shards.cutting import SHARD_BYTES, Cutter
from imgwire_async.ingest.shards.objects import ObjectReader
from imgwire_async.ingest.shards.preparing import Task
from imgwire_async.ingest.shards.shard import Shard
from imgwire_async.ingest.sink import StoredImage
from imgwire_async.ingest.sources.source import Batch, Entries, Patient
from imgwire_async.ingest.stopping import StopSignal

ATTEMPTS: Final = 5
"""An item fails after this many transient failures of its own."""
DEFERRALS: Final = 50
"""An item fails after it was put back this many times without a failure: rate limited, or during pauses."""
FIRST_DELAY: Final = 0.5
LONGEST_DELAY: Final = 30.0
"""Seconds between attempts: random, below a bound that doubles from the first delay to the longest."""
_POLL: Final = 0.5  # seconds
GRACE: Final = 5.0
"""Seconds that items in flight have to finish after the deadline of the job."""


class Coordinator:
    """Runs one job from its source to its outcomes. Only the coordinator decides and writes the journal.

    Args:
        journal: open, with a run that has started.
        entries: the source.
        runner: runs the shards.
        shared: clock and source of randomness of the client.
        options: options of the job.
        outcomes: where outcomes go, in lists. A slow consumer slows the job down.
        shard_bytes: maximum total size of the in-memory items in one shard.
    """

    def __init__(
        self,
        journal: Journal,
        entries: Entries,
        runner: Runner,
        shared: SharedState,
        options: IngestOptions,
        outcomes: Handover[list[Outcome]],
        *,
        shard_bytes: int = SHARD_BYTES,
    ) -> None:
        self._journal = journal
        self._entries = entries
        self._mark = ResumeMark(entries.identity, journal.resume)
        self._runner = runner
        self._time, self._rng = shared.time, shared.rng
        self._options = options
        self._outcomes = outcomes
        self._surveyor = Surveyor(
            journal,
            Parameters(options.purpose, options.custom_metadata),
            on_change=options.on_change,
            wait_ready=options.wait_ready,
            dry_run=options.dry_run,
        )
        self._writer: JournalWriter[tuple[Outcome, Task | None]] = JournalWriter(
            journal, self._deliver, shared.time
        )
        self._stored_state = State.READY if options.wait_ready else State.STORED
        self._shards, self._next_shards = anyio.create_memory_object_stream[Shard](0)
        self._cutter = Cutter(options.processes, shard_bytes)
        self._everything = anyio.CancelScope()
        self._surveying = anyio.CancelScope()
        self._stop = StopSignal()
        self._equals = EqualContent(journal, self._settle_known, self.take_back)
        self._open = 0
        self._failures = 0
        self.waiting: dict[str, IngestItem] = {}
        """Items that were drawn and have no outcome yet, by key."""
        self.drawn_to: str | None = self._mark.hint
        """The latest hint of the source up to which everything was drawn."""
        self.last_drawn: str | None = None
        """Key of the last item drawn."""
        self.health = Health(time=shared.time, rng=shared.rng)
        self._objects = ObjectReader(
            max_pause=options.max_pause,
            limit=math.inf if options.item_deadline is None else options.item_deadline,
            time=shared.time,
            rng=shared.rng,
        )
        self.found = 0
        self.all_found = False
        self.retries = 0
        self.throttled = 0
        self.failure: Exception | None = None
        """The exception that the iteration over the outcomes raises at its end."""
        self.area: str | None = None
        """The area of the service that holds the images, see `Destination.area`."""

    @property
    def in_flight(self) -> int:
        """Number of items that are being sent or wait for a permit."""
        return self._runner.in_flight

    @property
    def paused(self) -> str | None:
        """Why sending is paused although items are waiting, or None."""
        if self.health.cause is not None or self.in_flight:
            return self.health.cause
        listing = self._entries.waiting_for if isinstance(self._entries, Patient) else None
        return self._runner.waiting_for or self._objects.waiting_for or listing

    @property
    def dry_run(self) -> bool:
        """Whether the job sends nothing and leaves the journal unchanged."""
        return self._options.dry_run

    @property
    def stopping(self) -> bool:
        """Whether the job starts no further items."""
        return self._stop.given

    def stop(self, error: ImgwireError | None = None) -> None:
        """Draw and start no more items; those in flight finish and are recorded."""
        if self.stopping or (self.all_found and not self._open):
            return
        self.failure = self.failure or error
        self._runner.stop()
        self._stop.give()

    async def run(self) -> None:
        """Run until the source is exhausted or the job is stopped.

        The error, if any, is in `failure` afterwards.
        """
        with self._shards, self._next_shards:
            try:
                with self._everything:
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(self._guarded, self._writer.run)
                        tasks.start_soon(self._writer.run_delivery)
                        async with anyio.create_task_group() as watched:
                            watched.start_soon(self._watch)
                            async with anyio.create_task_group() as self._work:
                                self._work.start_soon(self._guarded, self._draw)
                                self._work.start_soon(self._guarded, self._run_shards)
                            watched.cancel_scope.cancel()
                        if self.all_found and not (self._open or self.stopping or self.dry_run):
                            self._writer.put_resume(None)
                        self._writer.end()
                if not (self.stopping or self.failure or (self.all_found and not self._open)):
                    # Ends the task groups around it without an error.
                    self.failure = UnexpectedCancellationError(
                        "a task of the job was cancelled by other code; run the same job again to resume",
                        operation="ingest",
                    )
            finally:
                self._stop.give()

    async def _guarded(self, part: Callable[[], Awaitable[None]]) -> None:
        """End the job if a part of it cannot continue, for example because the journal cannot be written."""
        try:
            await part()
        except ImgwireError as error:
            self.failure = error
            self._everything.cancel()

    async def _watch(self) -> None:
        clock = self._time.monotonic
        began = clock()
        deadline, options = self._options.deadline, self._options
        stopped_at: float | None = None
        while True:
            # Polling is not waiting: it must not advance a simulated clock.
            with self._time.move_on_after(_POLL):
                await anyio.sleep_forever()
            if self.stopping:
                stopped_at = clock() if stopped_at is None else stopped_at
                if clock() - stopped_at >= GRACE:
                    self._surveying.shield = False  # a disk may hang forever
            if deadline is not None and (late := clock() - began - deadline) >= 0:
                self.stop_early("deadline", f"the job's deadline of {deadline:g} s has passed")
                if late >= GRACE:
                    self._work.cancel_scope.cancel()  # its keys are recorded: the next run sends it again
            if self.health.paused_for > options.max_pause:
                problem = f"no response came for {options.max_pause:g} s: {self.health.cause}"
                self.stop_early("outage", problem)

    def stop_early(self, reason: str, problem: str, cause: Exception | None = None) -> None:
        """Stop the job so that it can be resumed."""
        error = IngestStoppedError(
            f"stopped early: {problem}; run the same job again to resume",
            reason=reason,
            operation="ingest",
        )
        error.__cause__ = cause
        self.stop(error)

    async def _draw(self) -> None:
        with self._stop.leaves():
            try:
                async with aclosing(self._entries.batches(self._mark.hint)) as batches:
                    async for batch in batches:
                        await self._survey(batch)
                self.all_found = True
            except Exception as error:  # noqa: BLE001 - an iterable may raise anything; the iteration raises it
                self.failure = self.failure or error
        self._open += 1
        self._end_one()

    async def _survey(self, batch: Batch) -> None:
        entries = batch.entries
        self._surveying = anyio.CancelScope(shield=True)
        with self._surveying:  # record what was drawn, even if it is not started
            try:
                limit = self._options.item_deadline
                entries = await looked_at(
                    entries,
                    self._objects,
                    self._journal,
                    limit=math.inf if limit is None else limit,
                    time=self._time,
                    every=self.dry_run,
                )
            except anyio.get_cancelled_exc_class():
                self.waiting |= {entry.key: entry.item for entry in entries if entry.item is not None}
                raise
            for entry in entries:
                if entry.problem is not None and judge(entry.problem, ()) is Verdict.STOP:
                    self._stop_for(entry.problem)
                    return
            surveyed = await to_thread.run_sync(self._surveyor.survey, entries)
        self.waiting |= {task.key: task.item for task in surveyed.tasks}
        self.drawn_to = batch.resume or self.drawn_to
        self.last_drawn = entries[-1].key if entries else self.last_drawn
        self.found += len(entries)
        keys = [task.key for task in surveyed.tasks]
        self._note_resume(moved=self._mark.add(batch.resume, keys, failed=bool(surveyed.failed)))
        if surveyed.settled:
            await self._outcomes.put(surveyed.settled)
        for row, failure in surveyed.failed:
            self._record_failure(row, failure, None)
        for row, skipped in surveyed.skipped:
            self._writer.put(None if self.dry_run else row, (skipped, None))
        for row in surveyed.renoted:
            self._writer.put(None if self.dry_run else row)
        await self._writer.commit()
        await self._writer.keep_up()
        self._open += len(surveyed.tasks)
        for shard in self._cutter.cut(surveyed.tasks):
            await self._shards.send(shard)

    def _note_resume(self, *, moved: bool) -> None:
        if moved and not self.dry_run:
            self._writer.put_resume(self._mark.text)

    def _end_one(self) -> None:
        self._open -= 1
        if not self._open and (self.all_found or self.failure is not None or self.stopping):
            self._shards.close()

    async def _run_shards(self) -> None:
        await self._runner.run(self)

    async def next_shard(self) -> Shard | None:
        """The next shard to run; None if there are no more."""
        shard = None
        with self._stop.leaves(), suppress(anyio.EndOfStream):
            shard = await self._next_shards.receive()
        return shard

    def take_back(self, tasks: list[Task]) -> None:
        """Run again the items that were handed out and have not ended."""
        self._work.start_soon(self._offer, [task for task in tasks if not task.held])

    def probe_lost(self) -> None:
        """Record that a probe will never get a response."""
        self.health.unclear(probe=True)

    async def _offer(self, tasks: list[Task]) -> None:
        with self._stop.leaves():
            for shard in self._cutter.cut(tasks):
                await self._shards.send(shard)

    async def key(self, tasks: list[Task]) -> list[Task]:
        """Record the idempotency keys of prepared items.

        Returns:
            The items to send. The others are stored already, or will share the image of another item.
        """
        sendable = []
        for task in tasks:
            if task.known is not None and self._only_touched(task, task.known):
                self._settle_known(task, task.known)
            elif task.confirm:
                sendable.append(task)
            elif self._options.dedupe is None or await self._equals.is_first(task):
                self._writer.put(task.row(State.KEYED, self._journal.run))
                sendable.append(task)
        await self._writer.commit()
        return sendable

    def refused(self, task: Task, error: ImgwireError) -> None:
        """Record that an item cannot be sent."""
        if task.held:
            return
        if judge(error, ()) is Verdict.STOP:
            self._stop_for(error)
        elif task.from_folder and isinstance(error, UnsupportedImageTypeError):
            skipped = Skipped(key=task.key, item=task.item, reason=SkipReason.NO_IMAGE, size=task.size)
            self._settle(task, task.row(State.SKIPPED, self._journal.run), skipped)
        else:
            self._fail(task, error)

    def _only_touched(self, task: Task, row: Row) -> bool:
        stored = row.state == State.READY or (row.state == State.STORED and not self._options.wait_ready)
        recreated = self._options.on_change == "recreate" and task.parameters != row.parameters
        return stored and not recreated and task.sha256 is not None and task.sha256 == row.sha256

    def _settle_known(self, task: Task, known: Row, same_content_as: str | None = None) -> None:
        self._settle(task, *as_known(task, known, self._journal.run, same_content_as))

    async def admit(self) -> bool:
        """Wait until an attempt may be made. Returns whether it is a probe."""
        return await self.health.admit()

    async def failed(self, task: Task, error: ImgwireError, *, probe: bool) -> float | None:
        """Decide what to do about a failed attempt.

        Returns:
            Seconds until the next attempt; None if there is none.
        """
        match judge(error, self._options.stop_on):
            case Verdict.STOP:
                self._stop_for(error)
                return None
            case Verdict.THROTTLED:
                self.throttled += 1
                self.health.answered()
                return self._put_back(task, error)
            case Verdict.TRANSIENT if isinstance(error, StoreError):
                self.health.unclear(probe=probe)  # says nothing about the service
                return self._try_again(task, error)
            case Verdict.TRANSIENT:
                if self.health.failed(error, probe=probe):
                    return self._put_back(task, error)
                return self._try_again(task, error)
            case Verdict.PERMANENT:
                task.attempts += 1
                self._note_refusal(error, probe=probe)
                self._fail(task, error)
                return None

    def _stop_for(self, error: ImgwireError) -> None:
        outage = isinstance(error, StoreError) and error.reason == "outage"
        self.stop_early("outage" if outage else "error", str(error), error)

    def _note_refusal(self, error: ImgwireError, *, probe: bool) -> None:
        if getattr(error, "status", None) is None or isinstance(error, StoreError):
            self.health.unclear(probe=probe)
            return
        cause = self.health.failed_for_good(error)
        if cause is not None and self._options.breaker:
            problem = f"most of the last items were rejected for the same reason, {in_words(cause)}: {error}"
            self.stop_early("same_failure", problem, error)

    def _put_back(self, task: Task, error: ImgwireError) -> float | None:
        task.deferrals += 1
        if task.deferrals > DEFERRALS:
            self._fail(task, error)
            return None
        return 0.0

    def _try_again(self, task: Task, error: ImgwireError) -> float | None:
        task.attempts += 1
        if task.attempts >= ATTEMPTS:
            self._fail(task, error)
            return None
        self.retries += 1
        return self._rng.uniform(0.0, min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** (task.attempts - 1)))

    def stored(self, task: Task, image: StoredImage, seconds: float) -> None:
        """Record that an item was stored, this many seconds after its first request."""
        if task.held:
            return
        self.health.answered()
        self.area = self.area or image.area
        task.attempts += 1
        state = State.READY if task.is_fetched else self._stored_state
        self._settle(task, *as_stored(task, image, state, self._journal.run, seconds))

    def _settle(self, task: Task, row: Row, outcome: Outcome) -> None:
        task.held = True
        self._writer.put(row, (outcome, task))

    def _fail(self, task: Task, error: ImgwireError) -> None:
        task.held = True
        row, failure = as_failed(task, error, self._journal.run)
        self._record_failure(row, failure, task)

    def _record_failure(self, row: Row, failure: Failed, task: Task | None) -> None:
        self._writer.put(None if self._options.dry_run else row, (failure, task))
        self._failures += 1
        limit = self._options.max_failures
        if limit is not None and self._failures > limit:
            self.stop_early("failures", f"{self._failures} items have failed", failure.error)

    async def _deliver(self, results: list[tuple[Outcome, Task | None]]) -> None:
        """Deliver outcomes that are recorded."""
        await self._outcomes.put([outcome for outcome, _ in results])
        for outcome, task in results:
            if task is None:
                continue
            self._surveyor.active.pop(task.key, None)
            self.waiting.pop(task.key, None)
            self._note_resume(moved=self._mark.end(task.key, failed=isinstance(outcome, Failed)))
            self._equals.end(task, outcome, self._stored_state, again=not self.stopping)
            self._end_one()
