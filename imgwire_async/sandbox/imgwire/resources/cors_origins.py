"""Routes of CORS origins."""

from __future__ import annotations

import sqlite3
import uuid

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from imgwire_async.sandbox.imgwire.cors import check_pattern
from imgwire_async.sandbox.imgwire.errors import conflict, not_found
from imgwire_async.sandbox.imgwire.operations import OPERATIONS
from imgwire_async.sandbox.imgwire.resources.images import PageLimit, PageNumber, pagination_headers
from imgwire_async.sandbox.imgwire.runtime import Runtime, timestamp
from imgwire_async.sandbox.imgwire.schemas import CorsOriginBody
from imgwire_async.sandbox.server.errors import ApiError
from imgwire_async.sandbox.server.routes import Routes


def router(runtime: Runtime) -> APIRouter:
    """Create, list, retrieve, change and delete CORS origins."""
    routes = Routes(OPERATIONS)
    writer = runtime.database.writer

    def show(row: sqlite3.Row) -> dict[str, object]:
        return {
            "id": row["id"],
            "environment_id": runtime.identity.environment_id,
            "pattern": row["pattern"],
            "created_at": timestamp(row["created_at"]),
            "updated_at": timestamp(row["updated_at"]),
        }

    def find(cors_origin_id: uuid.UUID) -> sqlite3.Row:
        row: sqlite3.Row | None = writer.execute(
            "SELECT * FROM cors_origins WHERE id = ?", (str(cors_origin_id),)
        ).fetchone()
        if row is None:
            raise not_found()
        return row

    @routes.operation("cors_origins.list")
    async def list_cors_origins(page: PageNumber = 1, limit: PageLimit = 20) -> Response:
        (total,) = writer.execute("SELECT count(*) FROM cors_origins").fetchone()
        # No origins lie beyond the total, and SQLite takes no offset over 64 bits.
        offset = min((page - 1) * limit, total)
        rows = writer.execute(
            "SELECT * FROM cors_origins ORDER BY sequence DESC LIMIT ? OFFSET ?", (limit, offset)
        ).fetchall()
        return JSONResponse([show(row) for row in rows], headers=pagination_headers(total, page, limit))

    @routes.operation("cors_origins.create")
    async def create(body: CorsOriginBody) -> Response:
        pattern, now = check_pattern(body.pattern), runtime.now()
        try:
            row = writer.execute(
                "INSERT INTO cors_origins (id, pattern, created_at, updated_at)"
                " VALUES (?, ?, ?, ?) RETURNING *",
                (str(uuid.uuid4()), pattern, now, now),
            ).fetchone()
        except sqlite3.IntegrityError:
            raise _duplicate() from None
        return JSONResponse(show(row))

    @routes.operation("cors_origins.retrieve")
    async def retrieve(cors_origin_id: uuid.UUID) -> Response:
        return JSONResponse(show(find(cors_origin_id)))

    @routes.operation("cors_origins.update")
    async def update(cors_origin_id: uuid.UUID, body: CorsOriginBody) -> Response:
        find(cors_origin_id)
        try:
            row = writer.execute(
                "UPDATE cors_origins SET pattern = ?, updated_at = ? WHERE id = ? RETURNING *",
                (check_pattern(body.pattern), runtime.now(), str(cors_origin_id)),
            ).fetchone()
        except sqlite3.IntegrityError:
            raise _duplicate() from None
        return JSONResponse(show(row))

    @routes.operation("cors_origins.delete")
    async def delete(cors_origin_id: uuid.UUID) -> Response:
        find(cors_origin_id)
        writer.execute("DELETE FROM cors_origins WHERE id = ?", (str(cors_origin_id),))
        return JSONResponse({"status": "deleted"})

    return routes


def _duplicate() -> ApiError:
    return conflict("This pattern already exists.")
