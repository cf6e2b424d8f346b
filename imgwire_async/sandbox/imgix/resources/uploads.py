"""Uploads: direct ones, and sessions whose bytes go to a presigned URL."""

from __future__ import annotations

import sqlite3
from typing import Final

from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from imgwire_async.sandbox.imgix import documents, origins
from imgwire_async.sandbox.imgix.auth import check_permission
from imgwire_async.sandbox.imgix.documents import STORE_PREFIX, Attributes, bad_request, not_found
from imgwire_async.sandbox.imgix.operations import OPERATIONS, Permission
from imgwire_async.sandbox.imgix.resources import assets, sources
from imgwire_async.sandbox.imgix.runtime import Runtime, new_uuid
from imgwire_async.sandbox.server.errors import ApiError
from imgwire_async.sandbox.server.requests.bodies import BodyTooLargeError, EarlyAnswer, write_to_file
from imgwire_async.sandbox.server.routes import Routes
from imgwire_async.sandbox.server.storage.presigned import StoreError, check_signature, presign

EXPIRED: Final = "EXPIRED"
"""State of a session that was never closed; imgix's own name is unpublished."""

Row = sqlite3.Row


def router(runtime: Runtime) -> APIRouter:
    """Direct uploads and sessions, under the documented paths and those of newer integrations."""
    routes = Routes(OPERATIONS)
    sessions = "/api/v1/sources/{source_id}/upload-sessions"
    status = runtime.settings.accepted_status

    @routes.operation("assets.upload")
    async def upload(request: Request, source_id: str, origin_path: str) -> Response:
        try:
            return await _upload(runtime, request, source_id, origin_path)
        except ApiError as error:
            return EarlyAnswer(documents.error_response(request.url.path, error))

    # By path, because one of the newer ones serves two operations.
    @routes.post(f"{sessions}/create/{{origin_path:path}}")
    async def create(source_id: str, origin_path: str) -> Response:
        return documents.success(_create(runtime, source_id, origin_path), status=status)

    @routes.post(f"{sessions}/close/{{session_id}}")
    async def close(source_id: str, session_id: str) -> Response:
        return documents.success(await _close(runtime, _find(runtime, source_id, session_id)), status=status)

    @routes.post(f"{sessions}/{{origin_path:path}}")
    async def create_or_close(source_id: str, origin_path: str) -> Response:
        row = _row(runtime, source_id, origin_path)
        if row is not None:
            return documents.success(await _close(runtime, row), status=status)
        return documents.success(_create(runtime, source_id, origin_path), status=status)

    @routes.get(f"{sessions}/status/{{session_id}}")
    @routes.get(f"{sessions}/{{session_id}}")
    async def retrieve(source_id: str, session_id: str) -> Response:
        return documents.success(_show(runtime, _find(runtime, source_id, session_id)))

    @routes.delete(f"{sessions}/cancel/{{session_id}}")
    @routes.delete(f"{sessions}/{{session_id}}")
    async def cancel(source_id: str, session_id: str) -> Response:
        return _cancel(runtime, _find(runtime, source_id, session_id))

    @routes.operation("store.put")
    async def put(request: Request, key: str) -> Response:
        return await _put(runtime, request, key)

    return routes


async def _upload(runtime: Runtime, request: Request, source_id: str, origin_path: str) -> Response:
    source = _uploadable(runtime, source_id)
    path = origins.normalized(origin_path)
    overwrite = request.query_params.get("overwrite")
    if overwrite is not None and documents.boolean("overwrite", overwrite):
        check_permission(runtime, request, Permission.ASSET_PURGE)
    elif origins.find(runtime, source["id"], path) is not None:
        raise ApiError(
            runtime.settings.existing_path_status,
            "Conflict",
            f"{path} exists; upload with overwrite=true to replace it.",
        )
    maximum = runtime.settings.maximum_upload_bytes
    too_large = ApiError(
        runtime.settings.oversized_upload_status,
        "PayloadTooLarge",
        f"The file exceeds {maximum} bytes; use an upload session.",
    )
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > maximum:
        raise too_large
    incoming = runtime.files.incoming_file()
    try:
        size, sha256 = await write_to_file(request.stream(), incoming, maximum)
        if size == 0:
            raise bad_request("The body is empty.")
        content_type = request.headers.get("content-type")
        file = await origins.keep(runtime, source["id"], path, incoming, size, sha256, content_type)
    except BodyTooLargeError:
        raise too_large from None
    except ClientDisconnect:
        # Nobody is left to read a response.
        return Response(status_code=400)
    finally:
        incoming.unlink(missing_ok=True)
    row = assets.index(runtime, file, examined_after=runtime.settings.indexing_delay, uploaded=True)
    return documents.success(assets.brief(row), status=runtime.settings.accepted_status)


def _uploadable(runtime: Runtime, source_id: str) -> Row:
    source = sources.find(runtime, source_id)
    kind = sources.deployment_of(source)["type"]
    if kind not in sources.UPLOADABLE:
        raise bad_request(f"A source of type {kind} takes no uploads.")
    return source


def _create(runtime: Runtime, source_id: str, origin_path: str) -> dict[str, object]:
    source, now = _uploadable(runtime, source_id), runtime.now()
    row: Row = runtime.database.writer.execute(
        "INSERT INTO upload_sessions (id, source_id, origin_path, date_created, date_modified, date_expires) "
        "VALUES (?, ?, ?, ?, ?, ?) RETURNING *",
        (
            new_uuid(),
            source["id"],
            origins.normalized(origin_path),
            now,
            now,
            now + runtime.settings.session_lifetime,
        ),
    ).fetchone()
    url = presign(
        runtime.identity.signing_secret,
        runtime.base_url,
        "PUT",
        f"{STORE_PREFIX}{row['id']}",
        int(row["date_expires"]),
    )
    return _show(runtime, row, url)


async def _close(runtime: Runtime, row: Row) -> dict[str, object]:
    if row["closed_at"] is not None:
        return _show(runtime, row)
    if row["date_expires"] <= runtime.now():
        raise bad_request("The upload session has expired.")
    if row["file"] is None:
        raise bad_request("No bytes have been sent to the URL of this session.")
    now = runtime.now()
    closed: Row = runtime.database.writer.execute(
        "UPDATE upload_sessions SET closed_at = ?, date_modified = ? WHERE id = ? RETURNING *",
        (now, now, row["id"]),
    ).fetchone()
    file = await origins.keep(
        runtime,
        row["source_id"],
        row["origin_path"],
        runtime.files.original(row["file"]),
        row["size"],
        row["sha256"],
        row["content_type"],
    )
    delay = runtime.settings.session_delay
    assets.index(runtime, file, visible_after=delay, examined_after=delay, uploaded=True)
    return _show(runtime, closed)


def _cancel(runtime: Runtime, row: Row) -> Response:
    if row["closed_at"] is not None:
        raise bad_request("The upload session is closed.")
    runtime.database.writer.execute("DELETE FROM upload_sessions WHERE id = ?", (row["id"],))
    if row["file"] is not None:
        runtime.files.original(row["file"]).unlink(missing_ok=True)
    if runtime.settings.cancel_answers_empty:
        return Response(status_code=204)
    shown = _show(runtime, row)
    attributes = shown["attributes"]
    assert isinstance(attributes, dict)  # noqa: S101 - made above
    attributes["status"] = "CANCELLED"
    return documents.success(shown)


async def _put(runtime: Runtime, request: Request, session_id: str) -> Response:
    if "authorization" in request.headers:
        raise StoreError(400, "InvalidArgument", "A presigned URL takes no Authorization header.")
    check_signature(runtime.identity.signing_secret, request, runtime.now())
    if "content-length" not in request.headers:
        raise StoreError(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
    _open(runtime, session_id)
    incoming = runtime.files.incoming_file()
    try:
        size, sha256 = await write_to_file(request.stream(), incoming, runtime.settings.maximum_session_bytes)
        # From here to the end nothing awaits, so two PUTs of one session cannot mix.
        row = _open(runtime, session_id)
        target = runtime.files.original(row["file"] or new_uuid())
        target.parent.mkdir(exist_ok=True)
        incoming.replace(target)
        runtime.database.writer.execute(
            "UPDATE upload_sessions SET file = ?, size = ?, sha256 = ?, content_type = ?, date_modified = ? "
            "WHERE id = ?",
            (target.name, size, sha256, request.headers.get("content-type"), runtime.now(), session_id),
        )
    except BodyTooLargeError:
        raise StoreError(400, "EntityTooLarge", "The upload exceeds the maximum allowed size.") from None
    except ClientDisconnect:
        # Nobody is left to read a response.
        return Response(status_code=400)
    finally:
        incoming.unlink(missing_ok=True)
    return Response(headers={"etag": f'"{sha256[:32]}"'})


def _open(runtime: Runtime, session_id: str) -> Row:
    row: Row | None = runtime.database.writer.execute(
        "SELECT * FROM upload_sessions WHERE id = ?", (session_id,)
    ).fetchone()
    if row is None:
        raise StoreError(404, "NoSuchKey", "The session of this upload no longer exists.")
    if row["closed_at"] is not None:
        raise StoreError(403, "AccessDenied", "The upload session is closed.")
    return row


def _row(runtime: Runtime, source_id: str, session_id: str) -> Row | None:
    row: Row | None = runtime.database.writer.execute(
        "SELECT * FROM upload_sessions WHERE id = ? AND source_id = ?", (session_id, source_id)
    ).fetchone()
    return row


def _find(runtime: Runtime, source_id: str, session_id: str) -> Row:
    row = _row(runtime, source_id, session_id)
    if row is None:
        raise not_found()
    return row


def _show(runtime: Runtime, row: Row, url: str | None = None) -> dict[str, object]:
    attributes: Attributes = {
        "date_created": int(row["date_created"]),
        "date_expires": int(row["date_expires"]),
        "date_modified": int(row["date_modified"]),
        "id": row["id"],
        "origin_path": row["origin_path"],
        "source_id": row["source_id"],
        "status": _status(runtime, row),
    }
    if url is not None:
        attributes["url"] = url
    return documents.resource("upload_sessions", row["id"], attributes)


def _status(runtime: Runtime, row: Row) -> str:
    if row["closed_at"] is None:
        return EXPIRED if row["date_expires"] <= runtime.now() else "PENDING"
    complete = runtime.now() >= row["closed_at"] + runtime.settings.session_delay
    return "COMPLETE" if complete else "CLOSED"
