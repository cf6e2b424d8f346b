"""Sources that declare an item as not to be stored, and keep notes in the journal."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

from imgwire_async import AsyncImgwireClient, IngestItem, Skipped, SkipReason
from imgwire_async.ingest.items import Entry
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.ingest.journal.rows import State
from imgwire_async.ingest.sources.source import Batch
from tests.ingest.support import counts, ingest, small_image


class Listing:
    """Three items, some of which are declared as not to be stored."""

    identity = "a listing"

    def __init__(self, *skipped: str, note: str | None = None) -> None:
        self._skipped = skipped
        self._note = note

    async def batches(self, resume: str | None) -> AsyncGenerator[Batch, None]:  # noqa: ARG002
        entries = [
            Entry(
                key,
                IngestItem(small_image(number), key),
                skip="a video" if key in self._skipped else None,
                note=self._note,
            )
            for number, key in enumerate(["a", "b", "c", "c"])
        ]
        yield Batch(entries)


async def test_an_item_declared_as_not_storable_is_skipped_and_recorded(
    client: AsyncImgwireClient, tmp_path: Path
) -> None:
    outcomes, report = await ingest(client, Listing("b", "c"), journal=tmp_path / "j")
    assert counts(report) == (1, 0, 3, 0)
    assert [(one.key, one.reason, one.detail) for one in outcomes if isinstance(one, Skipped)] == [
        ("c", SkipReason.NAMED_TWICE, None),
        ("b", SkipReason.UNSUPPORTED_TYPE, "a video"),
        ("c", SkipReason.UNSUPPORTED_TYPE, "a video"),
    ]
    with Journal(tmp_path / "j") as journal:
        assert {row.key: row.error for row in journal.rows(State.SKIPPED)} == {"b": "a video", "c": "a video"}

    _, report = await ingest(client, Listing("c"), journal=tmp_path / "j")
    assert counts(report) == (1, 1, 2, 0)
    # An item that was stored once stays recorded as stored.
    _, report = await ingest(client, Listing("a", "c"), journal=tmp_path / "j")
    assert counts(report) == (0, 1, 3, 0)
    with Journal(tmp_path / "j") as journal:
        assert journal.count() == {State.STORED: 2, State.SKIPPED: 1}


async def test_a_dry_run_records_nothing(client: AsyncImgwireClient, tmp_path: Path) -> None:
    await ingest(client, Listing("b"), journal=tmp_path / "j")
    _, report = await ingest(client, Listing("b", "c", note="x"), journal=tmp_path / "j", dry_run=True)
    assert report.skipped_by_reason[SkipReason.UNSUPPORTED_TYPE] == 2
    with Journal(tmp_path / "j") as journal:
        assert journal.count() == {State.STORED: 2, State.SKIPPED: 1}
        assert {row.note for row in journal.rows(State.STORED)} == {None}


async def test_the_journal_keeps_the_latest_note_about_an_item(
    client: AsyncImgwireClient, tmp_path: Path
) -> None:
    for note in ("first", "second"):
        await ingest(client, Listing("b", note=note), journal=tmp_path / "j")
        with Journal(tmp_path / "j") as journal:
            assert {row.note for row in journal.rows(State.STORED, State.SKIPPED)} == {note}
