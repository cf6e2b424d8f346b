"""SQLite: one writing connection on the sandbox's loop, and reading connections for threads.

A write is a transaction of one or two statements by key, some tens of microseconds, so it runs on the loop
itself; that also makes every check-then-insert atomic without locks. Reads whose cost grows with the number
of records go to threads. In WAL mode neither waits for the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_IDENTITY = (
    "CREATE TABLE IF NOT EXISTS identity (only INTEGER PRIMARY KEY CHECK (only = 1), document TEXT NOT NULL);"
)


def lock_folder(folder: Path) -> sqlite3.Connection:
    """Keep other sandboxes out of a folder until the returned connection is closed or the process ends.

    Raises:
        OSError: another sandbox uses it.
    """
    # SQLite's own file lock works alike on every platform and is released by the system after a crash.
    path = folder / "lock.sqlite"
    try:
        connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    except sqlite3.Error as error:
        raise OSError(f"{path} cannot be used: {error}") from error
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        connection.close()
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            raise OSError(f"the folder {folder} is in use by another sandbox") from error
        raise OSError(f"{path} cannot be used: {error}; if no sandbox runs, remove it") from error
    return connection


def open_database(path: Path, tables: str, *, durable: bool) -> Database:
    """The database at a path, created if it does not exist.

    Args:
        path: The file.
        tables: SQL that creates the tables if they do not exist.
        durable: Whether it must survive a killed process.

    Raises:
        OSError: the file is not a database, is damaged, or belongs to another version.
    """
    try:
        database = Database(path, tables, durable=durable)
    except sqlite3.Error as error:
        raise OSError(f"{path} is not a sandbox's database: {error}") from error
    try:
        damage = database.damage()
    except sqlite3.Error as error:
        damage = str(error)
    if damage is not None:
        database.close()
        raise _unusable(path, damage)
    return database


def _unusable(path: Path, damage: str) -> OSError:
    return OSError(f"{path} cannot be used: {damage}. Restore it, or start with another folder")


class Database:
    """The records of one sandbox."""

    def __init__(self, path: Path, tables: str, *, durable: bool) -> None:
        self._path = path
        self._schema = _IDENTITY + tables
        # NORMAL survives a killed process; without a kept folder nothing has to survive.
        self._synchronous = "NORMAL" if durable else "OFF"
        self._readers: list[sqlite3.Connection] = []
        self._readers_lock = threading.Lock()
        self.writer = self._connect()
        try:
            self.writer.execute("PRAGMA journal_mode=WAL")
            self.writer.executescript(self._schema)
        except sqlite3.Error:
            self.writer.close()
            raise

    def close(self) -> None:
        """Close every connection; reads must have ended."""
        while self._readers:
            self._readers.pop().close()
        self.writer.close()

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run `query` in a thread, on its own connection."""
        return await asyncio.to_thread(self.read_here, query)

    def read_here(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run `query` in this thread, on a connection that is not used elsewhere meanwhile."""
        with self._readers_lock:
            connection = self._readers.pop() if self._readers else None
        if connection is None:
            connection = self._connect()
        try:
            return query(connection)
        finally:
            with self._readers_lock:
                self._readers.append(connection)

    def damage(self) -> str | None:
        """Why the database cannot be used, or None. Reads it once, at some 300 MB a second."""
        (verdict,) = self.writer.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            return f"it is damaged ({verdict})"
        with contextlib.closing(sqlite3.connect(":memory:")) as example:
            example.executescript(self._schema)
            for table in _tables(example):
                if _columns(self.writer, table) != _columns(example, table):
                    return f"its table {table} belongs to another version"
        return None

    def identity(self, kind: Callable[..., T], fresh: Mapping[str, object]) -> T:
        """The identity of the service, such as its keys.

        Args:
            kind: Called with the members of the stored document.
            fresh: The document that is stored on the first start.

        Raises:
            OSError: the document is damaged.
        """
        row = self.writer.execute("SELECT document FROM identity").fetchone()
        if row is None:
            self.writer.execute("INSERT INTO identity VALUES (1, ?)", (json.dumps(fresh),))
            return kind(**fresh)
        with contextlib.suppress(ValueError, TypeError):
            document = json.loads(row["document"])
            if isinstance(document, dict) and all(isinstance(key, str) and key for key in document.values()):
                return kind(**document)
        raise _unusable(self._path, "the keys in it are damaged")

    def clear(self) -> None:
        """Delete all records, but not the keys."""
        with self.writer:
            self.writer.execute("BEGIN")
            for table in _tables(self.writer) - {"identity"}:
                self.writer.execute(f"DELETE FROM {table}")  # noqa: S608 - names that the service has chosen

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA busy_timeout=5000")
            connection.execute(f"PRAGMA synchronous={self._synchronous}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection


def _tables(connection: sqlite3.Connection) -> set[str]:
    found = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    return {name for (name,) in found}


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {column for _, column, *_ in connection.execute(f"PRAGMA table_info({table})")}
