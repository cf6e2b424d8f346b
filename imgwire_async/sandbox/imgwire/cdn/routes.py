"""Delivery of stored images at `/{organization}/{environment}/{image}[@preset][?transformations]`."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from imgwire_async.sandbox.imgwire.cdn.negotiation import takes_the_original
from imgwire_async.sandbox.imgwire.cdn.parameters import (
    InvalidTransformationError,
    Transformations,
    closest,
    parse,
)
from imgwire_async.sandbox.imgwire.errors import not_found
from imgwire_async.sandbox.imgwire.resources import metrics
from imgwire_async.sandbox.imgwire.runtime import Runtime
from imgwire_async.sandbox.imgwire.storage import records
from imgwire_async.sandbox.server.errors import ApiError
from imgwire_async.sandbox.server.requests.bodies import BlockFileResponse
from imgwire_async.sandbox.server.requests.negotiation import accepted_types, modern_formats
from imgwire_async.sandbox.server.runtime import logger
from imgwire_async.sandbox.server.storage.variants import Variant, VariantResponse, is_current

if TYPE_CHECKING:
    from imgwire_async.sandbox.imgwire.rendering.jobs import Rendered

CACHE_CONTROL = "public, max-age=31536000, immutable"
CACHE_HEADER = "x-imgwire-sandbox-cache"
NOT_RENDERED_HEADER = "x-imgwire-sandbox-not-rendered"


def router(runtime: Runtime) -> APIRouter:
    """The CDN's one route."""
    routes = APIRouter()

    @routes.api_route("/{organization_id:uuid}/{environment_id:uuid}/{image}", methods=["GET", "HEAD"])
    async def deliver(
        request: Request, organization_id: uuid.UUID, environment_id: uuid.UUID, image: str
    ) -> Response:
        identity = runtime.identity
        image_id, at, preset = image.partition("@")
        record = None
        if (str(organization_id), str(environment_id)) == (identity.organization_id, identity.environment_id):
            record = _ready(runtime, image_id)
        if record is None:
            raise not_found()
        transformations = parse(request.scope["query_string"])
        if at:
            transformations = _with_preset(runtime, transformations, preset)
        accepted = accepted_types(",".join(request.headers.getlist("accept")))
        plain = transformations == Transformations() or transformations == Transformations(format="auto")
        if plain and not at and takes_the_original(accepted, record["mime_type"]):
            return _original(runtime, request, record)
        return await _variant(runtime, request, record, transformations, modern_formats(accepted))

    return routes


def _ready(runtime: Runtime, image_id: str) -> records.Record | None:
    record = records.find(runtime.database.writer, image_id)
    return record if record is not None and record["status"] == "READY" else None


def _with_preset(runtime: Runtime, transformations: Transformations, name: str) -> Transformations:
    presets = runtime.settings.presets
    if name not in presets:
        known = ", ".join(presets)
        raise InvalidTransformationError(
            "preset", name, f"{name[:40]!r} is not a preset; known are {known}.", closest(name, list(presets))
        )
    return transformations.with_preset(presets[name])


def _original(runtime: Runtime, request: Request, record: records.Record) -> Response:
    etag = f'"{record["hash_sha256"]}"'
    headers = {"cache-control": CACHE_CONTROL, "etag": etag, "vary": "Accept"}
    if is_current(request, etag):
        metrics.count_delivery(runtime, transfer_bytes=0)
        return Response(status_code=304, headers=headers)
    path = runtime.files.original(record["id"])
    path.stat()  # before the delivery is counted
    transferred = record["size_bytes"] if request.method == "GET" else 0
    metrics.count_delivery(runtime, transfer_bytes=transferred)
    return BlockFileResponse(path, headers=headers, media_type=record["mime_type"])


async def _variant(
    runtime: Runtime,
    request: Request,
    record: records.Record,
    transformations: Transformations,
    accepted: tuple[str, ...],
) -> Response:
    negotiated = transformations.format in {None, "auto"}
    watermark = _watermark(runtime, transformations)
    key = _key(record, watermark, transformations, accepted if negotiated else ())
    etag = f'"{key}"'
    headers = {"cache-control": CACHE_CONTROL, "etag": etag}
    if negotiated:
        headers["vary"] = "Accept"
    variant = runtime.variants.find(key)
    hit, made = variant is not None, False
    if is_current(request, etag):
        # The key consists of everything that determines the picture, so variants need not be rendered to be
        # compared.
        if variant is not None:
            runtime.variants.release(variant)
        metrics.count_delivery(runtime, transfer_bytes=0, cache_hit=hit)
        return Response(status_code=304, headers=headers)
    if variant is None:
        variant, made = await runtime.variants.make(
            key, lambda path: _render(runtime, path, record, watermark, transformations, accepted)
        )
    headers[CACHE_HEADER] = "hit" if hit else "miss"
    if variant.not_rendered:
        headers[NOT_RENDERED_HEADER] = ", ".join(variant.not_rendered)
    transferred = variant.size if request.method == "GET" else 0
    metrics.count_delivery(runtime, transfer_bytes=transferred, transformed=made, cache_hit=hit)
    return VariantResponse(runtime.variants, variant, headers, f"image/{variant.format}")


def _watermark(runtime: Runtime, transformations: Transformations) -> records.Record | None:
    wanted = transformations.watermark
    if wanted is None:
        return None
    record = _ready(runtime, wanted.image_id)
    if record is None:
        raise InvalidTransformationError(
            "watermark", wanted.image_id, "watermark is not the id of a READY image of this environment."
        )
    return record


def _key(
    record: records.Record,
    watermark: records.Record | None,
    transformations: Transformations,
    accepted: tuple[str, ...],
) -> str:
    mark = None if watermark is None else watermark["hash_sha256"]
    parts = (record["id"], record["hash_sha256"], mark, transformations.key, accepted)
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()


async def _render(
    runtime: Runtime,
    path: Path,
    record: records.Record,
    watermark: records.Record | None,
    transformations: Transformations,
    accepted: tuple[str, ...],
) -> Variant:
    def render() -> tuple[Rendered, int]:
        # Image libraries take a quarter of a second to import; here that delays neither start nor loop.
        import pyvips

        from imgwire_async.sandbox.imgwire.rendering.jobs import Job, StoredImage
        from imgwire_async.sandbox.imgwire.rendering.jobs import render as make

        def stored(row: records.Record) -> StoredImage:
            return StoredImage(path=runtime.files.original(row["id"]), mime_type=row["mime_type"])

        job = Job(
            image=stored(record),
            transformations=transformations,
            accepted=accepted,
            watermark=None if watermark is None else stored(watermark),
            maximum_pixels=runtime.settings.maximum_pixels,
        )
        try:
            done = make(job, path, runtime.closing.is_set)
        except pyvips.Error as error:
            raise _failure(runtime, record["id"], error) from error
        return done, path.stat().st_size

    # The threads are the bound of concurrency; further requests wait for one of them.
    done, size = await asyncio.get_running_loop().run_in_executor(runtime.rendering_threads, render)
    return Variant(path, size, done.format, done.not_rendered)


def _failure(runtime: Runtime, image_id: str, error: Exception) -> ApiError:
    if runtime.closing.is_set():
        return ApiError(503, "ServiceUnavailableError", "The sandbox is stopping.")
    logger.error("Image %s could not be transformed: %s", image_id, error)
    return ApiError(500, "TransformationFailedError", "The image could not be transformed; see the log.")
