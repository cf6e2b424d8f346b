"""Deciding what to do with an item before reading it; most items of a resumed job end here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from imgwire_async.errors import ImgwireError, InvalidArgumentError, UploadSourceError
from imgwire_async.ingest.items import Entry, IngestItem, Stamp, location, source_text, storable
from imgwire_async.ingest.journal.rows import DONE, Row, State
from imgwire_async.ingest.options import OnChange
from imgwire_async.ingest.parameters import Parameters
from imgwire_async.ingest.results.outcomes import AlreadyStored, Changed, Failed, Outcome, Skipped, SkipReason
from imgwire_async.ingest.shards.preparing import Task, manifest_row, stamp_of

_PASSED_OVER: Final[Mapping[OnChange, frozenset[Changed | None]]] = {
    "upload": frozenset({None, "parameters"}),
    "recreate": frozenset({None}),
    "skip": frozenset({None, "parameters", "content"}),
}
"""Changes that leave a stored item unchanged."""
_TOLD_BY_SOURCE: Final = frozenset({SkipReason.UNSUPPORTED_TYPE, SkipReason.NO_ORIGINAL})
"""Why the source reported that there is nothing to store; the next run may differ."""


@dataclass(frozen=True, slots=True)
class Surveyed:
    """The result of surveying a batch of entries."""

    settled: list[Outcome]
    """Items that need no work and no row in the journal."""
    failed: list[tuple[Row, Failed]]
    tasks: list[Task]
    skipped: list[tuple[Row, Skipped]] = field(default_factory=list)
    """Items that need no work but a new row in the journal."""
    renoted: list[Row] = field(default_factory=list)
    """Rows of settled items for which the source has a different note."""


class Known(Protocol):
    """The results of earlier runs."""

    @property
    def run(self) -> int:
        """Number of the current run."""

    def find(self, keys: Sequence[str]) -> dict[str, Row]:
        """The rows of these keys; keys without a row are omitted."""


class Surveyor:
    """Compares the entries of the source with the journal. Used by one thread at a time.

    Args:
        journal: the results of earlier runs.
        parameters: the parameters of created images, apart from their content.
        on_change: what to do with stored items that have changed.
        wait_ready: whether stored items still have to be confirmed.
        dry_run: whether the job sends nothing.
    """

    def __init__(
        self,
        journal: Known,
        parameters: Parameters,
        *,
        on_change: OnChange,
        wait_ready: bool,
        dry_run: bool,
    ) -> None:
        self._journal = journal
        self._parameters = parameters
        self._passed_over = _PASSED_OVER[on_change]
        self._wait_ready = wait_ready
        self._dry_run = dry_run
        self._ordinal = 0
        self.active: dict[str, str] = {}
        """Sources of the items in progress, by key: they may not be in the journal yet."""

    def survey(self, entries: Sequence[Entry]) -> Surveyed:
        """Sort a batch of entries. Blocks.

        Raises:
            JournalError: the journal cannot be read.
        """
        result = Surveyed([], [], [])
        # The order matters: items that leave `active` in between are in the journal.
        active = {entry.key: self.active[entry.key] for entry in entries if entry.key in self.active}
        known = self._journal.find([entry.key for entry in entries])
        for entry in entries:
            self._ordinal += 1
            self._look(entry, known.get(entry.key), active, result)
        return result

    def _look(self, entry: Entry, row: Row | None, active: dict[str, str], result: Surveyed) -> None:
        item, key = entry.item, entry.key
        if item is None or entry.problem is not None:
            assert entry.problem is not None  # noqa: S101 - an entry without an item has one
            self._fail(self._name(key, row, active, result), item, entry.problem, result, entry.note)
            return
        earlier = active.get(key)
        if earlier is None and row is not None and row.run == self._journal.run:
            earlier = row.source
        if earlier is not None:
            self._named_twice(entry, earlier, result)
            return
        if entry.skip is not None:
            active[key] = location(item)
            self._skip(entry, row, result)
            return
        try:
            stamp = entry.stamp or stamp_of(item)
            digest = self._parameters.digest(item)
        except (UploadSourceError, InvalidArgumentError) as error:
            self._fail(key, item, error, result, entry.note)
            return
        confirm = False
        if row is not None and row.state in DONE and row.error_type not in _TOLD_BY_SOURCE:
            changed = _changed(entry, item, stamp, digest, row)
            if row.note != entry.note:
                result.renoted.append(replace(row, note=entry.note))
            if row.state == State.SKIPPED:
                if changed != "content":
                    result.settled.append(Skipped(key=key, item=item, reason=SkipReason.NO_IMAGE))
                    return
            elif changed in self._passed_over:
                if row.state == State.READY or not self._wait_ready or self._dry_run:
                    result.settled.append(already_stored(key, item, row, changed))
                    return
                confirm = True
        task = Task(
            *(key, item, stamp, entry.from_folder, row, digest, confirm),
            note=entry.note,
            options=entry.options,
            location=location(item),
        )
        if self._dry_run:
            result.settled.append(Skipped(key=key, item=item, reason=SkipReason.DRY_RUN, size=task.size))
            return
        self.active[key] = active[key] = task.location
        result.tasks.append(task)

    def _skip(self, entry: Entry, row: Row | None, result: Surveyed) -> None:
        """Skip an item for which the source reports that there is nothing to store."""
        assert entry.item is not None  # noqa: S101 - the caller has looked
        reason = SkipReason(entry.skip_reason)
        size = 0 if entry.stamp is None else entry.stamp.size
        outcome = Skipped(key=entry.key, item=entry.item, reason=reason, size=size, detail=entry.skip)
        skipped = Row(
            entry.key,
            location(entry.item),
            State.SKIPPED,
            self._journal.run,
            error_type=reason,
            error=entry.skip,
            note=entry.note,
        )
        if row is not None and row.state in {State.STORED, State.READY}:
            # An item that used to be an image is still stored.
            result.settled.append(outcome)
        else:
            result.skipped.append((skipped, outcome))

    def _named_twice(self, entry: Entry, earlier: str, result: Surveyed) -> None:
        assert entry.item is not None  # noqa: S101 - the caller has looked
        source = location(entry.item)
        if source == earlier:
            result.settled.append(Skipped(key=entry.key, item=entry.item, reason=SkipReason.NAMED_TWICE))
            return
        problem = InvalidArgumentError(
            f"the key {entry.key!r} stands for both {earlier!r} and {source!r}; keys must be unique",
            operation="ingest",
        )
        self._fail(f"{entry.key} (item {self._ordinal})", entry.item, problem, result)

    def _name(self, key: str, row: Row | None, active: dict[str, str], result: Surveyed) -> str:
        """The key of an entry with a problem: it must not replace the row of a usable item."""
        if not key:
            return f"item {self._ordinal}"
        known = row is not None and (row.run == self._journal.run or row.state in DONE)
        if known or key in active or any(failed.key == key for failed, _ in result.failed):
            return f"{key} (item {self._ordinal})"
        return key

    def _fail(
        self,
        key: str,
        item: IngestItem | None,
        error: ImgwireError,
        result: Surveyed,
        note: str | None = None,
    ) -> None:
        failure = Failed(key=key, item=item, error=error)
        row = Row(key, "" if item is None else location(item), "", 0, note=note)
        result.failed.append((failed_row(row, failure, self._journal.run), failure))


def _changed(
    entry: Entry, item: IngestItem, stamp: Stamp | None, parameters: bytes | None, row: Row
) -> Changed | None:
    """What has changed since the item was stored, as far as is known without reading a file."""
    if stamp is None:
        same = row.source == source_text(item)
    elif isinstance(item.source, bytes):
        same = row.sha256 == hashlib.sha256(item.source).digest()
    else:
        same = (row.size, row.version) == (stamp.size, stamp.version)
        # In a folder the key is the path. Journals of earlier versions store paths as they were passed.
        same = same and (entry.from_folder or row.source in {location(item), source_text(item)})
    if not same:
        return "content"
    return None if row.parameters == parameters else "parameters"


def already_stored(
    key: str, item: IngestItem, row: Row, changed: Changed | None, same_content_as: str | None = None
) -> AlreadyStored:
    """The outcome of an item whose image is recorded in `row`."""
    return AlreadyStored(
        key=key,
        item=item,
        image_id=row.image_id or "",
        cdn_url=row.cdn_url or "",
        same_content_as=same_content_as,
        changed=changed,
    )


def failed_row(row: Row, failure: Failed, run: int) -> Row:
    """A copy of `row` for a failed item, with everything that a retry needs."""
    row.state, row.run = State.FAILED, run
    row.error_type, row.error = type(failure.error).__name__, storable(str(failure.error)[:1000])
    row.item = None if failure.item is None else manifest_row(failure.key, failure.item)
    return row
