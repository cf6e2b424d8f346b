"""The state of a local imgix: its tables, its keys, and the state that its routes share."""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from imgwire_async.sandbox.imgix.settings import ImgixSandboxSettings
from imgwire_async.sandbox.server.runtime import ServerRuntime
from imgwire_async.sandbox.server.storage.database import Database

TABLES = """
CREATE TABLE IF NOT EXISTS api_keys (digest TEXT PRIMARY KEY, permissions TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sources (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
    enabled INTEGER NOT NULL, deployment TEXT NOT NULL, former TEXT, token TEXT NOT NULL,
    date_deployed REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS hosts (host TEXT PRIMARY KEY, source_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS files (
    source_id TEXT NOT NULL, origin_path TEXT NOT NULL, file TEXT NOT NULL, fetched INTEGER NOT NULL,
    size INTEGER NOT NULL, sha256 TEXT NOT NULL, facts TEXT NOT NULL,
    PRIMARY KEY (source_id, origin_path)
);
CREATE TABLE IF NOT EXISTS assets (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, source_id TEXT NOT NULL, origin_path TEXT NOT NULL,
    attributes TEXT NOT NULL, date_created REAL NOT NULL, date_modified REAL NOT NULL,
    file_size INTEGER NOT NULL, visible_at REAL NOT NULL, examined_at REAL NOT NULL,
    published INTEGER NOT NULL DEFAULT 1,
    UNIQUE (source_id, origin_path)
);
CREATE INDEX IF NOT EXISTS assets_by_date ON assets (source_id, date_created DESC, sequence DESC);
CREATE TABLE IF NOT EXISTS upload_sessions (
    id TEXT PRIMARY KEY, source_id TEXT NOT NULL, origin_path TEXT NOT NULL, date_created REAL NOT NULL,
    date_modified REAL NOT NULL, date_expires REAL NOT NULL, closed_at REAL, file TEXT, size INTEGER,
    sha256 TEXT, content_type TEXT
);
CREATE TABLE IF NOT EXISTS purges (url TEXT PRIMARY KEY, purged_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS reports (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, report_type TEXT NOT NULL,
    report_key TEXT NOT NULL, period_start REAL NOT NULL, period_end REAL NOT NULL,
    complete_at REAL NOT NULL, files TEXT NOT NULL
);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Keys of the local account; kept in the database."""

    api_key: str
    signing_secret: str

    def __repr__(self) -> str:
        return "Identity()"


def variables(identity: Identity, base_url: str) -> Mapping[str, str]:
    """The environment variables that direct clients to a local imgix."""
    return {"IMGIX_API_KEY": identity.api_key, "IMGIX_API_BASE_URL": base_url}


def identity_of(database: Database) -> Identity:
    """The account's keys, created on the first start.

    Raises:
        OSError: those in the database are damaged.
    """
    return database.identity(
        Identity, {"api_key": f"ak_{secrets.token_hex(32)}", "signing_secret": secrets.token_hex(32)}
    )


@dataclass(slots=True, kw_only=True)
class Runtime(ServerRuntime):
    """A running local imgix, as its routes see it."""

    settings: ImgixSandboxSettings
    identity: Identity


def new_id() -> str:
    """An id in the form of sources: 24 hexadecimal digits."""
    return secrets.token_hex(12)


def new_uuid() -> str:
    """An id in the form of all other resources."""
    return str(uuid.uuid4())


def as_json(value: Mapping[str, object]) -> str:
    """A stored document."""
    return json.dumps(value, separators=(",", ":"))
