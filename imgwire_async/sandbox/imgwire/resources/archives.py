"""Bulk download jobs: a zip of original files, packed in a thread."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import uuid
import zipfile
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from imgwire_async.sandbox.imgwire.errors import not_found
from imgwire_async.sandbox.imgwire.operations import OPERATIONS
from imgwire_async.sandbox.imgwire.runtime import Runtime, timestamp
from imgwire_async.sandbox.imgwire.schemas import ImageIds
from imgwire_async.sandbox.imgwire.storage import records, store
from imgwire_async.sandbox.server.requests.bodies import BlockFileResponse
from imgwire_async.sandbox.server.routes import Routes

PREFIX = "/_downloads/"
_UNSAFE = str.maketrans(dict.fromkeys('\0/\\:*?"<>|', "_"))


def router(runtime: Runtime) -> APIRouter:
    """Create and read jobs, and deliver their archives."""
    routes = Routes(OPERATIONS)

    @routes.operation("images.create_bulk_download_job")
    async def create(body: ImageIds) -> Response:
        now = runtime.now()
        image_ids = json.dumps([str(image_id) for image_id in body.image_ids])
        row = runtime.database.writer.execute(
            "INSERT INTO download_jobs VALUES (?, 'PENDING', ?, ?, ?) RETURNING *",
            (str(uuid.uuid4()), image_ids, now, now),
        ).fetchone()
        start(runtime, row["id"])
        return JSONResponse(_show(runtime, row))

    @routes.operation("images.retrieve_bulk_download_job")
    async def retrieve(job_id: uuid.UUID) -> Response:
        await runtime.work_ends(str(job_id))
        row = _find(runtime, str(job_id))
        if row is None:
            raise not_found()
        return JSONResponse(_show(runtime, row))

    @routes.api_route(f"{PREFIX}{{job_id}}", methods=["GET"])
    async def download(request: Request, job_id: str) -> Response:
        store.check_signature(runtime, request)
        if _find(runtime, job_id) is None:
            raise not_found()
        return BlockFileResponse(
            runtime.files.archive(job_id), media_type="application/zip", filename=f"images-{job_id}.zip"
        )

    return routes


def unfinished(runtime: Runtime) -> list[str]:
    """Ids of the jobs that are not packed yet."""
    rows = runtime.database.writer.execute(
        "SELECT id FROM download_jobs WHERE status IN ('PENDING', 'PROCESSING')"
    ).fetchall()
    return [row["id"] for row in rows]


def start(runtime: Runtime, job_id: str) -> None:
    """Pack the archive of a job."""
    runtime.start_background(
        _pack(runtime, job_id),
        name=f"Packing archive {job_id}",
        failed=lambda: _set_status(runtime, job_id, "FAILED"),
        subject=job_id,
    )


async def _pack(runtime: Runtime, job_id: str) -> None:
    job = _find(runtime, job_id)
    if job is None:
        return
    image_ids = json.loads(job["image_ids"])
    _set_status(runtime, job_id, "PROCESSING")
    found = await runtime.database.read(lambda connection: records.find_many(connection, image_ids))
    images = [(row["original_filename"], runtime.files.original(row["id"])) for row in found]
    packed = await asyncio.to_thread(_write_zip, runtime, images, runtime.files.archive(job_id))
    _set_status(runtime, job_id, "READY" if packed else "FAILED")


def _write_zip(runtime: Runtime, images: list[tuple[str, Path]], target: Path) -> int:
    """Pack those files that exist, uncompressed because images are compressed; return how many did."""
    incoming = runtime.files.incoming_file()
    names: set[str] = set()
    try:
        with zipfile.ZipFile(incoming, "w", zipfile.ZIP_STORED) as archive:
            for name, path in images:
                if runtime.closing.is_set():
                    return 0
                if path.exists():
                    entry = _entry_name(name, names)
                    archive.write(path, entry)
        if names:
            incoming.replace(target)
    finally:
        incoming.unlink(missing_ok=True)
    return len(names)


def _entry_name(name: str, taken: set[str]) -> str:
    """A name without folders that no other entry has: `a.jpg`, `a (2).jpg`."""
    safe = name.translate(_UNSAFE).strip(". ")[:200] or "image"
    stem, dot, extension = safe.rpartition(".")
    if not dot:
        stem, extension = safe, ""
    entry, number = safe, 1
    while entry.lower() in taken:
        number += 1
        entry = f"{stem} ({number}){dot}{extension}"
    taken.add(entry.lower())
    return entry


def _find(runtime: Runtime, job_id: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = runtime.database.writer.execute(
        "SELECT * FROM download_jobs WHERE id = ?", (job_id,)
    ).fetchone()
    return row


def _set_status(runtime: Runtime, job_id: str, status: str) -> None:
    runtime.database.writer.execute(
        "UPDATE download_jobs SET status = ?, updated_at = ? WHERE id = ?", (status, runtime.now(), job_id)
    )


def _show(runtime: Runtime, row: sqlite3.Row) -> dict[str, object]:
    url = None
    if row["status"] == "READY":
        expires = int(runtime.now() + runtime.settings.download_url_lifetime)
        url = store.presign(runtime, "GET", f"{PREFIX}{row['id']}", expires)
    return {
        "id": row["id"],
        "environment_id": runtime.identity.environment_id,
        "status": row["status"],
        "image_ids": json.loads(row["image_ids"]),
        "download_url": url,
        "created_at": timestamp(row["created_at"]),
        "updated_at": timestamp(row["updated_at"]),
    }
