"""The items that a job has not reached if it ended early, so that its list of failures includes them.

Files are read again from the beginning. Listings of a service or store continue from the last page that the
job has drawn, one page at a time. Any other source yields its items only once.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import anyio
from anyio import from_thread

from imgwire_async.core.concurrency.tasks import Handover
from imgwire_async.errors import ImgwireError, UnexpectedCancellationError
from imgwire_async.ingest.coordination.survey import Surveyor
from imgwire_async.ingest.items import Entry, IngestItem, storable
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.ingest.journal.rows import Row, State
from imgwire_async.ingest.options import IngestOptions
from imgwire_async.ingest.parameters import Parameters
from imgwire_async.ingest.results.outcomes import Skipped, SkipReason
from imgwire_async.ingest.shards.preparing import manifest_row
from imgwire_async.ingest.sources.buckets import Bucket
from imgwire_async.ingest.sources.entries import IngestSource, entries_of, is_manifest
from imgwire_async.ingest.sources.own_files import OwnFiles
from imgwire_async.ingest.sources.source import Entries
from imgwire_async.stores.uris import is_object

_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class _AsNextRunFinds:
    """The journal as the next run will see it."""

    journal: Journal

    @property
    def run(self) -> int:
        run: int = self.journal.run
        return run + 1

    def find(self, keys: Sequence[str]) -> dict[str, Row]:
        return self.journal.find(keys)


def failures(journal: Journal) -> Iterator[str]:
    """The failed items as lines of a manifest. Columns that start with `_` describe the errors."""
    for row in journal.rows(State.FAILED):
        yield _line(json.loads(row.item) if row.item else {"key": row.key}, row)


class Rest:
    """The rest of the source of a job that has ended early.

    Args:
        source: of the job.
        own: the files that jobs have written into it.
        entries: the source as it was opened.
        drawn: items that were drawn and have no outcome yet, by key.
        hint: where to continue listing, see `Entries.batches`.
        last_key: key of the last item drawn.
        all_drawn: whether `drawn` is all that is left.
    """

    def __init__(
        self,
        source: IngestSource,
        own: OwnFiles,
        entries: Entries,
        drawn: Mapping[str, IngestItem],
        *,
        hint: str | None,
        last_key: str | None,
        all_drawn: bool,
    ) -> None:
        self._source = source
        self._own = own
        self._entries = entries
        self._drawn = dict(drawn)
        self._hint = hint
        self._last_key = last_key
        self._all_drawn = all_drawn
        self._listed = Handover[list[Entry]](1)
        self._problem: str | None = None
        self._ended = False

    @property
    def is_listed(self) -> bool:
        """Whether `list_on` has to run while `entries` is iterated."""
        return not self._all_drawn and _is_listed(self._source)

    @property
    def missing(self) -> str | None:
        """Where `entries` stopped short of the end of the source, and why; None if it is complete."""
        if self._problem is None:
            return None
        where = "it is empty" if self._last_key is None else f"it ends after {self._last_key!r}"
        return f"{where}: {self._problem}"

    async def list_on(self) -> None:
        """List the items that were not drawn, as fast as they are consumed."""
        try:
            async with aclosing(self._entries.batches(self._hint)) as batches:
                async for batch in batches:
                    await self._listed.put(batch.entries)
        except Exception as error:  # noqa: BLE001 - as where the job draws
            self._problem = _in_one_line(error)
        self._ended = True

    def end(self) -> None:
        """End `entries`: no more items will come."""
        self._listed.end()

    def entries(self) -> Iterator[Entry]:
        """All items that may not have been tried. Call it in a worker thread."""
        again = None if self.is_listed or self._all_drawn else self._again()
        if again is not None:
            yield from self._until_damaged(again)
            return
        yield from (Entry(key, item) for key, item in self._drawn.items())
        if self.is_listed:
            while (batch := from_thread.run(self._take)) is not None:
                for entry in batch:
                    self._last_key = entry.key
                    if entry.key not in self._drawn:
                        yield entry
        elif not self._all_drawn:
            self._problem = "the source yields its items only once"

    async def _take(self) -> list[Entry] | None:
        try:
            return await self._listed.take()
        except anyio.EndOfStream:
            if not self._ended:
                raise UnexpectedCancellationError("the listing of the source was cancelled") from None
            return None

    def _again(self) -> Iterator[Entry] | None:
        """The entries of the source from the beginning; None if the source yields them only once."""
        source = self._source
        name: object = getattr(source, "path", source)
        is_iterable = hasattr(source, "__iter__") and not isinstance(source, Collection | str)
        if isinstance(source, Entries) or name == "-" or is_iterable:
            return None
        try:
            entries = entries_of(source, self._own)
        except ImgwireError as error:  # the source no longer exists
            self._problem = _in_one_line(error)
            return iter(())
        return entries if isinstance(entries, Iterator) else None

    def _until_damaged(self, entries: Iterator[Entry]) -> Iterator[Entry]:
        self._last_key = None
        try:
            for entry in entries:
                self._last_key = entry.key
                yield entry
        except ImgwireError as error:
            self._problem = _in_one_line(error)


def not_tried(rest: Rest, journal: Journal, options: IngestOptions) -> Iterator[str]:
    """The items that the next run would send in addition to the failed ones, as lines of a manifest.

    Args:
        rest: the rest of the source.
        journal: of the job.
        options: of the job.
    """
    entries = rest.entries()
    surveyor = Surveyor(
        _AsNextRunFinds(journal),
        Parameters(options.purpose, options.custom_metadata),
        on_change=options.on_change,
        wait_ready=options.wait_ready,
        dry_run=True,
    )
    while batch := list(islice(entries, _BATCH)):
        surveyed = surveyor.survey(batch)
        keys = [outcome.key for outcome in surveyed.settled] + [row.key for row, _ in surveyed.failed]
        told = {key for key, row in journal.find(keys).items() if row.state == State.FAILED}
        for outcome in surveyed.settled:
            wanted = isinstance(outcome, Skipped) and outcome.reason is SkipReason.DRY_RUN
            if wanted and outcome.key not in told and outcome.item is not None:
                line = json.loads(manifest_row(outcome.key, outcome.item))
                yield _line(line, Row(outcome.key, "", "not_tried", 0))
        for row, _ in surveyed.failed:
            if row.key not in told:
                yield _line(json.loads(row.item) if row.item else {"key": row.key}, row)


def _line(line: Mapping[str, Any], row: Row) -> str:
    about = {
        "_status": row.state,
        "_code": row.error_type,
        "_message": row.error,
        "_attempts": row.attempts,
        "_image_id": row.image_id,
        "_key": row.idempotency_key,
    }
    return json.dumps({**line, **about})


def _is_listed(source: IngestSource) -> bool:
    """Whether a service or store lists the source."""
    if isinstance(source, Entries | Bucket):
        return True
    name: object = getattr(source, "path", source)
    return isinstance(name, str) and is_object(name) and not is_manifest(name)


def _in_one_line(error: Exception) -> str:
    """The message of an error on one line."""
    message = error.message if isinstance(error, ImgwireError) else str(error)
    return " ".join(storable(message or type(error).__name__).split())
