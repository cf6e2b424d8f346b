"""The history of a job in its journal: how many items ended when, and which failed last."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import Final

from imgwire_async.ingest.journal.compact import RowCodec
from imgwire_async.ingest.journal.rows import Row, State

SLOT: Final = 10
"""Seconds whose outcomes are counted together: 9,000 numbers a day at most."""
LAST_FAILURES: Final = 100

_COUNT: Final = """INSERT INTO throughput VALUES (?, ?, ?, ?, ?) ON CONFLICT (started) DO UPDATE SET
    stored = stored + excluded.stored, skipped = skipped + excluded.skipped,
    failed = failed + excluded.failed, bytes = bytes + excluded.bytes"""
_NOTE: Final = "INSERT INTO last_failures (place, name, at) VALUES (?, ?, ?)"
_FORGET: Final = "DELETE FROM last_failures WHERE number <= (SELECT max(number) FROM last_failures) - ?"


def keep_outcomes(
    connection: sqlite3.Connection, rows: Sequence[Row], run: int, codec: RowCodec, now: float
) -> None:
    """Record the outcomes of these rows for the history of the job, in the rows' transaction.

    Args:
        connection: in the transaction.
        rows: the rows that were written. Rows of other runs are ignored.
        run: number of the run.
        codec: the codec that they were written with.
        now: seconds since the epoch.
    """
    ended = [row for row in rows if row.run == run and row.state != State.KEYED]
    if not ended:
        return
    count = Counter[str](row.state for row in ended)
    stored = count[State.STORED] + count[State.READY]
    size = sum(row.size or 0 for row in ended if row.state in {State.STORED, State.READY})
    slot = int(now // SLOT) * SLOT
    connection.execute(_COUNT, (slot, stored, count[State.SKIPPED], count[State.FAILED], size))
    if count[State.FAILED]:
        keep_failures(connection, [row for row in ended if row.state == State.FAILED], codec, now)


def keep_failures(
    connection: sqlite3.Connection, rows: Sequence[Row], codec: RowCodec, at: float | None
) -> None:
    """Record these as the last items that failed; `at` is None if the time is unknown."""
    places = [codec.place_of(row.key) for row in rows[-LAST_FAILURES:]]
    connection.executemany(_NOTE, [(*place, at) for place in places if place is not None])
    connection.execute(_FORGET, (LAST_FAILURES,))
