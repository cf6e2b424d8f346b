"""Cancels handlers whose client has disconnected."""

from __future__ import annotations

from typing import Final

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_READ_AHEAD: Final = 2
"""Messages of a request buffered for the application; short bodies fit, so their end is always seen."""


class CancelOnDisconnect:
    """ASGI middleware that cancels a handler when its client disconnects: `app.add_middleware(...)`.

    Without it, a handler runs to its end for nothing, including retries. Background tasks, which run after
    the response, are not cancelled.

    It reads up to three messages of the request's body ahead, each at most as long as the server makes them
    (uvicorn: about 64 KiB).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sender, receiver = anyio.create_memory_object_stream[Message](_READ_AHEAD)
        watching = anyio.CancelScope()
        answered = False

        async def watch(handling: anyio.CancelScope) -> None:
            with watching, sender:
                while (message := await receive())["type"] != "http.disconnect":
                    await sender.send(message)
                # After the last byte of the response, servers report every client as disconnected.
                if not answered:
                    handling.cancel()

        async def next_message() -> Message:
            try:
                return await receiver.receive()
            except anyio.EndOfStream:
                return {"type": "http.disconnect"}

        async def noted_send(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                answered = True
                watching.cancel()
            await send(message)

        failure: BaseException | None = None
        try:
            with receiver:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(watch, tasks.cancel_scope)
                    await self._app(scope, next_message, noted_send)
                    watching.cancel()
        except BaseExceptionGroup as group:
            if len(group.exceptions) > 1:
                raise
            failure = group.exceptions[0]
        # The application's error handling must see the original exception, not a group of our task group.
        if failure is not None:
            raise failure
