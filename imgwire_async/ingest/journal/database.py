"""The journal of a bulk job: one SQLite file that records the state of every item."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import heappop, heappush, heapreplace
from pathlib import Path
from typing import Final, Self
from uuid import uuid4

from imgwire_async.errors import JournalError
from imgwire_async.ingest.journal.compact import COLUMNS, INSERT, NUMBERS, STATES, RowCodec
from imgwire_async.ingest.journal.history import keep_outcomes
from imgwire_async.ingest.journal.migrations import FORMAT, format_problem, migrate, shrink
from imgwire_async.ingest.journal.path import temporary_folder
from imgwire_async.ingest.journal.problems import journal_error, reading_journal
from imgwire_async.ingest.journal.recognition import APPLICATION_ID, HAS_ABOUT, SQLITE_HEAD
from imgwire_async.ingest.journal.rows import Row, State
from imgwire_async.ingest.journal.schema import ABOUT, CONTENT_INDEX, ITEMS, JOB


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _among(states: Sequence[State]) -> str:
    """The SQL condition for these states; without parameters, so that the index of one state can be used."""
    numbers = [NUMBERS[state] for state in states]
    return f"state = {numbers[0]}" if len(numbers) == 1 else f"state IN ({', '.join(map(str, numbers))})"


_PACE_SECONDS: Final = 24 * 3600.0
_SAMPLE: Final = 3
_LOOKUP: Final = 512  # keys in one query: those of a batch of a source
_STORED: Final = (State.STORED, State.READY)
_SELECT: Final = f"SELECT {', '.join(COLUMNS)} FROM compact_items"  # noqa: S608 - only names
_WRITE: Final = f"{INSERT} ON CONFLICT (place, name) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in COLUMNS[2:]
)


class Journal:
    """An open journal; no other job can open it until it is closed or the process ends.

    A journal of an earlier version is migrated when it is opened.

    All methods block. Only one may write at a time; reading is safe from any thread.

    Args:
        path: the file, created if it does not exist; None for a temporary one that is deleted at the end.
        job: name of the job, which is part of every idempotency key. Default: the name in the journal, or a
            random one for a new journal.
        wall_clock: seconds since the epoch.

    Raises:
        JournalError: another process uses the file, it cannot be written, it is damaged or not a journal, or
            it belongs to another job or a later version. The file is unchanged.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        job: str | None = None,
        *,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._wall_clock = wall_clock
        self._temporary = (
            tempfile.TemporaryDirectory(prefix="ingest-", dir=temporary_folder()) if path is None else None
        )
        self.path = Path(self._temporary.name, "journal") if self._temporary else Path(os.fspath(path or ""))
        self.is_temporary = self._temporary is not None
        self._reading = threading.Lock()
        self._connections: list[sqlite3.Connection] = []
        try:
            self._open(job)
        except BaseException:
            self.close()
            raise

    def _open(self, job: str | None) -> None:
        self._refuse_foreign_file()
        self._lock()
        with reading_journal(self.path):
            self._writer = self._connect(self.path)
            self._prepare(job)
            self._reader = self._connect(self.path)

    def _refuse_foreign_file(self) -> None:
        try:
            with self.path.open("rb") as file:
                head = file.read(len(SQLITE_HEAD))
        except FileNotFoundError:
            return
        except OSError as error:
            raise JournalError(
                f"cannot open the journal {self.path}: {error.strerror or error}", reason="not_writable"
            ) from error
        if head not in {b"", SQLITE_HEAD}:
            raise JournalError(f"{self.path} is not a journal and was left unchanged; name another file")

    def connection(self) -> sqlite3.Connection:
        """Open another connection, for the tables of a special kind of job. It is closed with the journal.

        Raises:
            JournalError: the file cannot be opened again.
        """
        return self._connect(self.path)

    def _lock(self) -> None:
        # SQLite's file lock works the same on every platform, and the system releases it after a crash.
        # It is on a separate file, because readers of the journal must not be locked out.
        # `job_is_running` takes the lock for an instant.
        lock = self._connect(Path(f"{self.path}.lock"), timeout=0.2)
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                raise JournalError(
                    f"the journal {self.path} is in use by another job; wait for it to end, or stop it",
                    reason="in_use",
                ) from None
            raise self._error(error) from error

    def _connect(self, path: Path, timeout: float = 10.0) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                path.absolute(),  # a name such as `file:x` would be a URI for SQLite
                timeout=timeout,
                isolation_level=None,
                check_same_thread=False,
            )
        except sqlite3.Error as error:
            raise self._error(error) from error
        self._connections.append(connection)
        return connection

    def _prepare(self, job: str | None) -> None:
        def pragma(name: str) -> object:
            return self._writer.execute(f"PRAGMA {name}").fetchone()[0]

        if pragma("application_id") == 0 and not pragma("schema_version"):
            self._create(job or uuid4().hex)
        elif pragma("application_id") != APPLICATION_ID:
            raise JournalError(
                f"{self.path} is the database of another program and was left unchanged; name another file"
            )
        elif problem := format_problem(pragma("user_version")):
            raise JournalError(f"the journal {self.path} {problem}")
        elif pragma("quick_check(1)") != "ok":
            raise JournalError(f"the journal {self.path} is damaged and was left unchanged", reason="damaged")
        self.job, runs, pace = self._writer.execute("SELECT name, runs, pace FROM job").fetchone()
        if job is not None and job != self.job:
            raise JournalError(f"the journal {self.path} belongs to the job {self.job!r}, not {job!r}")
        # A killed process loses no committed rows. A power cut may lose the last commits, which is harmless
        # because idempotency keys are derived.
        pragma("journal_mode=WAL")
        self._writer.execute("PRAGMA synchronous=NORMAL")
        migrate(self._writer)
        shrink(self._writer)
        self._codec = RowCodec(self._writer, self.job)
        about: dict[str, str] = {}
        if self._writer.execute(HAS_ABOUT).fetchone()[0]:
            about = dict(self._writer.execute("SELECT name, value FROM about"))
        self.binding = about.get("binding")
        self.resume = about.get("resume")
        self.outputs: list[str] = json.loads(about.get("outputs", "[]"))
        self.manifests: list[str] = json.loads(about.get("manifests", "[]"))
        self._paces: dict[str, tuple[float, float]] = json.loads(pace or "{}")
        self.run = runs + 1

    def _create(self, job: str) -> None:
        self._writer.execute("BEGIN IMMEDIATE")
        for statement in (JOB, *ITEMS):
            self._writer.execute(statement)
        self._writer.execute("INSERT INTO job VALUES (?, 0, NULL)", (job,))
        self._writer.execute(f"PRAGMA application_id={APPLICATION_ID}")
        self._writer.execute(f"PRAGMA user_version={FORMAT}")
        self._writer.execute("COMMIT")

    def begin_run(self, binding: str | None = None) -> None:
        """Record the start of a run.

        Args:
            binding: destination and source of the journal.

        Raises:
            JournalError: the journal cannot be written.
        """
        try:
            self._writer.execute("UPDATE job SET runs = ?", (self.run,))
        except sqlite3.Error as error:
            raise self._error(error) from error
        if binding is not None:
            self.keep_binding(binding)

    def keep_binding(self, binding: str) -> None:
        """Record the updated binding of the journal.

        Raises:
            JournalError: the journal cannot be written.
        """
        self._keep_about("binding", binding)
        self.binding = binding

    def keep_resume(self, mark: str | None) -> None:
        """Record where in the source the next run may start; None for the beginning.

        Raises:
            JournalError: the journal cannot be written.
        """
        if mark != self.resume:
            self.resume = mark
            self._keep_about("resume", mark)

    def keep_output(self, path: str) -> None:
        """Record that the job writes this file, so that it is not treated as an item.

        Raises:
            JournalError: the journal cannot be written.
        """
        path = os.path.abspath(path)  # noqa: PTH100 - keeps symbolic links
        if path not in self.outputs:
            self.outputs.append(path)
            self._keep_about("outputs", json.dumps(self.outputs))

    def keep_manifest(self, name: str) -> None:
        """Record that the job writes this manifest, so that later runs may replace it.

        Raises:
            JournalError: the journal cannot be written.
        """
        if name not in self.manifests:
            self.manifests.append(name)
            self._keep_about("manifests", json.dumps(self.manifests))

    def _keep_about(self, name: str, value: str | None) -> None:
        try:
            self._writer.execute(ABOUT)
            if value is None:
                self._writer.execute("DELETE FROM about WHERE name = ?", (name,))
            else:
                self._writer.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (name, value))
        except sqlite3.Error as error:
            raise self._error(error) from error

    @property
    def pace(self) -> dict[str, float]:
        """Requests per second at which the service last asked to slow down, by class of requests.

        Omits values older than a day, because the service may have other limits by now.
        """
        now = self._wall_clock()
        # If the clock was set back, a recorded pace may lie in the future.
        return {name: rate for name, (rate, at) in self._paces.items() if abs(now - at) < _PACE_SECONDS}

    def keep_pace(self, pace: Mapping[str, float]) -> None:
        """Record `pace` for the runs of the next day.

        Raises:
            JournalError: the journal cannot be written.
        """
        now = self._wall_clock()
        self._paces |= {name: (rate, now) for name, rate in pace.items()}
        try:
            self._writer.execute("UPDATE job SET pace = ?", (json.dumps(self._paces),))
        except sqlite3.Error as error:
            raise self._error(error) from error

    def write(self, rows: Sequence[Row]) -> None:
        """Insert or replace rows, all or none.

        Raises:
            JournalError: the journal cannot be written, for example because the disk is full.
        """
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                self._writer.executemany(_WRITE, [self._codec.encode(row) for row in rows])
                self._codec.write_shared(self._writer)
                keep_outcomes(self._writer, rows, self.run, self._codec, self._wall_clock())
                self._writer.execute("COMMIT")
            finally:
                if self._writer.in_transaction:
                    self._writer.rollback()
                    self._codec = RowCodec(self._writer, self.job)  # drop shared values that were not written
        except sqlite3.Error as error:
            raise self._error(error) from error

    def find(self, keys: Sequence[str]) -> dict[str, Row]:
        """The rows of these keys; keys without a row are omitted."""
        names: dict[int, list[str]] = {}
        for place, name in filter(None, map(self._codec.place_of, keys)):
            names.setdefault(place, []).append(name)
        found = {}
        for place, those in names.items():
            for start in range(0, len(those), _LOOKUP):
                part = those[start : start + _LOOKUP]
                query = f"{_SELECT} WHERE place = {place} AND name IN ({_marks(len(part))})"
                for row in self._read(query, part):
                    found[row.key] = row
        return found

    def index_content(self) -> None:
        """Create the index for `find_content`, which would otherwise scan every row.

        Raises:
            JournalError: the journal cannot be written.
        """
        try:
            self._writer.execute(CONTENT_INDEX)
        except sqlite3.Error as error:
            raise self._error(error) from error

    def find_content(self, sha256: bytes) -> Row | None:
        """A stored item with this content."""
        query = (
            f"{_SELECT} WHERE sha256 IS NOT NULL AND substr(sha256, 1, 8) = substr(?, 1, 8) "
            f"AND sha256 = ? AND {_among(_STORED)} LIMIT 1"
        )
        return next(iter(self._read(query, (sha256, sha256))), None)

    def rows(self, *states: State) -> Iterator[Row]:
        """All rows with these states, ordered by key, without holding them all in memory."""
        # Places may be nested. Keys of later places never sort before the place.
        ahead: list[tuple[str, Row, Iterator[Row]]] = []
        for place, number in sorted((place, number) for number, place in enumerate(self._codec.places)):
            while ahead and ahead[0][0] < place:
                yield _next(ahead)
            rows = self._rows_of(number, states)
            for row in rows:
                heappush(ahead, (row.key, row, rows))
                break
        while ahead:
            yield _next(ahead)

    def _rows_of(self, place: int, states: Sequence[State]) -> Iterator[Row]:
        last, than = "", ">="
        while True:
            condition = f"place = {place} AND name {than} ? AND {_among(states)}"
            rows = self._read(f"{_SELECT} WHERE {condition} ORDER BY name LIMIT {_LOOKUP}", (last,))
            yield from rows
            if len(rows) < _LOOKUP:
                return
            last, than = rows[-1].key[len(self._codec.places[place]) :], ">"

    def count(self) -> dict[str, int]:
        """The number of items in each state. Reads no rows."""
        with reading_journal(self.path):
            with self._reading:
                counts = self._reader.execute("SELECT state, items FROM counts WHERE items > 0").fetchall()
            return {STATES[number]: items for number, items in counts}

    def has_keys_from(self, prefix: str) -> bool:
        """Whether any key starts with `prefix`, which ends with a slash."""
        if any(place.startswith(prefix) for place in self._codec.places):
            return True
        # Keys without room for their place.
        rows = f"{_SELECT} WHERE place = 0 AND name >= ? ORDER BY name LIMIT 1"
        return any(row.key.startswith(prefix) for row in self._read(rows, (prefix,)))

    def some_images(self) -> list[str]:
        """Ids of a few stored images, from both ends of the rows."""
        chosen = f"{_SELECT} WHERE {_among(_STORED)} ORDER BY"
        found = [
            row
            for order in ("place, name", "place DESC, name DESC")
            for row in self._read(f"{chosen} {order} LIMIT {_SAMPLE}", ())
        ]
        return list(dict.fromkeys(row.image_id for row in found if row.image_id))

    def _read(self, query: str, parameters: Sequence[object]) -> list[Row]:
        with reading_journal(self.path):
            with self._reading:
                found = self._reader.execute(query, parameters).fetchall()
            return list(map(self._codec.decode, found))

    def close(self) -> None:
        """Close the file, so that other jobs can open it. A temporary journal is deleted."""
        # The lock was taken first and is released last.
        while self._connections:
            self._connections.pop().close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _error(self, error: sqlite3.Error) -> JournalError:
        return journal_error(self.path, error)


def _next(ahead: list[tuple[str, Row, Iterator[Row]]]) -> Row:
    """Take the first row, and replace it with the next one of the same place."""
    _, row, rows = ahead[0]
    following = next(rows, None)
    if following is None:
        heappop(ahead)
    else:
        heapreplace(ahead, (following.key, following, rows))
    return row
