"""The FastAPI application of the local imgix: routes and error responses."""

from __future__ import annotations

import sqlite3
from functools import partial

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from imgwire_async.sandbox.imgix import auth, documents
from imgwire_async.sandbox.imgix.cdn import delivery
from imgwire_async.sandbox.imgix.operations import OPERATIONS
from imgwire_async.sandbox.imgix.pages.gallery import ImgixShelf
from imgwire_async.sandbox.imgix.resources import assets, purges, reports, sources, uploads
from imgwire_async.sandbox.imgix.runtime import Runtime
from imgwire_async.sandbox.server.errors import ApiError, broken
from imgwire_async.sandbox.server.pages.application import Pages
from imgwire_async.sandbox.server.requests.bodies import EarlyAnswer
from imgwire_async.sandbox.server.requests.gateway import Authentication, Gateway
from imgwire_async.sandbox.server.runtime import logger
from imgwire_async.sandbox.server.service import Service
from imgwire_async.sandbox.server.storage.presigned import StoreError, store_error


def build(runtime: Runtime) -> ASGIApp:
    """The whole service as one ASGI application."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(StoreError, _store_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(404, _not_found)
    app.add_exception_handler(405, _method_not_allowed)
    for kind in (sqlite3.Error, OSError, Exception):
        app.add_exception_handler(kind, _broken)

    @app.get("/health")
    async def health() -> Response:
        return JSONResponse({"status": "ok"})

    for module in (uploads, purges, assets, sources, reports, delivery):
        app.include_router(module.router(runtime))
    service = Service(
        operations=OPERATIONS,
        authenticate=partial(auth.authenticate, runtime),
        error_response=documents.error_response,
        counted_for=partial(auth.counted_for, runtime),
    )
    gateway = Gateway(Authentication(app, service), service, runtime)
    pages = Pages(gateway, app, ImgixShelf(runtime), runtime, OPERATIONS)
    return delivery.HostRouting(pages, runtime)


async def _api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101 - registered for this class
    return documents.error_response(request.url.path, error)


async def _store_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, StoreError)  # noqa: S101 - registered for this class
    return EarlyAnswer(store_error(error.status, error.code, error.message))


async def _invalid(request: Request, _: Exception) -> Response:
    return documents.error_response(request.url.path, documents.bad_request("The request is invalid."))


async def _not_found(request: Request, _: Exception) -> Response:
    return EarlyAnswer(documents.error_response(request.url.path, documents.not_found()))


async def _method_not_allowed(request: Request, _: Exception) -> Response:
    error = ApiError(405, "MethodNotAllowed", f"{request.method} is not allowed here.")
    response = documents.error_response(request.url.path, error)
    response.headers["allow"] = ", ".join(OPERATIONS.methods_of(request.url.path))
    return EarlyAnswer(response)


async def _broken(request: Request, error: Exception) -> Response:
    logger.error("%s %r failed: %r", request.method, request.url.path, error)
    return EarlyAnswer(documents.error_response(request.url.path, broken(error)))
