"""SQLite: one writing connection on the sandbox's loop, and reading connections for threads.

A write is a transaction of one or two statements by key, some tens of microseconds, so it runs on the loop
itself; that also makes every check-then-insert atomic without locks. Reads whose cost grows with the number
of records go to threads. In WAL mode neither waits for the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import sqlite3
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS identity (only INTEGER PRIMARY KEY CHECK (only = 1), document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS images (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    original_filename TEXT NOT NULL,
    mime_type TEXT NOT NULL,
    mime_type_given INTEGER NOT NULL,
    extension TEXT NOT NULL,
    content_length INTEGER,
    declared_hash TEXT,
    hash_sha256 TEXT,
    idempotency_key TEXT,
    fingerprint TEXT NOT NULL,
    purpose TEXT,
    custom_metadata TEXT NOT NULL,
    exif_data TEXT NOT NULL DEFAULT '{}',
    width INTEGER NOT NULL DEFAULT 0,
    height INTEGER NOT NULL DEFAULT 0,
    size_bytes INTEGER NOT NULL DEFAULT 0,
    upload_token_id TEXT,
    by_client_key INTEGER NOT NULL,
    upload_expires_at REAL NOT NULL,
    source_url TEXT,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    processed_metadata_at REAL,
    deleted_at REAL
);
CREATE INDEX IF NOT EXISTS images_by_key ON images (idempotency_key)
    WHERE idempotency_key IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS images_alive ON images (sequence) WHERE deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS images_unfinished ON images (status) WHERE status IN ('PENDING', 'PROCESSING');
CREATE TABLE IF NOT EXISTS upload_tokens (
    id TEXT PRIMARY KEY, token_hash TEXT NOT NULL UNIQUE, expires_at REAL NOT NULL, used_at REAL,
    created_at REAL NOT NULL, updated_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS cors_origins (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
    pattern TEXT NOT NULL UNIQUE COLLATE NOCASE,
    created_at REAL NOT NULL, updated_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS custom_domain (
    only INTEGER PRIMARY KEY CHECK (only = 1), id TEXT NOT NULL, hostname TEXT NOT NULL,
    dcv_target TEXT NOT NULL,
    status TEXT NOT NULL, certificate_status TEXT NOT NULL, last_verified_at REAL,
    created_at REAL NOT NULL, updated_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS download_jobs (
    id TEXT PRIMARY KEY, status TEXT NOT NULL, image_ids TEXT NOT NULL,
    created_at REAL NOT NULL, updated_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS deliveries (
    slot INTEGER PRIMARY KEY, requests INTEGER NOT NULL, transfer_bytes INTEGER NOT NULL,
    transformations INTEGER NOT NULL, cache_hits INTEGER NOT NULL
);
"""

_TABLES = ("images", "upload_tokens", "cors_origins", "custom_domain", "download_jobs", "deliveries")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Keys and ids of the sandbox's one environment; kept in the database."""

    environment_id: str
    organization_id: str
    server_key: str
    client_key: str
    session_token: str
    signing_secret: str

    def __repr__(self) -> str:
        return f"Identity(environment_id={self.environment_id!r}, organization_id={self.organization_id!r})"


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


def open_database(folder: Path, *, durable: bool) -> Database:
    """The database of a folder, made if there is none.

    Raises:
        OSError: what is there is no database, a damaged one, or that of another version.
    """
    path = folder / "imgwire.sqlite"
    try:
        database = Database(path, durable=durable)
    except sqlite3.Error as error:
        raise OSError(f"{path} is not a sandbox's database: {error}") from error
    try:
        damage = database.damage()
    except sqlite3.Error as error:
        damage = str(error)
    if damage is not None:
        database.close()
        raise OSError(f"{path} cannot be used: {damage}. Restore it, or start with another folder")
    return database


class Database:
    """The records of one sandbox."""

    def __init__(self, path: Path, *, durable: bool) -> None:
        self._path = path
        # NORMAL survives a killed process; without a kept folder nothing has to survive.
        self._synchronous = "NORMAL" if durable else "OFF"
        self._readers: list[sqlite3.Connection] = []
        self._readers_lock = threading.Lock()
        self.writer = self._connect()
        try:
            self.writer.execute("PRAGMA journal_mode=WAL")
            self.writer.executescript(_SCHEMA)
        except sqlite3.Error:
            self.writer.close()
            raise

    def close(self) -> None:
        """Close every connection; reads must have ended."""
        while self._readers:
            self._readers.pop().close()
        self.writer.close()

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run `query` in a thread, on a connection of its own."""
        return await asyncio.to_thread(self.read_here, query)

    def read_here(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run `query` in this thread, on a connection that no one else uses meanwhile."""
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
        """What keeps the database from being used, or None. Reads it once, some 300 MB a second."""
        (verdict,) = self.writer.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            return f"it is damaged ({verdict})"
        with contextlib.closing(sqlite3.connect(":memory:")) as example:
            example.executescript(_SCHEMA)
            for table in ("identity", *_TABLES):
                if _columns(self.writer, table) != _columns(example, table):
                    return f"its table {table} is that of another version"
        try:
            self.identity()
        except (ValueError, TypeError):
            return "the keys in it are damaged"
        return None

    def identity(self) -> Identity:
        """The environment's keys, made on the first start."""
        row = self.writer.execute("SELECT document FROM identity").fetchone()
        if row is not None:
            return Identity(**json.loads(row["document"]))
        document = {
            "environment_id": str(uuid.uuid4()),
            "organization_id": str(uuid.uuid4()),
            "server_key": f"sk_{secrets.token_urlsafe(32)}",
            "client_key": f"ck_{secrets.token_urlsafe(32)}",
            "session_token": f"st_{secrets.token_urlsafe(32)}",
            "signing_secret": secrets.token_hex(32),
        }
        self.writer.execute("INSERT INTO identity VALUES (1, ?)", (json.dumps(document),))
        return Identity(**document)

    def clear(self) -> None:
        """Delete all records, but not the keys."""
        with self.writer:
            self.writer.execute("BEGIN")
            for table in _TABLES:
                self.writer.execute(f"DELETE FROM {table}")  # noqa: S608 - names from the tuple above

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA busy_timeout=5000")
        connection.execute(f"PRAGMA synchronous={self._synchronous}")
        return connection


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {column for _, column, *_ in connection.execute(f"PRAGMA table_info({table})")}
