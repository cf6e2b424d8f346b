"""Migration of journals of earlier versions, which runs when they are opened."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Final

from imgwire_async.ingest.journal.compact import INSERT, RowCodec
from imgwire_async.ingest.journal.history import keep_failures
from imgwire_async.ingest.journal.rows import Row, State
from imgwire_async.ingest.journal.schema import ITEMS

FORMAT: Final = 5
"""Number of the format that this version writes, the `user_version` of the database."""


def format_problem(version: object) -> str | None:
    """Why a journal of this format cannot be used, and what to do; None if it can be used."""
    if version == FORMAT or version in _STEPS:
        return None
    if isinstance(version, int) and version > FORMAT:
        return (
            f"was written by a later version of this library (format {version}, this one reads up to "
            f"{FORMAT}) and was left unchanged; upgrade this library, or name another file"
        )
    return (
        f"was written by an early version of this library (format {version}, this one reads "
        f"{min(_STEPS)} and later) and was left unchanged; finish the job with that version, or name "
        "another file"
    )


def migrate(connection: sqlite3.Connection) -> None:
    """Migrate a journal to the current format, completely or not at all. Blocks.

    Raises:
        sqlite3.Error: it cannot be written.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == FORMAT:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for number in range(version, FORMAT):
            _STEPS[number](connection)
        connection.execute(f"PRAGMA user_version={FORMAT}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.rollback()


def shrink(connection: sqlite3.Connection) -> None:
    """Free the space that a migration has left unused, if it is most of the file. Blocks.

    If that is not possible now, for example because the disk is full, the next opening tries again.
    """
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (empty,) = connection.execute("PRAGMA freelist_count").fetchone()
    if empty > pages / 2:
        with suppress(sqlite3.Error):
            connection.execute("VACUUM")


def _from_2(connection: sqlite3.Connection) -> None:
    """Replace a file's time by a version token, and base URL and environment by the destination."""
    for statement in _ITEMS_OF_3:
        connection.execute(statement)
    if not connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'about'").fetchone()[0]:
        return
    for (binding,) in connection.execute("SELECT value FROM about WHERE name = 'binding'").fetchall():
        known = json.loads(binding)
        environment = known.pop("environment")
        area = None if environment is None else f"environment {environment}"
        known["destination"] = {"service": known.pop("base_url"), "area": area}
        connection.execute("UPDATE about SET value = ? WHERE name = 'binding'", (json.dumps(known),))


def _from_3(connection: sqlite3.Connection) -> None:
    """Add the notes of sources about items."""
    connection.execute("ALTER TABLE items ADD COLUMN note TEXT")


def _from_4(connection: sqlite3.Connection) -> None:
    """Store rows without the values that can be derived."""
    connection.execute("ALTER TABLE items RENAME TO items_of_4")
    for index in ("items_by_content", "items_failed"):
        connection.execute(f"DROP INDEX IF EXISTS {index}")
    for statement in ITEMS:
        connection.execute(statement)
    (job,) = connection.execute("SELECT name FROM job").fetchone()
    codec = RowCodec(connection, job)
    rows = connection.execute(f"SELECT {_COLUMNS_OF_4} FROM items_of_4 ORDER BY key")  # noqa: S608 - constants
    while batch := [Row(*values) for values in rows.fetchmany(_BATCH)]:
        connection.executemany(INSERT, [codec.encode(row) for row in batch])
        codec.write_shared(connection)
        keep_failures(connection, [row for row in batch if row.state == State.FAILED], codec, None)
    connection.execute("DROP TABLE items_of_4")


_BATCH: Final = 500
_COLUMNS_OF_4: Final = (
    "key, source, state, run, size, version, sha256, idempotency_key, image_id, cdn_url, attempts, "
    "error_type, error, item, parameters, note"
)
_ITEMS_OF_3: Final = (
    """CREATE TABLE items_of_3 (
        key TEXT PRIMARY KEY, source TEXT NOT NULL, state TEXT NOT NULL, run INTEGER NOT NULL,
        size INTEGER, version TEXT, sha256 BLOB, idempotency_key TEXT, image_id TEXT, cdn_url TEXT,
        attempts INTEGER NOT NULL, error_type TEXT, error TEXT, item TEXT, parameters BLOB
    ) WITHOUT ROWID""",
    """INSERT INTO items_of_3 SELECT
        key, source, state, run, size, CAST(mtime_ns AS TEXT), sha256, idempotency_key, image_id, cdn_url,
        attempts, error_type, error, item, parameters FROM items""",
    "DROP TABLE items",
    "ALTER TABLE items_of_3 RENAME TO items",
    "CREATE INDEX items_by_content ON items (sha256) WHERE sha256 IS NOT NULL",
    "CREATE INDEX items_failed ON items (state) WHERE state = 'failed'",
)

_STEPS: Final[Mapping[int, Callable[[sqlite3.Connection], None]]] = MappingProxyType(
    {2: _from_2, 3: _from_3, 4: _from_4}
)
"""The migration from each format to the next one."""
