"""Journals in the formats of earlier versions."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import astuple
from pathlib import Path
from typing import Final

from imgwire_async.ingest.journal.rows import Row

RowOf2 = tuple[object, ...]

_FORMAT_2 = """
CREATE TABLE job (name TEXT NOT NULL, runs INTEGER NOT NULL, pace TEXT);
CREATE TABLE items (
    key TEXT PRIMARY KEY, source TEXT NOT NULL, state TEXT NOT NULL, run INTEGER NOT NULL,
    size INTEGER, mtime_ns INTEGER, sha256 BLOB, idempotency_key TEXT, image_id TEXT, cdn_url TEXT,
    attempts INTEGER NOT NULL, error_type TEXT, error TEXT, item TEXT, parameters BLOB
) WITHOUT ROWID;
CREATE INDEX items_by_content ON items (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX items_failed ON items (state) WHERE state = 'failed';
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
PRAGMA journal_mode=WAL;
PRAGMA application_id=1768777591;
PRAGMA user_version=2;
"""


_FORMAT_4: Final = (
    _FORMAT_2.replace("mtime_ns INTEGER", "version TEXT")
    .replace("parameters BLOB", "parameters BLOB, note TEXT")
    .replace("user_version=2", "user_version=4")
)


def write_format_4(path: Path, rows: Iterable[Row], *, tables: str = "") -> None:
    """Write a journal of format 4, of the job "spring" after one run.

    Args:
        path: the file to create.
        rows: the rows of its items.
        tables: SQL that creates the tables of another kind of job.
    """
    connection = sqlite3.connect(path)
    connection.executescript(_FORMAT_4 + tables)
    connection.execute("INSERT INTO job VALUES ('spring', 1, NULL)")
    connection.executemany(f"INSERT INTO items VALUES ({', '.join('?' * 16)})", map(astuple, rows))
    connection.commit()
    connection.close()


def write_format_2(path: Path, rows: Iterable[RowOf2], binding: dict[str, str | None]) -> None:
    """Write a journal of format 2, of the job "spring" after one run."""
    connection = sqlite3.connect(path)
    connection.executescript(_FORMAT_2)
    connection.execute("INSERT INTO job VALUES ('spring', 1, ?)", (json.dumps({"create": [25.0, 1e9]}),))
    connection.execute("INSERT INTO about VALUES ('binding', ?)", (json.dumps(binding),))
    connection.execute("INSERT INTO about VALUES ('outputs', ?)", (json.dumps(["/elsewhere/images.csv"]),))
    connection.executemany(f"INSERT INTO items VALUES ({', '.join('?' * 15)})", rows)
    connection.commit()
    connection.close()
