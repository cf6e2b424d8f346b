"""Routes of images."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from imgwire_async.sandbox.imgwire.errors import not_found
from imgwire_async.sandbox.imgwire.operations import OPERATIONS
from imgwire_async.sandbox.imgwire.resources import uploads
from imgwire_async.sandbox.imgwire.runtime import Runtime
from imgwire_async.sandbox.imgwire.schemas import ImageIds, StandardUploadCreate, UploadViaUrlCreate
from imgwire_async.sandbox.imgwire.storage import fetching, processing, records
from imgwire_async.sandbox.server.routes import Routes
from imgwire_async.sandbox.server.service import CALLER

PageNumber = Annotated[int, Query(ge=1)]
PageLimit = Annotated[int, Query(ge=1, le=100)]

_DELETE_BATCH = 200
"""Deletions between two chances for other requests."""


def pagination_headers(total: int, number: int, limit: int) -> dict[str, str]:
    """The five headers of a list; a missing neighbour is the text `null`."""
    last = max(1, -(-total // limit))
    return {
        "x-total-count": str(total),
        "x-page": str(number),
        "x-limit": str(limit),
        "x-prev-page": str(number - 1) if number > 1 else "null",
        "x-next-page": str(number + 1) if number < last else "null",
    }


def router(runtime: Runtime) -> APIRouter:
    """Create, list, retrieve and delete images."""
    routes = Routes(OPERATIONS)

    @routes.operation("images.list")
    async def list_images(page: PageNumber = 1, limit: PageLimit = 20) -> Response:
        total, rows = await runtime.database.read(lambda connection: records.page(connection, page, limit))
        body = [records.show(runtime, row) for row in rows]
        return JSONResponse(body, headers=pagination_headers(total, page, limit))

    @routes.operation("images.create")
    async def create(
        request: Request, body: StandardUploadCreate, upload_token: str | None = None
    ) -> Response:
        return JSONResponse(uploads.create(runtime, body, upload_token, request.scope[CALLER]))

    @routes.operation("images.upload_via_url")
    async def upload_via_url(body: UploadViaUrlCreate) -> Response:
        return JSONResponse(records.show(runtime, fetching.create(runtime, body)))

    @routes.operation("images.create_upload_token")
    async def create_upload_token() -> Response:
        return JSONResponse(uploads.create_token(runtime))

    @routes.operation("images.bulk_delete")
    async def bulk_delete(body: ImageIds) -> Response:
        image_ids = list(dict.fromkeys(str(image_id) for image_id in body.image_ids))
        for start in range(0, len(image_ids), _DELETE_BATCH):
            await delete(runtime, image_ids[start : start + _DELETE_BATCH])
        return JSONResponse({"status": "deleted"})

    @routes.operation("images.retrieve")
    async def retrieve(image_id: uuid.UUID) -> Response:
        await processing.before_read(runtime, str(image_id))
        record = records.find(runtime.database.writer, str(image_id))
        if record is None:
            raise not_found()
        return JSONResponse(records.show(runtime, record))

    @routes.operation("images.delete")
    async def delete_one(image_id: uuid.UUID) -> Response:
        if not await delete(runtime, [str(image_id)]):
            raise not_found()
        return JSONResponse({"status": "deleted"})

    return routes


async def delete(runtime: Runtime, image_ids: list[str]) -> int:
    """Delete the images among these ids that exist; return how many did."""
    writer = runtime.database.writer
    with writer:
        writer.execute("BEGIN")
        deleted = [image_id for image_id in image_ids if records.mark_deleted(runtime, image_id)]
    await asyncio.to_thread(_remove, [runtime.files.original(image_id) for image_id in deleted])
    return len(deleted)


def _remove(files: list[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)
