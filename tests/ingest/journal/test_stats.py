"""The progress of a job, read from its journal without reading its rows."""

from __future__ import annotations

import pickle
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgwire_async import AsyncImgwireClient, JournalError
from imgwire_async.ingest.items import idempotency_key
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.ingest.journal.history import LAST_FAILURES
from imgwire_async.ingest.journal.migrations import FORMAT
from imgwire_async.ingest.journal.rows import Row, State
from imgwire_async.ingest.journal.stats import FailedItem, Throughput, journal_stats, read_stats
from tests.ingest.journal.earlier_journals import write_format_4
from tests.ingest.support import folder_of, ingest

CHANGES = st.tuples(st.sampled_from("abcdef"), st.sampled_from(State), st.none() | st.integers(0, 9))


@settings(max_examples=20)
@given(st.lists(st.lists(CHANGES, max_size=6), max_size=6))
def test_the_counts_are_always_those_of_the_rows(
    tmp_path_factory: pytest.TempPathFactory, writes: list[list[tuple[str, State, int | None]]]
) -> None:
    path = tmp_path_factory.mktemp("journal") / "j"
    with Journal(path) as journal:
        for changes in writes:
            journal.write([Row(key, key, state, 1, size) for key, state, size in changes])
            stats = journal_stats(path)
            rows = list(journal.rows(*State))
            assert +Counter(stats.counts) == Counter(row.state for row in rows)
            assert stats.items == len(rows)
            for state in State:
                assert stats.bytes[state] == sum(row.size or 0 for row in rows if row.state == state)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:  # another program changes the rows
        other.execute("DELETE FROM compact_items WHERE name < 'c'")
        scanned = other.execute("SELECT state, count(*) FROM items GROUP BY state").fetchall()
    assert {str(state): items for state, items in journal_stats(path).counts.items() if items} == dict(
        scanned
    )


def test_the_counts_take_no_longer_for_many_items_than_for_few(tmp_path: Path) -> None:
    steps = []
    # One slot of the throughput: at the next multiple of ten seconds there would be one more row to read.
    with Journal(tmp_path / "j", wall_clock=lambda: 1_800_000_000.0) as journal:
        for items in (100, 3000):
            journal.write([Row(f"{n}", f"{n}", State.STORED, 1) for n in range(items)])
            done = 0

            def step() -> int:
                nonlocal done
                done += 1
                return 0

            with closing(sqlite3.connect(tmp_path / "j", isolation_level=None)) as reader:
                reader.set_progress_handler(step, 1)
                assert read_stats(reader).items == items
            steps.append(done)
    assert steps[0] == steps[1] > 0


def test_throughput_and_the_last_failures_are_kept_by_time(tmp_path: Path) -> None:
    now = 1_800_000_003.0
    with Journal(tmp_path / "j", wall_clock=lambda: now) as journal:
        journal.begin_run()
        journal.write([Row("a", "a", State.KEYED, 1, 5), Row("of an earlier run", "b", State.STORED, 0, 5)])
        journal.write([Row("a", "a", State.STORED, 1, 5), Row("b", "b", State.SKIPPED, 1)])
        journal.write([Row("c", "c", State.FAILED, 1, error_type="E", error="why", attempts=2)])
        now += 25
        journal.write([Row("d", "d", State.READY, 1, 7), Row("e", "e", State.FAILED, 1, error_type="F")])
    stats = journal_stats(tmp_path / "j")
    assert stats.throughput == (
        Throughput(started=1_800_000_000, seconds=10, stored=1, skipped=1, failed=1, bytes=5),
        Throughput(started=1_800_000_020, seconds=10, stored=1, skipped=0, failed=1, bytes=7),
    )
    assert stats.failures == (
        FailedItem(key="e", error_type="F", error=None, attempts=0, at=1_800_000_028.0),
        FailedItem(key="c", error_type="E", error="why", attempts=2, at=1_800_000_003.0),
    )


def test_an_item_that_is_stored_after_all_is_no_longer_among_the_failures(tmp_path: Path) -> None:
    failed = [Row(f"x/{n:03}", f"x/{n:03}", State.FAILED, 1) for n in range(LAST_FAILURES + 5)]
    with Journal(tmp_path / "j") as journal:
        journal.write(failed)
        journal.write([failed[-1]])
        journal.write([replace(failed[-2], state=State.STORED)])
    keys = [item.key for item in journal_stats(tmp_path / "j").failures]
    assert keys == [row.key for row in [failed[-1], *reversed(failed[6:-2])]]


async def test_a_job_can_be_inspected_while_it_runs_and_afterwards(
    client: AsyncImgwireClient, tmp_path: Path
) -> None:
    photos = folder_of(tmp_path / "photos", 3)
    async with client.ingest(photos, journal=tmp_path / "j", concurrency=1) as job:
        await anext(job)
        assert journal_stats(tmp_path / "j").counts[State.STORED] >= 1
    await ingest(client, photos, journal=tmp_path / "j")
    stats = journal_stats(tmp_path / "j")
    assert stats.counts[State.STORED] == stats.items == sum(slot.stored for slot in stats.throughput) == 3
    assert stats.bytes[State.STORED] == sum(photo.stat().st_size for photo in photos.iterdir())
    assert (stats.runs, stats.source) == (2, str(photos.resolve()))
    assert not (tmp_path / "j-wal").exists()


def test_a_journal_of_an_earlier_format_is_read_and_left_unchanged(tmp_path: Path) -> None:
    write_format_4(
        tmp_path / "j",
        [
            Row("a", "a", State.STORED, 1, 5),
            Row("b", "b", State.FAILED, 1, error_type="E", error="why", attempts=1),
        ],
    )
    before = (tmp_path / "j").read_bytes()
    stats = journal_stats(tmp_path / "j")
    assert (stats.job, stats.items, stats.counts[State.STORED], stats.bytes[State.STORED]) == (
        "spring",
        2,
        1,
        5,
    )
    assert stats.failures == (FailedItem(key="b", error_type="E", error="why", attempts=1, at=None),)
    assert stats.throughput == ()
    assert (tmp_path / "j").read_bytes() == before
    Journal(tmp_path / "j").close()
    assert journal_stats(tmp_path / "j").failures == stats.failures


def test_a_file_that_is_not_a_current_journal_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no journal at"):
        journal_stats(tmp_path / "missing")
    assert not (tmp_path / "missing").exists()
    (tmp_path / "text").write_text("a letter to somebody")
    with pytest.raises(JournalError, match="is not a journal"):
        journal_stats(tmp_path / "text")
    with closing(sqlite3.connect(tmp_path / "other")) as other:
        other.execute("CREATE TABLE items (x)")
    with pytest.raises(JournalError, match="another program"):
        journal_stats(tmp_path / "other")
    with Journal(tmp_path / "j") as journal:
        journal._writer.execute(f"PRAGMA user_version={FORMAT + 1}")
    with pytest.raises(JournalError, match="upgrade this library"):
        journal_stats(tmp_path / "j")


def test_a_lazily_derived_key_travels_to_other_processes(tmp_path: Path) -> None:
    url = "https://images.example.com/a.jpg"
    with Journal(tmp_path / "j", job="spring") as journal:
        key = idempotency_key("spring", url, url.encode())
        journal.write([Row(url, url, State.KEYED, 1, idempotency_key=key)])
        row = pickle.loads(pickle.dumps(journal.find([url])[url]))
    assert row.idempotency_key == key
    assert replace(row, run=2).idempotency_key == key
