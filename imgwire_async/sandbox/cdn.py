"""Delivery of stored images at `/{organization}/{environment}/{image}`."""

from __future__ import annotations

import uuid

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from imgwire_async.sandbox import metrics, records
from imgwire_async.sandbox.bodies import BlockFileResponse
from imgwire_async.sandbox.errors import not_found
from imgwire_async.sandbox.runtime import Runtime


def router(runtime: Runtime) -> APIRouter:
    """The CDN's one route."""
    routes = APIRouter()

    @routes.api_route("/{organization_id:uuid}/{environment_id:uuid}/{image}", methods=["GET", "HEAD"])
    async def deliver(
        request: Request, organization_id: uuid.UUID, environment_id: uuid.UUID, image: str
    ) -> Response:
        identity = runtime.identity
        record = None
        if (str(organization_id), str(environment_id)) == (identity.organization_id, identity.environment_id):
            record = records.find(runtime.database.writer, image)
        if record is None or record["status"] != "READY":
            raise not_found()
        etag = f'"{record["hash_sha256"]}"'
        headers = {"cache-control": "public, max-age=31536000, immutable", "etag": etag}
        if request.headers.get("if-none-match") == etag:
            metrics.count_delivery(runtime, transfer_bytes=0)
            return Response(status_code=304, headers=headers)
        transferred = record["size_bytes"] if request.method == "GET" else 0
        metrics.count_delivery(runtime, transfer_bytes=transferred)
        return BlockFileResponse(
            runtime.files.original(image), headers=headers, media_type=record["mime_type"]
        )

    return routes
