"""The pages in front of a service, which are exempt from faults, rate limits and the journal."""

from __future__ import annotations

import sqlite3
import time

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imgwire_async.sandbox.server.errors import broken
from imgwire_async.sandbox.server.operations import Operations
from imgwire_async.sandbox.server.pages import developer, gallery
from imgwire_async.sandbox.server.pages.layout import Frame, notice
from imgwire_async.sandbox.server.pages.protection import is_trusted
from imgwire_async.sandbox.server.pages.shelf import PageError, Shelf
from imgwire_async.sandbox.server.requests.bodies import EarlyAnswer, counted
from imgwire_async.sandbox.server.requests.request_log import ReceivedRequest, access_log
from imgwire_async.sandbox.server.runtime import ServerRuntime, logger

_PREFIXES = ("/gallery/", "/developer")
_BOX = ((b"content-security-policy", b"sandbox"), (b"x-content-type-options", b"nosniff"))


class Pages:
    """ASGI middleware that serves the pages and passes all other requests on.

    Args:
        application: The service with its gateway.
        delivery: The service behind its gateway.
        shelf: The content of the pages.
        runtime: The runtime of the service.
        operations: The operations of the service.
    """

    def __init__(
        self,
        application: ASGIApp,
        delivery: ASGIApp,
        shelf: Shelf,
        runtime: ServerRuntime,
        operations: Operations,
    ) -> None:
        self._application = application
        self._delivery = delivery
        self._shelf = shelf
        self._runtime = runtime
        self._operations = operations
        self._pages = Starlette(
            routes=[
                *gallery.routes(shelf, runtime, delivery),
                *developer.routes(shelf, runtime, operations),
            ],
            exception_handlers={
                PageError: self._problem,
                HTTPException: self._problem,
                **dict.fromkeys((sqlite3.Error, OSError, Exception), self._broken),
            },
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request, or pass it on."""
        path: str = scope["path"]
        if path in {"/", "/favicon.ico"} or path.startswith(_PREFIXES):
            await self._logged(self._pages, "page", scope, receive, send)
        elif path.startswith(f"{gallery.PREVIEW}/"):
            await self._preview(scope, receive, send)
        elif self._is_delivery(scope["method"], path):
            await self._application(scope, receive, _in_a_box(send))
        else:
            await self._application(scope, receive, send)

    def _is_delivery(self, method: str, path: str) -> bool:
        found = self._operations.resolve(method, path)
        return found is not None and found.name == self._shelf.delivery_operation

    async def _preview(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(gallery.PREVIEW)
        # Credentials are not checked here, so only public pictures can be reached.
        if not self._is_delivery(scope["method"], path):
            await self._logged(self._pages, "page", scope, receive, send)
            return
        raw_path = scope["raw_path"].removeprefix(gallery.PREVIEW.encode())
        inner = {**scope, "path": path, "raw_path": raw_path}
        await self._logged(self._delivery, "page", inner, receive, _in_a_box(send))

    async def _logged(
        self, application: ASGIApp, operation: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        entry = ReceivedRequest(operation, scope["method"], scope["path"], 0, started_at=time.monotonic())

        async def noted_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry.status = message["status"]
            entry.bytes_sent += len(message.get("body", b""))
            await send(message)

        try:
            await application(scope, counted(receive, scope, entry), noted_send)
        finally:
            entry.ended_at = time.monotonic()
            access_log.info("%s", entry)

    async def _problem(self, request: Request, error: Exception) -> Response:
        status, sentence = 500, ""
        if isinstance(error, PageError):
            status, sentence = error.status, error.sentence
        elif isinstance(error, HTTPException):
            status = error.status_code
            sentence = "This page does not exist." if status == 404 else f"{error.detail}."
        response = self._page(request, sentence, status)
        if isinstance(error, HTTPException) and error.headers:
            response.headers.update(error.headers)
        return EarlyAnswer(response)

    async def _broken(self, request: Request, error: Exception) -> Response:
        logger.error("%s %r failed: %r", request.method, request.url.path, error)
        return EarlyAnswer(self._page(request, broken(error).detail, 500))

    def _page(self, request: Request, sentence: str, status: int) -> Response:
        heading = {403: "Not allowed", 404: "Not found"}.get(status, "The request failed")
        frame = Frame(self._shelf.title, is_trusted(request))
        return frame.page(heading, notice(sentence, error=True), status=status)


def _in_a_box(send: Send) -> Send:
    """Keep a delivered file from acting as a page of this address: it may be HTML or SVG with scripts."""

    async def send_in_a_box(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *_BOX]}
        await send(message)

    return send_in_a_box
