"""The journal: what it records, and which jobs and files it rejects."""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import replace
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from anyio import to_thread

from imgwire_async.core.time import RealTime
from imgwire_async.errors import JournalError
from imgwire_async.ingest.journal import compact
from imgwire_async.ingest.journal.binding import bind
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.ingest.journal.migrations import FORMAT
from imgwire_async.ingest.journal.rows import Row, State
from imgwire_async.ingest.journal.writer import MOST_UNDELIVERED, JournalWriter
from imgwire_async.ingest.sink import Destination
from tests.hangs import HANGS


@asynccontextmanager
async def running(writer: JournalWriter[str]) -> AsyncIterator[None]:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(writer.run)
        tasks.start_soon(writer.run_delivery)
        yield
        writer.end()


def row(key: str, state: State = State.STORED, sha256: bytes | None = None) -> Row:
    return Row(key, key, state, 1, size=1, version="2", sha256=sha256, image_id=f"id of {key}")


def test_rows_are_found_again_by_the_next_run(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.begin_run()
        journal.write([row(f"{n:05}") for n in range(1200)])
        job, run = journal.job, journal.run
    with Journal(tmp_path / "j") as journal:
        assert (journal.job, journal.run) == (job, run + 1)
        found = journal.find([f"{n:05}" for n in range(1300)])
        assert len(found) == 1200
        assert found["00007"] == row("00007")
        assert [found.key for found in journal.rows(State.STORED)] == [f"{n:05}" for n in range(1200)]
        assert journal.count() == {"stored": 1200}


@pytest.mark.parametrize("count", [1, 2, 31, 32, 33, 63, 64, 100])
def test_rows_of_one_write_share_statements_of_any_size(tmp_path: Path, count: int) -> None:
    keys = [f"{n:05}" for n in range(count)]
    with Journal(tmp_path / "j") as journal:
        journal.begin_run()
        journal.write([row(key, State.KEYED) for key in keys])
        journal.write([row(key) for key in reversed(keys)])
        assert list(journal.find(keys).values()) == [row(key) for key in keys]
        assert journal.count() == {"stored": count}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs the list of open files")
@pytest.mark.parametrize("indexed", [False, True])
def test_writing_needs_no_folder_for_temporary_files(tmp_path: Path, *, indexed: bool) -> None:
    opened = set()

    def look() -> int:
        for file in Path("/proc/self/fd").iterdir():
            with suppress(OSError):
                opened.add(file.readlink().name.partition("_")[0])
        return 0

    keys = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(2000)]
    with Journal(tmp_path / "j") as journal:
        if indexed:
            journal.index_content()
        journal._writer.set_progress_handler(look, 200)
        for start in range(0, len(keys), 40):
            journal.write([row(key, sha256=bytes.fromhex(key)) for key in keys[start : start + 40]])
    assert "j" in opened
    assert "etilqs" not in opened  # as SQLite names its temporary files


def test_the_last_row_of_a_key_counts_if_a_write_has_several(tmp_path: Path) -> None:
    rows = [row(key, state) for state in (State.KEYED, State.STORED) for key in ("a", "b", "c")]
    with Journal(tmp_path / "j") as journal:
        journal.begin_run()
        journal.write(rows)
        assert list(journal.find(["a", "b", "c"]).values()) == [row("a"), row("b"), row("c")]
        assert journal.count() == {"stored": 3}


@pytest.mark.parametrize("places", [compact.PLACES, 1])
def test_a_journal_knows_whether_keys_start_with_a_prefix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, places: int
) -> None:
    monkeypatch.setattr(compact, "PLACES", places)
    with Journal(tmp_path / "j") as journal:
        journal.begin_run()
        journal.write([row("aa/deep/1.png"), row("cc/2.png")])
        prefixes = ("a/", "aa/", "ab/", "bb/", "cc/", "dd/")
        assert list(filter(journal.has_keys_from, prefixes)) == ["aa/", "cc/"]


@pytest.mark.parametrize(
    ("later", "remembered"),
    [
        (0.0, {"create": 20.0, "read": 50.0}),
        (3600.0, {"create": 20.0, "read": 50.0}),
        (23.5 * 3600, {"create": 20.0}),  # the rate of "read" was determined two hours earlier
        (25 * 3600, {}),
        (-3600.0, {"create": 20.0, "read": 50.0}),  # the clock was set back
        (-1e9, {}),  # the clock was wrong, then or now
    ],
)
def test_a_pace_is_remembered_for_a_day(tmp_path: Path, later: float, remembered: dict[str, float]) -> None:
    now = 1_800_000_000.0
    with Journal(tmp_path / "j", wall_clock=lambda: now - 7200.0) as journal:
        assert journal.pace == {}
        journal.keep_pace({"create": 10.0, "read": 50.0})
    with Journal(tmp_path / "j", wall_clock=lambda: now) as journal:
        journal.keep_pace({"create": 20.0})
    with Journal(tmp_path / "j", wall_clock=lambda: now + later) as journal:
        assert journal.pace == remembered


def test_only_stored_items_are_found_by_content(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.write([row("a", State.FAILED, b"1"), row("b", State.READY, b"2")])
        assert journal.find_content(b"1") is None
        assert journal.find_content(b"2") == row("b", State.READY, b"2")


def test_a_temporary_journal_leaves_nothing_behind() -> None:
    with Journal(None) as journal:
        journal.write([row("a")])
        folder = journal.path.parent
    assert not folder.exists()


def test_a_second_process_is_rejected_with_a_sentence_and_a_killed_one_keeps_no_lock(tmp_path: Path) -> None:
    script = (
        "import sys, os\nfrom imgwire_async.ingest.journal.database import Journal\n"
        "j = Journal(sys.argv[1])\nprint('open', flush=True)\nsys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "j")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(JournalError, match="in use by another job"):
            Journal(tmp_path / "j")
        other.kill()
    Journal(tmp_path / "j").close()


def test_a_second_job_in_this_process_is_rejected_too(tmp_path: Path) -> None:
    with Journal(tmp_path / "j"), pytest.raises(JournalError, match="in use"):
        Journal(tmp_path / "j")


def test_a_foreign_file_is_rejected_and_left_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_bytes(b"a letter to somebody")
    with pytest.raises(JournalError, match="is not a journal"):
        Journal(path)
    assert path.read_bytes() == b"a letter to somebody"


def test_the_database_of_another_program_is_rejected_and_left_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE items (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(JournalError, match="database of another program"):
        Journal(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("keep", [20, 4096, -5000])
def test_a_damaged_journal_is_rejected_and_left_unchanged(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "j"
    with Journal(path) as journal:
        journal.write([row(f"{n:05}") for n in range(2000)])
    damaged = path.read_bytes()[:keep]
    path.write_bytes(damaged)
    with pytest.raises(JournalError, match=r"damaged|not a database|another program"):
        Journal(path)
    assert path.read_bytes() == damaged


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE compact_items SET failure = '[\"E\"'",
        "UPDATE compact_items SET failure = '[]'",
        "UPDATE compact_items SET url = 200",
        "UPDATE compact_items SET url = 0, image = NULL",
        "UPDATE compact_items SET state = 77",
        "UPDATE compact_items SET source_place = 99",
        "UPDATE shared SET value = NULL WHERE kind = 0",
        "DROP TABLE counts",
        "UPDATE counts SET state = state + 90 WHERE items > 0",
    ],
)
def test_values_that_no_journal_contains_are_damage_and_not_a_programming_error(
    tmp_path: Path, damage: str
) -> None:
    image = "6f1e2b0c-8f0e-4b52-9f0e-0d6c8f0e4b52"
    with Journal(tmp_path / "j") as journal:
        journal.write([replace(row("a/b"), image_id=image, cdn_url=f"https://cdn/{image}")])
    with closing(sqlite3.connect(tmp_path / "j")) as opened:
        opened.execute(damage)
        opened.commit()

    def read() -> None:
        with Journal(tmp_path / "j") as journal:
            journal.count()
            list(journal.rows(*State))
            journal.find(["a/b"])

    with pytest.raises(JournalError, match=r"damaged|no such table"):
        read()


@pytest.mark.parametrize("setting", ["binding", "outputs", "manifests"])
def test_so_are_settings_that_cannot_be_parsed(tmp_path: Path, setting: str) -> None:
    with Journal(tmp_path / "j") as journal:
        journal._keep_about(setting, "{")

    with pytest.raises(JournalError, match="damaged"), Journal(tmp_path / "j") as journal:
        bind(journal, Destination(service="https://api.example.com"), "photos")


@pytest.mark.parametrize(
    ("version", "advice"),
    [(1, "finish the job with that version"), (FORMAT + 1, "upgrade this library"), (99, "upgrade")],
)
def test_a_journal_of_an_unknown_format_is_rejected_and_left_unchanged(
    tmp_path: Path, version: int, advice: str
) -> None:
    path = tmp_path / "j"
    with Journal(path) as journal:
        journal._writer.execute(f"PRAGMA user_version={version}")
    before = path.read_bytes()
    with pytest.raises(JournalError, match=rf"format {version}, .*left unchanged; {advice}"):
        Journal(path)
    assert path.read_bytes() == before


def test_a_partly_created_journal_is_created_again(tmp_path: Path) -> None:
    (tmp_path / "j").touch()
    with Journal(tmp_path / "j") as journal:
        assert journal.run == 1


def test_the_journal_of_another_job_is_rejected(tmp_path: Path) -> None:
    Journal(tmp_path / "j", job="spring").close()
    with pytest.raises(JournalError, match="'spring', not 'autumn'"):
        Journal(tmp_path / "j", job="autumn")


@pytest.mark.parametrize(
    ("path", "problem"), [("missing/j", "the folder '.*missing' does not exist; create it"), (".", "journal")]
)
def test_a_path_that_cannot_be_a_journal_is_rejected(tmp_path: Path, path: str, problem: str) -> None:
    with pytest.raises(JournalError, match=problem):
        Journal(tmp_path / path)


def test_a_full_disk_is_reported_as_such_and_what_was_committed_stays(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.write([row("first")])
        journal._writer.execute("PRAGMA max_page_count=12")
        with pytest.raises(JournalError, match="the disk is full"):
            journal.write([row(f"{n:05}") for n in range(5000)])
    with Journal(tmp_path / "j") as journal:
        assert journal.count() == {"stored": 1}


def test_a_read_only_journal_is_reported_as_such(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal._writer.execute("PRAGMA query_only=1")
        with pytest.raises(JournalError, match="make it and its folder writable"):
            journal.write([row("first")])


class SlowJournal(Journal):
    """Commits only when the test says so."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.committing, self.may_commit = threading.Event(), threading.Event()

    def write(self, rows: Sequence[Row]) -> None:
        self.committing.set()
        assert self.may_commit.wait(30)
        super().write(rows)


async def test_outcomes_that_arrive_during_a_commit_are_delivered_after_their_own(tmp_path: Path) -> None:
    delivered: list[str] = []
    with SlowJournal(tmp_path / "j") as journal, anyio.fail_after(HANGS):

        async def deliver(results: list[str]) -> None:
            assert set(journal.find(results)) == set(results)
            delivered.extend(results)

        writer = JournalWriter(journal, deliver, RealTime())
        async with running(writer):
            writer.put(row("a"), "a")
            await to_thread.run_sync(journal.committing.wait)
            writer.put(row("b"), "b")
            journal.may_commit.set()
    assert delivered == ["a", "b"]


async def test_commits_continue_while_nobody_consumes_outcomes(tmp_path: Path) -> None:
    taken = anyio.Event()
    delivered: list[str] = []
    with Journal(tmp_path / "j") as journal, anyio.fail_after(HANGS):

        async def deliver(results: list[str]) -> None:
            await taken.wait()
            delivered.extend(results)

        writer = JournalWriter(journal, deliver, RealTime())
        async with running(writer):
            for number in range(MOST_UNDELIVERED + 1):
                writer.put(row(f"{number}"), f"{number}")
                if number % 500 == 0:
                    await writer.commit()
            await writer.commit()
            assert journal.count() == {"stored": MOST_UNDELIVERED + 1}
            with anyio.move_on_after(0.05) as scope:
                await writer.keep_up()
            assert scope.cancelled_caught
            taken.set()
            await writer.keep_up()
    assert len(delivered) == MOST_UNDELIVERED + 1


async def test_outcomes_that_arrive_together_are_committed_together_and_then_delivered(
    tmp_path: Path,
) -> None:
    delivered: list[str] = []
    with Journal(tmp_path / "j") as journal:

        async def deliver(results: list[str]) -> None:
            assert set(journal.find(results)) == set(results)
            delivered.extend(results)

        writer = JournalWriter(journal, deliver, RealTime())
        async with running(writer):
            for key in ("a", "b"):
                writer.put(row(key), key)
            await writer.commit()
            assert set(journal.find(["a", "b"])) == {"a", "b"}
            writer.put(row("c"), "c")
    assert delivered == ["a", "b", "c"]


async def test_a_cancelled_writer_still_commits_what_it_has_received(tmp_path: Path) -> None:
    async def deliver(_: list[str]) -> None: ...

    with Journal(tmp_path / "j") as journal:
        writer = JournalWriter(journal, deliver, RealTime())
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(writer.run)
            tasks.start_soon(writer.run_delivery)
            await anyio.lowlevel.checkpoint()
            writer.put(row("a"))
            tasks.cancel_scope.cancel()
        assert set(journal.find(["a"])) == {"a"}
