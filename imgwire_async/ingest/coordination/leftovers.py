"""What a job that ended early has not got to: its list of failures would otherwise lose those items."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from imgwire_async.errors import ImgwireError
from imgwire_async.ingest.coordination.survey import Surveyor
from imgwire_async.ingest.items import Entry, IngestItem
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
    """The journal as the next run will find it."""

    journal: Journal

    @property
    def run(self) -> int:
        run: int = self.journal.run
        return run + 1

    def find(self, keys: Sequence[str]) -> dict[str, Row]:
        return self.journal.find(keys)


def failures(journal: Journal) -> Iterator[str]:
    """The failed items as lines of a manifest. Columns that begin with `_` tell what went wrong."""
    for row in journal.rows(State.FAILED):
        yield _line(json.loads(row.item) if row.item else {"key": row.key}, row)


def not_tried(
    source: IngestSource,
    own: OwnFiles,
    journal: Journal,
    options: IngestOptions,
    drawn: Collection[tuple[str, IngestItem]],
) -> Iterator[str]:
    """What the next run would send besides the failed items, as lines of a manifest.

    Args:
        source: of the job; looked at again where that is possible.
        own: what jobs have written into it.
        journal: of the job.
        options: of the job.
        drawn: items that were drawn and have no outcome, for a source that cannot be looked at again here.
    """
    entries = _again(source, own)
    if entries is None:
        entries = (Entry(key, item) for key, item in drawn)
    surveyor = Surveyor(
        _AsNextRunFinds(journal),
        Parameters(options.purpose, options.custom_metadata),
        on_change=options.on_change,
        wait_ready=options.wait_ready,
        dry_run=True,
    )
    while batch := _drawn(entries):
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


def _again(source: IngestSource, own: OwnFiles) -> Iterator[Entry] | None:
    """The entries of a source from the beginning; None for one that gives them only once."""
    name: object = getattr(source, "path", source)
    if isinstance(source, Entries | Bucket) or (
        isinstance(name, str) and is_object(name) and not is_manifest(name)
    ):
        return None  # what a service lists is not listed once more for this
    if name == "-" or (hasattr(source, "__iter__") and not isinstance(source, Collection | str)):
        return None
    try:
        entries = entries_of(source, own)
    except ImgwireError:
        return iter(())  # it has gone, which the job has told
    return entries if isinstance(entries, Iterator) else None


def _drawn(entries: Iterator[Entry]) -> list[Entry]:
    batch: list[Entry] = []
    try:
        batch.extend(islice(entries, _BATCH))
    except ImgwireError:
        return batch  # the source is damaged from here on, which the job has told
    return batch
