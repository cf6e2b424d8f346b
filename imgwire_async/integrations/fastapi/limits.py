"""Limits on the request bodies of an application's callers."""

from __future__ import annotations

from typing import Final

import anyio
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imgwire_async.core.values.numbers import whole

TOO_LARGE: Final = "The image is too large."

_LONGEST_DRAIN: Final = 30.0  # seconds; nginx's `lingering_time`
_LONGEST_PAUSE: Final = 5.0  # seconds without a byte; nginx's `lingering_timeout`


def declared_length(header: bytes) -> int | None:
    """The number in a `Content-Length`; of an absurdly long number, the first digits are enough."""
    return int(header[:30]) if header.isdigit() else None


class LimitBodySize:
    """ASGI middleware that rejects longer bodies with 413: `app.add_middleware(LimitBodySize, max_bytes=…)`.

    A body of known length is rejected before any of it is read, others as soon as they are too long. Many
    clients read the response only after sending everything, and would lose it if the connection were closed
    earlier. So the rest of the body is read and discarded, for at most 30 seconds or until nothing arrives
    for 5 seconds.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = whole("max_bytes", max_bytes, least=0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        rejection = _Rejection(scope, receive, send)
        length = declared_length(_header(scope, b"content-length"))
        if length is not None and length > self._max_bytes:
            await rejection.begin(body_ended=False)
            # A client that waits for `100 Continue` has sent nothing, and will not after a 413.
            if _header(scope, b"expect").lower() != b"100-continue":
                await rejection.skip_body()
            await rejection.end()
            return
        received, body_ended, answered, rejected = 0, False, False, False

        async def counted_receive() -> Message:
            nonlocal received, body_ended, rejected
            # For the application, a rejected request is disconnected.
            if not rejected:
                message = await receive()
                received += len(message.get("body", b""))
                if received <= self._max_bytes:
                    return message
                rejected = True
                body_ended = not message.get("more_body", False)
                if not answered:
                    await rejection.begin(body_ended=body_ended)
            return {"type": "http.disconnect"}

        async def noted_send(message: Message) -> None:
            nonlocal answered
            if not rejected:
                answered = True
                await send(message)

        try:
            await self._app(scope, counted_receive, noted_send)
        except ClientDisconnect:
            if not rejected:
                raise
        if rejected and not answered:
            if not body_ended:
                await rejection.skip_body()
            await rejection.end()


class _Rejection:
    """A 413 that the client can read although it is still sending."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send

    async def begin(self, *, body_ended: bool) -> None:
        """Send all of the response except its end marker, after which the server may close the connection."""
        response = JSONResponse({"detail": TOO_LARGE}, 413)
        if not body_ended and self._scope.get("http_version", "1.1").startswith("1"):
            response.headers["connection"] = "close"

        async def without_end(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "more_body": True}
            await self._send(message)

        await response(self._scope, self._receive, without_end)

    async def skip_body(self) -> None:
        """Discard the rest of the body until it ends, the client disconnects or pauses, or time runs out."""
        with anyio.move_on_after(_LONGEST_DRAIN):
            while True:
                with anyio.move_on_after(_LONGEST_PAUSE) as pause:
                    message = await self._receive()
                if pause.cancelled_caught or not message.get("more_body", False):
                    return

    async def end(self) -> None:
        """Send the end marker of the response."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def _header(scope: Scope, wanted: bytes) -> bytes:
    return next((value for name, value in scope["headers"] if name == wanted), b"")
