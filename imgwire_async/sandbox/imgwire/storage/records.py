"""Image records: how they are stored, found, changed and shown."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import BaseModel

from imgwire_async.sandbox.imgwire.runtime import Runtime, timestamp, timestamp_or_none
from imgwire_async.sandbox.imgwire.schemas import DIRECTLY_DELIVERABLE, CustomMetadata, extension_of
from imgwire_async.sandbox.pictures.types import SupportedMimeType

Record = sqlite3.Row


@dataclass(frozen=True, slots=True, kw_only=True)
class NewImage:
    """The properties of an image in a create call."""

    file_name: str
    mime_type: SupportedMimeType
    mime_type_given: bool
    custom_metadata: CustomMetadata
    fingerprint: str
    content_length: int | None = None
    declared_hash: str | None = None
    idempotency_key: str | None = None
    purpose: str | None = None
    upload_token_id: str | None = None
    by_client_key: bool = False
    source_url: str | None = None


def fingerprint(body: BaseModel) -> str:
    """Equal for create calls that ask for the same thing."""
    return hashlib.sha256(body.model_dump_json().encode()).hexdigest()


def insert(runtime: Runtime, new: NewImage) -> Record:
    """Store a PENDING record."""
    now = runtime.now()
    row: Record = runtime.database.writer.execute(
        "INSERT INTO images (id, status, original_filename, mime_type, mime_type_given, extension,"
        " content_length, declared_hash, hash_sha256, idempotency_key, fingerprint, purpose, custom_metadata,"
        " upload_token_id, by_client_key, upload_expires_at, source_url, created_at, updated_at)"
        " VALUES (?, 'PENDING', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
        (
            str(uuid.uuid4()),
            new.file_name,
            new.mime_type.value,
            new.mime_type_given,
            extension_of(new.file_name, new.mime_type),
            new.content_length,
            new.declared_hash,
            new.declared_hash,
            new.idempotency_key,
            new.fingerprint,
            new.purpose,
            json.dumps(new.custom_metadata),
            new.upload_token_id,
            new.by_client_key,
            now + runtime.settings.upload_url_lifetime if new.source_url is None else 0.0,
            new.source_url,
            now,
            now,
        ),
    ).fetchone()
    return row


def find(connection: sqlite3.Connection, image_id: str) -> Record | None:
    """The record with this id, unless deleted."""
    row: Record | None = connection.execute(
        "SELECT * FROM images WHERE id = ? AND deleted_at IS NULL", (image_id,)
    ).fetchone()
    return row


def find_by_key(runtime: Runtime, idempotency_key: str) -> Record | None:
    """The record that a create call with this key made; deleting an image frees its key."""
    row: Record | None = runtime.database.writer.execute(
        "SELECT * FROM images WHERE idempotency_key = ? AND deleted_at IS NULL ORDER BY sequence LIMIT 1",
        (idempotency_key,),
    ).fetchone()
    return row


def find_many(connection: sqlite3.Connection, image_ids: Iterable[str]) -> list[Record]:
    """The records among these ids, in the order of the ids, each once."""
    found = (find(connection, image_id) for image_id in dict.fromkeys(image_ids))
    return [record for record in found if record is not None]


def page(connection: sqlite3.Connection, number: int, limit: int) -> tuple[int, list[Record]]:
    """How many records there are, and one page of them, newest first."""
    (total,) = connection.execute("SELECT count(*) FROM images WHERE deleted_at IS NULL").fetchone()
    offset = (number - 1) * limit
    if offset >= total:
        return total, []
    rows = connection.execute(
        "SELECT * FROM images WHERE deleted_at IS NULL ORDER BY sequence DESC LIMIT ? OFFSET ?",
        (limit, offset),
    ).fetchall()
    return total, rows


def shown(connection: sqlite3.Connection, number: int, limit: int, status: str | None) -> list[Record]:
    """One page of the records, or of those with a status, newest first."""
    return connection.execute(
        "SELECT * FROM images WHERE deleted_at IS NULL AND (? IS NULL OR status = ?)"
        " ORDER BY sequence DESC LIMIT ? OFFSET ?",
        (status, status, limit, (number - 1) * limit),
    ).fetchall()


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """How many records have each status."""
    rows = connection.execute(
        "SELECT status, count(*) FROM images WHERE deleted_at IS NULL GROUP BY status ORDER BY status"
    )
    return dict(rows.fetchall())


def reasons(connection: sqlite3.Connection, image_ids: Iterable[str]) -> dict[str, str]:
    """The reasons for quarantine, for the quarantined images among these ids."""
    found = (
        connection.execute(
            "SELECT image_id, reason FROM quarantine_reasons WHERE image_id = ?", (image_id,)
        ).fetchone()
        for image_id in image_ids
    )
    return {row["image_id"]: row["reason"] for row in found if row is not None}


def renew_upload(runtime: Runtime, image_id: str) -> Record:
    """Extend the time in which the bytes of a PENDING record can be uploaded."""
    now = runtime.now()
    row: Record = runtime.database.writer.execute(
        "UPDATE images SET upload_expires_at = ?, updated_at = ? WHERE id = ? RETURNING *",
        (now + runtime.settings.upload_url_lifetime, now, image_id),
    ).fetchone()
    return row


def count_pending_of_client_key(runtime: Runtime) -> int:
    """Records of the client key that still wait for bytes and may get them."""
    (count,) = runtime.database.writer.execute(
        "SELECT count(*) FROM images WHERE status = 'PENDING' AND by_client_key AND deleted_at IS NULL"
        " AND upload_expires_at > ?",
        (runtime.now(),),
    ).fetchone()
    return int(count)


def mark_processing(runtime: Runtime, image_id: str, size: int, sha256: str) -> bool:
    """Record that the bytes have arrived. Return False if the record is gone."""
    cursor = runtime.database.writer.execute(
        "UPDATE images SET status = 'PROCESSING', size_bytes = ?, hash_sha256 = ?, updated_at = ?"
        " WHERE id = ? AND deleted_at IS NULL",
        (size, sha256, runtime.now(), image_id),
    )
    return cursor.rowcount == 1


def mark_ready(runtime: Runtime, image_id: str, width: int, height: int, exif: dict[str, object]) -> None:
    """Record that the bytes have been examined and are valid."""
    now = runtime.now()
    runtime.database.writer.execute(
        "UPDATE images SET status = 'READY', width = ?, height = ?, exif_data = ?, processed_metadata_at = ?,"
        " updated_at = ? WHERE id = ?",
        (width, height, json.dumps(exif), now, now, image_id),
    )


def mark_quarantined(runtime: Runtime, image_id: str, reason: str) -> None:
    """Record that the bytes were rejected or could not be fetched. The API does not show the reason."""
    now = runtime.now()
    runtime.database.writer.execute(
        "INSERT OR REPLACE INTO quarantine_reasons VALUES (?, ?)", (image_id, reason)
    )
    runtime.database.writer.execute(
        "UPDATE images SET status = 'QUARANTINE', processed_metadata_at = ?, updated_at = ? WHERE id = ?",
        (now, now, image_id),
    )


def set_type(runtime: Runtime, image_id: str, mime_type: SupportedMimeType) -> None:
    """Correct a guessed type once the bytes have shown the real one."""
    row = find(runtime.database.writer, image_id)
    if row is not None:
        runtime.database.writer.execute(
            "UPDATE images SET mime_type = ?, extension = ? WHERE id = ?",
            (mime_type.value, extension_of(row["original_filename"], mime_type), image_id),
        )


def mark_deleted(runtime: Runtime, image_id: str) -> bool:
    """Delete a record. Return False if there was none."""
    now = runtime.now()
    cursor = runtime.database.writer.execute(
        "UPDATE images SET deleted_at = ?, updated_at = ? WHERE id = ? AND deleted_at IS NULL",
        (now, now, image_id),
    )
    return cursor.rowcount == 1


def unfinished(runtime: Runtime) -> list[Record]:
    """Records whose processing or fetching a stop has interrupted."""
    return runtime.database.writer.execute(
        "SELECT * FROM images WHERE deleted_at IS NULL AND"
        " (status = 'PROCESSING' OR (status = 'PENDING' AND source_url IS NOT NULL))"
    ).fetchall()


def can_upload(runtime: Runtime, record: Record) -> bool:
    """Whether bytes may still be put: no bytes yet, and the URL is alive."""
    return bool(record["status"] == "PENDING" and record["upload_expires_at"] > runtime.now())


def cdn_url(runtime: Runtime, image_id: str) -> str:
    """The delivery URL of the image. Built for every response, because a restart may change the port."""
    identity = runtime.identity
    return f"{runtime.base_url}/{identity.organization_id}/{identity.environment_id}/{image_id}"


def show(runtime: Runtime, record: Record) -> dict[str, object]:
    """`ImageSchema`."""
    return {
        "id": record["id"],
        "environment_id": runtime.identity.environment_id,
        "upload_token_id": record["upload_token_id"],
        "original_filename": record["original_filename"],
        "hash_sha256": record["hash_sha256"],
        "status": record["status"],
        "cdn_url": cdn_url(runtime, record["id"]),
        "mime_type": record["mime_type"],
        "can_upload": can_upload(runtime, record),
        "is_directly_deliverable": record["mime_type"] in DIRECTLY_DELIVERABLE,
        "idempotency_key": record["idempotency_key"],
        "purpose": record["purpose"],
        "extension": record["extension"],
        "width": record["width"],
        "height": record["height"],
        "size_bytes": record["size_bytes"],
        "custom_metadata": json.loads(record["custom_metadata"]),
        "exif_data": json.loads(record["exif_data"]),
        "created_at": timestamp(record["created_at"]),
        "updated_at": timestamp(record["updated_at"]),
        "deleted_at": timestamp_or_none(record["deleted_at"]),
        "processed_metadata_at": timestamp_or_none(record["processed_metadata_at"]),
    }
