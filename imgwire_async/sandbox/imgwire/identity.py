"""Keys and ids of the one environment, and the tables of its records."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from imgwire_async.sandbox.server.storage.database import Database

TABLES = """
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
CREATE TABLE IF NOT EXISTS quarantine_reasons (image_id TEXT PRIMARY KEY, reason TEXT NOT NULL);
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


def variables(identity: Identity, base_url: str) -> Mapping[str, str]:
    """The environment variables that direct clients to a sandbox; all, to override those of another one."""
    return {
        "IMGWIRE_API_KEY": identity.server_key,
        "IMGWIRE_API_BASE_URL": base_url,
        "IMGWIRE_ENVIRONMENT_ID": identity.environment_id,
        "IMGWIRE_CLIENT_KEY": identity.client_key,
    }


def identity_of(database: Database) -> Identity:
    """The environment's keys, created on the first start.

    Raises:
        OSError: those in the database are damaged.
    """
    return database.identity(
        Identity,
        {
            "environment_id": str(uuid.uuid4()),
            "organization_id": str(uuid.uuid4()),
            "server_key": f"sk_{secrets.token_urlsafe(32)}",
            "client_key": f"ck_{secrets.token_urlsafe(32)}",
            "session_token": f"st_{secrets.token_urlsafe(32)}",
            "signing_secret": secrets.token_hex(32),
        },
    )
