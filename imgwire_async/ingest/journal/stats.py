"""Progress of the job of a journal, which can be read while the job runs or after its end.

`job_is_running(path)` returns whether the job is running. `journal_stats(path)` opens its own connection,
takes no lock, and reads only the rows of the last failures, so it is as fast for ten million items as for
ten. Journals of earlier formats are read row by row, and lack the times at which items ended.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from imgwire_async.errors import JournalError
from imgwire_async.ingest.journal.binding import Binding
from imgwire_async.ingest.journal.compact import STATES
from imgwire_async.ingest.journal.history import LAST_FAILURES, SLOT
from imgwire_async.ingest.journal.migrations import FORMAT, format_problem
from imgwire_async.ingest.journal.problems import reading_journal
from imgwire_async.ingest.journal.recognition import APPLICATION_ID, HAS_ABOUT, SQLITE_HEAD
from imgwire_async.ingest.journal.rows import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """The items that ended within a period of time."""

    started: int
    """Seconds since the epoch."""
    seconds: int
    stored: int
    skipped: int
    failed: int
    bytes: int
    """Bytes of the stored items, as far as their sizes are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedItem:
    """An item that has failed and has not been retried since."""

    key: str
    error_type: str | None
    """Name of the class of the error."""
    error: str | None
    attempts: int
    at: float | None
    """Seconds since the epoch; None if an earlier version wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalStats:
    """Progress of the job of a journal."""

    job: str
    runs: int
    """Number of runs."""
    service: str | None
    """URL of the service that the images go to; for an export, that they come from. None if an earlier
    version wrote the journal."""
    area: str | None
    """See `Destination.area`."""
    source: str | None
    """Identity of the source, see `Binding.source`; for an export, where the images go."""
    manifests: tuple[str, ...]
    """Names of the manifests that an export has written; empty for any other job."""
    counts: Mapping[State, int]
    """Number of items by state; every state is present."""
    bytes: Mapping[State, int]
    """Bytes by state, as far as the sizes are known."""
    throughput: tuple[Throughput, ...]
    """Items that ended, by time; periods in which none ended are omitted."""
    failures: tuple[FailedItem, ...]
    """At most `LAST_FAILURES`, the latest first."""

    @property
    def items(self) -> int:
        """Number of items in the journal."""
        return sum(self.counts.values())

    @property
    def last_activity(self) -> float | None:
        """When the last item ended, in seconds since the epoch, at most `SLOT` too early; None if unknown."""
        ends: list[float] = [slot.started for slot in self.throughput[-1:]]
        ends += [item.at for item in self.failures if item.at is not None]
        return max(ends, default=None)


def journal_stats(path: str | os.PathLike[str]) -> JournalStats:
    """Read the progress of a job, even while it runs. Blocks for milliseconds and writes nothing.

    Raises:
        JournalError: the file does not exist, is damaged, is not a journal, or is of a later version.
    """
    name = Path(os.fspath(path))
    with reading_journal(name), _reading(name) as connection:
        return read_stats(connection)


def job_is_running(path: str | os.PathLike[str]) -> bool:
    """Whether a job has the journal open at this moment. Blocks for milliseconds."""
    lock = Path(f"{os.fspath(path)}.lock")
    if not lock.is_file():
        return False
    try:
        with closing(sqlite3.connect(f"{lock.absolute().as_uri()}?mode=ro", uri=True, timeout=0.0)) as opened:
            opened.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
    return False


def read_stats(connection: sqlite3.Connection) -> JournalStats:
    """Read the progress from an open journal, in its own transaction."""
    execute = connection.execute
    execute("BEGIN")
    try:
        is_compact = execute("PRAGMA user_version").fetchone()[0] == FORMAT
        job, runs = execute("SELECT name, runs FROM job").fetchone()
        about: dict[str, str] = {}
        if execute(HAS_ABOUT).fetchone()[0] and is_compact:
            about = dict(execute("SELECT name, value FROM about"))
        binding = Binding.from_json(about["binding"]) if "binding" in about else None
        counts = dict.fromkeys(State, 0)
        sizes = dict.fromkeys(State, 0)
        for state, items, size in execute(_COUNTS if is_compact else _COUNTS_OF_4):
            known = STATES[state] if is_compact else State(state)
            counts[known], sizes[known] = _number(items), _number(size)
        slots = execute("SELECT * FROM throughput ORDER BY started").fetchall() if is_compact else []
        failures = execute(_FAILURES if is_compact else _FAILURES_OF_4, (LAST_FAILURES,)).fetchall()
    finally:
        execute("ROLLBACK")
    return JournalStats(
        job=job,
        runs=_number(runs),
        service=None if binding is None else binding.destination.service,
        area=None if binding is None else binding.destination.area,
        source=None if binding is None else binding.source,
        manifests=tuple(json.loads(about.get("manifests", "[]"))),
        counts=counts,
        bytes=sizes,
        throughput=tuple(
            Throughput(
                started=int(_time(started)),
                seconds=SLOT,
                stored=_number(stored),
                skipped=_number(skipped),
                failed=_number(failed),
                bytes=_number(size),
            )
            for started, stored, skipped, failed, size in slots
        ),
        failures=tuple(
            FailedItem(
                key=_text(key),
                error_type=None if error_type is None else _text(error_type),
                error=None if error is None else _text(error),
                attempts=_number(attempts),
                at=None if at is None else _time(at),
            )
            for key, error_type, error, attempts, at in failures
        ),
    )


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError("not a number")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


def _time(value: object) -> float:
    if not isinstance(value, int | float) or not 0 <= value < _YEAR_10000:
        raise ValueError("not a time")
    return value


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    if path.is_dir():
        raise JournalError(f"{path} is a folder, not a journal")
    if path.is_fifo():  # opening it would wait for a writer
        raise JournalError(f"{path} is not a journal")
    try:
        with path.open("rb") as file:
            head = file.read(len(SQLITE_HEAD))
    except (FileNotFoundError, NotADirectoryError):
        raise JournalError(f"there is no journal at {path}") from None
    except (OSError, ValueError) as error:
        raise JournalError(f"cannot open the journal {path}: {error}", reason="not_writable") from error
    if head != SQLITE_HEAD:
        raise JournalError(f"{path} is not a journal" if head else f"{path} is empty: no job has used it yet")
    # Not mode=ro: the last connection to close a journal has to be able to checkpoint its log. Where no log
    # can be written, none exists either.
    log = Path(f"{path}-wal")
    mode = "mode=rw" if log.exists() or os.access(path.parent, os.W_OK) else "immutable=1"
    with closing(
        sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, isolation_level=None)
    ) as opened:
        opened.execute("PRAGMA query_only=1")
        if opened.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise JournalError(f"{path} is the database of another program")
        if problem := format_problem(opened.execute("PRAGMA user_version").fetchone()[0]):
            raise JournalError(f"the journal {path} {problem}")
        yield opened


_YEAR_10000: Final = 253_402_300_800
"""In seconds since the epoch; the first time that `datetime` does not have."""
_COUNTS: Final = "SELECT state, items, bytes FROM counts"
_COUNTS_OF_4: Final = "SELECT state, count(*), ifnull(sum(size), 0) FROM items GROUP BY state"
_FAILURES: Final = """SELECT
        place.value || name, json_extract(failure, '$[0]'), json_extract(failure, '$[1]'), attempts, max(at)
    FROM last_failures JOIN compact_items USING (place, name)
    JOIN shared AS place ON place.kind = 0 AND place.number = compact_items.place
    WHERE state = 4 GROUP BY place, name ORDER BY max(last_failures.number) DESC LIMIT ?"""
_FAILURES_OF_4: Final = """SELECT key, error_type, error, attempts, NULL FROM items
    WHERE state = 'failed' ORDER BY key LIMIT ?"""
