"""The FastAPI application: routes and error responses."""

from __future__ import annotations

import json
import sqlite3
from functools import partial

from fastapi import FastAPI
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from imgwire_async.sandbox.imgwire import auth, cors
from imgwire_async.sandbox.imgwire.cdn import routes as cdn
from imgwire_async.sandbox.imgwire.errors import error_response
from imgwire_async.sandbox.imgwire.operations import OPERATIONS
from imgwire_async.sandbox.imgwire.pages.gallery import ImgwireShelf
from imgwire_async.sandbox.imgwire.resources import archives, cors_origins, custom_domain, images, metrics
from imgwire_async.sandbox.imgwire.runtime import Runtime
from imgwire_async.sandbox.imgwire.storage import store
from imgwire_async.sandbox.server.errors import ApiError, broken
from imgwire_async.sandbox.server.operations import Operation
from imgwire_async.sandbox.server.pages.application import Pages
from imgwire_async.sandbox.server.requests.bodies import EarlyAnswer
from imgwire_async.sandbox.server.requests.gateway import Authentication, Gateway
from imgwire_async.sandbox.server.runtime import logger
from imgwire_async.sandbox.server.service import Service
from imgwire_async.sandbox.server.storage.presigned import StoreError, store_error


def build(runtime: Runtime) -> ASGIApp:
    """The whole service as one ASGI application."""
    app = FastAPI(openapi_url=None)
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(StoreError, _store_error)
    app.add_exception_handler(405, _method_not_allowed)
    for kind in (sqlite3.Error, OSError, Exception):
        app.add_exception_handler(kind, _broken)

    @app.get("/health")
    async def health() -> Response:
        return JSONResponse({"status": "ok"})

    @app.put("/_store/{key}")
    async def put(request: Request) -> Response:
        return await store.put(runtime, request)

    for module in (archives, images, cors_origins, custom_domain, metrics, cdn):
        app.include_router(module.router(runtime))
    service = Service(
        operations=OPERATIONS, authenticate=partial(_authenticate, runtime), error_response=error_response
    )
    gateway = Gateway(cors.CrossOrigin(Authentication(app, service), runtime), service, runtime)
    return Pages(gateway, app, ImgwireShelf(runtime), runtime, OPERATIONS)


def _authenticate(runtime: Runtime, operation: Operation, headers: Headers) -> auth.Caller:
    return auth.authenticate(
        runtime.identity,
        operation.access,
        headers.get("authorization"),
        headers.get("x-environment-id"),
        runtime.settings.environment_mismatch,
    )


async def _api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101 - registered for this class
    return error_response(request.url.path, error)


async def _method_not_allowed(request: Request, _: Exception) -> Response:
    # The router knows only the first of several routes of a path.
    allow = ", ".join(OPERATIONS.methods_of(request.url.path))
    return JSONResponse({"detail": "Method Not Allowed"}, 405, headers={"Allow": allow})


async def _store_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, StoreError)  # noqa: S101 - registered for this class
    return EarlyAnswer(store_error(error.status, error.code, error.message))


async def _broken(request: Request, error: Exception) -> Response:
    logger.error("%s %r failed: %r", request.method, request.url.path, error)
    return EarlyAnswer(error_response(request.url.path, broken(error)))


async def _validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class
    return AsciiJSONResponse({"detail": jsonable_encoder(error.errors())}, 422)


class AsciiJSONResponse(Response):
    """JSON that can also contain text that UTF-8 cannot encode, such as a rejected lone surrogate."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """Encode with escapes."""
        return json.dumps(content).encode()
