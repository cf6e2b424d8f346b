"""The public interface of a bulk job."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import replace
from functools import partial
from importlib import import_module
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Generic, Self

import anyio
from anyio import to_thread

from imgwire_async.core.call import Core
from imgwire_async.core.concurrency.tasks import Background, Handover
from imgwire_async.core.concurrency.threads import ExclusiveThread, in_thread
from imgwire_async.core.late_module import LateModule
from imgwire_async.core.pace.local_limits import said
from imgwire_async.errors import JournalError
from imgwire_async.ingest.items import check_job_name, storable
from imgwire_async.ingest.options import IngestOptions
from imgwire_async.ingest.sink import RecordT, Sink, SinkAddress
from imgwire_async.stores.uris import is_object

_PARTS: Final = "imgwire_async.ingest.parts"

if TYPE_CHECKING:
    from imgwire_async.ingest import parts
    from imgwire_async.ingest.coordination.coordinator import Coordinator
    from imgwire_async.ingest.coordination.leftovers import Rest
    from imgwire_async.ingest.journal.binding import Binding
    from imgwire_async.ingest.journal.database import Journal
    from imgwire_async.ingest.results.outcomes import Outcome
    from imgwire_async.ingest.results.outputs import Taken
    from imgwire_async.ingest.results.report import Progress, Report, Tally
    from imgwire_async.ingest.run import Run
    from imgwire_async.ingest.runners.ray_link import RayCluster
    from imgwire_async.ingest.runners.ray_runner import RayRunner
    from imgwire_async.ingest.runners.runner import Runner
    from imgwire_async.ingest.sources.entries import IngestSource
    from imgwire_async.ingest.sources.own_files import OwnFiles
    from imgwire_async.ingest.sources.source import Entries
else:
    parts = LateModule(_PARTS)

_QUEUED: int = 2  # lists of outcomes waiting for the consumer


class IngestJob(Generic[RecordT]):
    """A bulk job: an async context manager, and an async iterator of outcomes as they arrive.

    An outcome is delivered once it is in the journal. A slow consumer slows the job down, so memory stays
    bounded. Leaving the block early cancels requests in flight; the next run resumes there. Several tasks may
    share the iterator; each outcome is delivered once.
    """

    def __init__(
        self,
        core: Core,
        sink: SinkAddress,
        source: IngestSource,
        *,
        journal: str | bytes | os.PathLike[str] | os.PathLike[bytes] | None,
        job: str | None,
        options: IngestOptions,
        runner: RayRunner | None = None,
        shared_paths: bool = False,
    ) -> None:
        if job is not None:
            check_job_name(job)
        self._core = core
        self._sink = sink
        self._source = source
        self._journal_path = journal
        self._job_name = job
        self._options = options
        self._ray_runner = None if options.dry_run else runner
        self._shared_paths = shared_paths
        self._cluster: RayCluster | None = None
        self._taken: deque[Outcome] = deque()
        self._taken_at = 0.0
        self._background: Background | None = None
        self._tally: Tally
        self._own_files: OwnFiles
        self._opening = ExclusiveThread()
        self._unlisted: str | None = None
        self._entries: Entries
        self._journal: Journal
        self._runner: Runner
        self._coordinator: Coordinator
        self._outcomes: Handover[list[Outcome]]
        self._run: Run

    async def __aenter__(self) -> Self:
        if self._background is not None:
            raise RuntimeError("this job has already started; call ingest again to resume from its journal")
        await in_thread(partial(import_module, _PARTS), abandon_on_cancel=True)
        self._tally, self._own_files = parts.Tally(self._core.shared.rng), parts.OwnFiles()
        entries = await to_thread.run_sync(
            parts.open_source, self._source, self._own_files, self._core.shared.time
        )
        async with AsyncExitStack() as unless_started:
            # When asyncio cancels this task, a thread keeps opening the journal or joining the cluster, and
            # nothing else would close the one or leave the other.
            opened = ExitStack()
            unless_started.push_async_callback(self._opening.end, opened.close)
            self._journal = await self._opening.run(lambda: opened.enter_context(self._open_journal()))
            if self._ray_runner is not None:
                self._cluster = await self._joined(self._ray_runner, opened)
            self._runner = self._new_runner()
            binding = await self._begin_run(entries)
            self._entries = entries
            self._outcomes = Handover(_QUEUED)
            self._coordinator = parts.Coordinator(
                self._journal,
                entries,
                self._runner,
                self._core.shared,
                self._options,
                self._outcomes,
                shard_bytes=parts.SHARD_BYTES if self._cluster is None else parts.CLUSTER_SHARD_BYTES,
            )
            self._run = parts.Run(
                self._coordinator,
                self._runner,
                self._journal,
                self._outcomes,
                self._core.shared.time,
                binding,
                self._at_end(),
                self._cluster,
            )
            self._background = Background(self._run.work, at_end=self._outcomes.end)
            unless_started.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._background is not None  # noqa: S101 - it was entered
        await self._background.leave(error)

    def __aiter__(self) -> Self:
        if self._background is None:
            raise RuntimeError("write 'async with client.ingest(...) as job', then iterate over job")
        return self

    async def __anext__(self) -> Outcome[RecordT]:
        assert self._background is not None  # noqa: S101 - it was entered
        while not self._taken:
            try:
                self._taken.extend(await self._outcomes.take())
                self._taken_at = self._seconds
            except anyio.EndOfStream:
                if not self._run.finished:
                    self._background.check()
                if self._coordinator.failure is not None:
                    raise self._coordinator.failure from self._coordinator.failure.__cause__
                raise StopAsyncIteration from None
        outcome = self._taken.popleft()
        self._tally.count(outcome, self._taken_at)
        return outcome

    @property
    def progress(self) -> Progress:
        """Where the job is now."""
        coordinator, tally = self._coordinator, self._tally
        return parts.Progress(
            found=coordinator.found,
            all_found=coordinator.all_found,
            stored=tally.stored,
            already_stored=tally.already_stored,
            skipped=tally.skipped,
            failed=tally.failed,
            bytes_sent=tally.bytes_sent,
            in_flight=coordinator.in_flight,
            retries=coordinator.retries,
            throttled=coordinator.throttled,
            seconds=self._seconds,
            paused=coordinator.paused,
        )

    @property
    def report(self) -> Report:
        """The report of this run so far, counting the outcomes delivered."""
        progress, tally, failure = self.progress, self._tally, self._coordinator.failure
        stopped = None if failure is None else str(failure)
        if stopped is None and self._coordinator.stopping and not self._finished:
            stopped = "it was cancelled"
        seconds = max(progress.seconds, 1e-9)
        return parts.Report(
            job=self._journal.job,
            journal="" if self._journal_path is None else parts.shown(Path(os.fsdecode(self._journal_path))),
            stopped=None if stopped is None else storable(stopped),
            dry_run=self._options.dry_run,
            found=progress.found,
            stored=tally.stored,
            already_stored=tally.already_stored,
            changed=tally.changed,
            skipped=tally.skipped,
            failed=tally.failed,
            skipped_by_reason={str(reason): count for reason, count in tally.reasons.items()},
            bytes_sent=tally.bytes_sent,
            planned_bytes=tally.planned_bytes,
            seconds=round(progress.seconds, 3),
            items_per_second=round(tally.stored / seconds, 2),
            bytes_per_second=round(tally.bytes_sent / seconds, 1),
            retries=progress.retries,
            throttled=progress.throttled,
            item_seconds=tally.percentiles(),
            unlisted=self._unlisted,
            failures=tally.failures(),
            limits=said(),
            timeline=tally.timeline.intervals(progress.seconds),
        )

    def cancel(self) -> None:
        """Stop early: start no further items, finish those in flight, and end the iteration.

        Running the same job again resumes it.
        """
        self._coordinator.stop()

    async def write_images(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> int:
        """Write key, image id and CDN URL of every item recorded as stored in the journal, from all its runs.

        Args:
            path: CSV, JSON Lines or (extra `parquet`) Parquet, by its extension; a file, or an object such as
                `s3://bucket/images.csv` (extra `cloud`). It appears only when it is complete.
            overwrite: whether to replace an existing object. An existing file is always replaced, atomically.

        Returns:
            The number of items.

        Raises:
            InvalidArgumentError: the extension is not supported, or the file is the source or the journal of
                the job.
            ConfigurationError: Parquet needs the `parquet` extra.
            OSError: the file cannot be written; an existing one is unchanged.
            StoreError: the object cannot be written, or exists.
        """
        written = await to_thread.run_sync(partial(self._write_images, path, overwrite=overwrite))
        await self._keep_output(path)
        return written

    async def write_failures(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> int:
        """Write a manifest (JSON Lines) of the items that are not stored, for another job.

        These are the items recorded as failed in the journal and, if the job stopped early, those not yet
        tried: for them, a source such as a bucket is listed to its end, and nothing is sent. For a source
        that can be read only once, such as a generator, they include only items that the job had already
        taken. Where the rest of a source cannot be listed, `report.unlisted` says from where on items are
        missing. Running the same job again retries all of them. Items made of bytes have no source in the
        manifest.

        Args:
            path: a .jsonl or .ndjson file or object. It appears only when it is complete.
            overwrite: whether to replace an existing object. An existing file is always replaced, atomically.

        Returns:
            The number of items.

        Raises:
            InvalidArgumentError: the extension is not supported, or the file is the source or the journal of
                the job.
            OSError: the file cannot be written; an existing one is unchanged.
            StoreError: the object cannot be written, or exists.
        """
        parts.extension_of(path, parts.LISTS)
        await to_thread.run_sync(parts.check_free, path, self._taken_files)
        rest = self._rest()
        write = partial(self._write_failures, path, rest, overwrite=overwrite)
        if rest is not None and rest.is_listed:
            async with Background(rest.list_on, at_end=rest.end):
                written = await to_thread.run_sync(write)
        else:
            written = await to_thread.run_sync(write)
        self._unlisted = None if rest is None else rest.missing
        await self._keep_output(path)
        return written

    def _rest(self) -> Rest | None:
        """What is left of the source; None if the job has got to its end, or was not to send anything."""
        if self._finished or self._options.dry_run:
            return None
        coordinator = self._coordinator
        return parts.Rest(
            self._source,
            self._own_files,
            self._entries,
            coordinator.waiting,
            hint=coordinator.drawn_to,
            last_key=coordinator.last_drawn,
            all_drawn=coordinator.all_found,
        )

    @property
    def _taken_files(self) -> Taken:
        source: object = getattr(self._source, "path", self._source)
        file = source if isinstance(source, str | os.PathLike) else None
        return parts.Taken(source=file, journal=None if self._journal_path is None else self._journal.path)

    def _write_images(self, path: str | os.PathLike[str], *, overwrite: bool) -> int:
        parts.extension_of(path, parts.TABLES)
        parts.check_free(path, self._taken_files)
        columns = ("key", "image_id", "cdn_url")
        rows = self._journal.rows(parts.State.STORED, parts.State.READY)
        table = ({name: getattr(row, name) for name in columns} for row in rows)
        return parts.write_table(path, columns, table, overwrite=overwrite)

    def _write_failures(self, path: str | os.PathLike[str], rest: Rest | None, *, overwrite: bool) -> int:
        lines = parts.failures(self._journal)
        if rest is not None:
            lines = chain(lines, parts.not_tried(rest, self._journal, self._options))
        return parts.write_text(path, lines, overwrite=overwrite)

    async def _keep_output(self, path: str | os.PathLike[str]) -> None:
        """Record the file in the journal, so that later runs do not take it for an item."""
        if not self._options.dry_run and not is_object(os.fsdecode(path)):
            with suppress(JournalError):  # only hints for later runs, such as the pace
                await to_thread.run_sync(self._journal.keep_output, os.fsdecode(path))

    @property
    def _finished(self) -> bool:
        return self._coordinator.all_found and self._tally_done == self._coordinator.found

    @property
    def _tally_done(self) -> int:
        tally = self._tally
        return tally.stored + tally.already_stored + tally.skipped + tally.failed

    @property
    def _seconds(self) -> float:
        return self._run.seconds

    def _new_runner(self) -> Runner:
        core, options, journal = self._core, self._options, self._journal
        if self._cluster is not None:
            parts.say_if_by_url(options.transfer)
            parts.say_if_slow(limit.rate for limit in core.shared.gate.rate_limits.values())
            carried = parts.Carried(shared_paths=self._shared_paths, relays_urls=self._sink.relays_urls)
            link = self._cluster.link
            return parts.WorkerPool(core, self._sink, journal.job, options, journal.pace, link, carried)
        if options.processes > 1:
            pipes = partial(parts.PipeLink, self._sink.secret_variables)
            return parts.WorkerPool(core, self._sink, journal.job, options, journal.pace, pipes)
        if options.concurrency == "auto":
            core = parts.with_pace_of_its_own(core, journal.pace)
        sender = parts.Sender(self._sink.open(core), options, core.shared.time)
        bounds = options.bounds(core.shared.gate.concurrency)
        return parts.Workbench(sender, journal.job, options, bounds, core.shared)

    def _at_end(self) -> Callable[[], Awaitable[None]]:
        """Called once nothing is in flight, however the run ends. Must not refer to the job."""
        return _nothing

    async def _joined(self, runner: RayRunner, opened: ExitStack) -> RayCluster:
        from imgwire_async.ingest.runners.ray_link import RayCluster

        parts.check_event_loop()
        cluster = RayCluster(runner, self._options.max_pause)
        opened.callback(cluster.leave)
        await self._opening.run(cluster.join)
        workers = await to_thread.run_sync(cluster.workers, self._options.most_processes)
        self._options = replace(self._options, processes=workers)
        return cluster

    def _open_journal(self) -> Journal:
        path = None if self._journal_path is None else parts.journal_path(self._journal_path)
        dry_run = self._options.dry_run
        if dry_run and path is not None and not path.exists():
            path = None  # nothing is made
        return parts.Journal(path, self._job_name, wall_clock=self._core.shared.time.time)

    async def _begin_run(self, entries: Entries) -> Binding | None:
        binding = None
        sink: Sink = self._sink.open(self._core)
        if not self._journal.is_temporary:
            self._own_files.add((os.fspath(self._journal.path), *self._journal.outputs))
            binding = await self._opening.run(
                partial(parts.bind, self._journal, sink.destination, entries.identity)
            )
            binding = await parts.check_key(self._journal, sink, self._core.credentials, binding)
            binding = await parts.check_source_key(self._journal, entries, binding)
        if self._options.dry_run:
            return None
        mark = None if binding is None else binding.to_json()
        await self._opening.run(partial(self._journal.begin_run, mark))
        if self._options.dedupe is not None:
            await self._opening.run(self._journal.index_content)
        return binding


async def _nothing() -> None:
    """Most jobs need no finalisation."""
