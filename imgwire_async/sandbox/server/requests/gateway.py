"""The stages of a request before the application: journal, faults and rate limits, then authentication."""

from __future__ import annotations

import asyncio
import contextlib
import time
from email.utils import formatdate

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imgwire_async.sandbox.server.errors import ApiError, rate_limited, scripted
from imgwire_async.sandbox.server.operations import Operation
from imgwire_async.sandbox.server.requests.bodies import JSON_BYTES, answer_early, counted
from imgwire_async.sandbox.server.requests.faults import Fault
from imgwire_async.sandbox.server.requests.request_log import RECORDED_HEADERS, ReceivedRequest, access_log
from imgwire_async.sandbox.server.requests.transport import close_connection, reset_connection
from imgwire_async.sandbox.server.runtime import ServerRuntime
from imgwire_async.sandbox.server.service import CALLER, Service

SLOW_CHUNK_SECONDS = 0.05
"""Seconds between the chunks of a slowed body."""
_OPERATION = "sandbox.operation"


class Gateway:
    """ASGI middleware around a service: everything before authentication.

    Args:
        application: The next application; usually `Authentication`, with other middleware if a service needs
            it.
        service: The service.
        runtime: The runtime of the service.
    """

    def __init__(self, application: ASGIApp, service: Service, runtime: ServerRuntime) -> None:
        self._application = application
        self._service = service
        self._runtime = runtime

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one request."""
        operation = self._service.operations.resolve(scope["method"], scope["path"])
        headers = Headers(scope=scope)
        entry = _journal_entry(scope, headers, operation, self._runtime.now())
        self._runtime.requests.add(entry)

        async def noted_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry.status = message["status"]
                message = self._dated(message)
            await send(message)
            entry.bytes_sent += len(message.get("body", b""))
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                entry.answered_at = time.monotonic()

        fault = self._runtime.faults.take(operation.name if operation else None)
        entry.by_fault = fault is not None
        try:
            if fault is None:
                await self._admit(scope, headers, operation, counted(receive, scope, entry), noted_send)
            else:
                await self._fail(fault, scope, headers, operation, counted(receive, scope, entry), noted_send)
        finally:
            entry.ended_at = entry.answered_at or time.monotonic()
            access_log.info("%s", entry)

    def _dated(self, message: Message) -> Message:
        headers = message.get("headers", [])
        if any(name.lower() == b"date" for name, _ in headers):
            return message
        date = formatdate(self._runtime.now(), usegmt=True)
        return {**message, "headers": [*headers, (b"date", date.encode())]}

    async def _fail(
        self,
        fault: Fault,
        scope: Scope,
        headers: Headers,
        operation: Operation | None,
        receive: Receive,
        send: Send,
    ) -> None:
        if fault.stall:
            await self._wait(fault.stall)
        if fault.reset == "before":
            await _reset(scope, receive)
            return
        if fault.status is not None and fault.disconnect_after is None:
            await answer_early(self._fault_response(fault, scope), scope, receive, send)
            return
        connection = _FaultyConnection(self._runtime, fault, receive, send)
        await self._admit(scope, headers, operation, connection.receive, connection.send)
        if connection.interrupted and fault.status is not None:
            await answer_early(self._fault_response(fault, scope), scope, receive, send)
        elif connection.interrupted or fault.reset == "after":
            await _reset(scope, receive)
        elif connection.truncated:
            close_connection(scope)
            await _wait_for_disconnect(receive)

    async def _admit(
        self,
        scope: Scope,
        headers: Headers,
        operation: Operation | None,
        receive: Receive,
        send: Send,
    ) -> None:
        limiter = self._runtime.rate_limiter
        name = (operation.rate_class or operation.name) if operation else ""
        caller = self._service.counted_for(headers)
        refusal = limiter.enter(name, caller)
        if refusal is not None:
            response = self._service.error_response(scope["path"], rate_limited())
            if refusal.retry_after is not None:
                response.headers["retry-after"] = refusal.retry_after
            await answer_early(response, scope, receive, send)
            return
        scope[_OPERATION] = operation
        try:
            await self._application(scope, receive, send)
        finally:
            limiter.leave(name, caller)

    def _fault_response(self, fault: Fault, scope: Scope) -> Response:
        status = fault.status or 500
        if fault.body is not None:
            response = Response(fault.body, status)
        else:
            response = self._service.error_response(scope["path"], scripted(status))
        response.headers.update(fault.headers or {})
        if fault.retry_after is not None:
            response.headers["retry-after"] = str(fault.retry_after)
        return response

    async def _wait(self, seconds: float) -> None:
        """Sleep, but no longer than the sandbox runs."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._runtime.closing.wait(), seconds)


class Authentication:
    """ASGI middleware that checks credentials and the length of JSON bodies."""

    def __init__(self, application: ASGIApp, service: Service) -> None:
        self._application = application
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or respond with an error."""
        try:
            self._check(scope)
        except ApiError as error:
            await answer_early(self._service.error_response(scope["path"], error), scope, receive, send)
            return
        await self._application(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        operation: Operation | None = scope[_OPERATION]
        headers = Headers(scope=scope)
        if operation is not None:
            scope[CALLER] = self._service.authenticate(operation, headers)
            if operation.streams:
                return
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > JSON_BYTES:
            raise ApiError(413, "RequestTooLargeError", f"The body exceeds {JSON_BYTES} bytes.")


class _FaultyConnection:
    """`receive` and `send` of a request, disturbed by a fault."""

    def __init__(self, runtime: ServerRuntime, fault: Fault, receive: Receive, send: Send) -> None:
        self._runtime = runtime
        self._fault = fault
        self._receive = receive
        self._send = send
        self._received = 0
        self._left_to_send: int | None = None
        self.interrupted = False
        self.truncated = False

    async def receive(self) -> Message:
        """The next part of the body; a disconnect once the fault has cut it."""
        limit = self._fault.disconnect_after
        if limit is not None and self._received >= limit:
            self.interrupted = True
        if self.interrupted:
            return {"type": "http.disconnect"}
        message = await self._receive()
        length = len(message.get("body", b""))
        self._received += length
        await self._pace(length)
        if limit is not None and self._received > limit:
            self.interrupted = True
            return {"type": "http.disconnect"}
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the response, or what the fault leaves of it."""
        if self.interrupted or self.truncated or self._fault.reset == "after":
            return
        if message["type"] == "http.response.start" and self._fault.truncate:
            length = int(Headers(raw=message["headers"]).get("content-length", "0"))
            self._left_to_send = length // 2
        if message["type"] == "http.response.body":
            if self._left_to_send is not None:
                await self._send_truncated(message)
                return
            if self._fault.slow is not None:
                await self._send_slowly(message, self._fault.slow)
                return
        await self._send(message)

    async def _send_truncated(self, message: Message) -> None:
        assert self._left_to_send is not None  # noqa: S101 - set when the answer began
        body = message.get("body", b"")[: self._left_to_send]
        self._left_to_send -= len(body)
        await self._send({"type": "http.response.body", "body": body, "more_body": True})
        self.truncated = self._left_to_send == 0 or not message.get("more_body", False)

    async def _send_slowly(self, message: Message, rate: float) -> None:
        body = message.get("body", b"")
        step = max(1, int(rate * SLOW_CHUNK_SECONDS))
        for start in range(0, len(body), step):
            chunk = body[start : start + step]
            await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
            await self._pace(len(chunk))
        await self._send({**message, "body": b""})

    async def _pace(self, length: int) -> None:
        if self._fault.slow is None or not length:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._runtime.closing.wait(), length / self._fault.slow)


async def _reset(scope: Scope, receive: Receive) -> None:
    reset_connection(scope)
    await _wait_for_disconnect(receive)


async def _wait_for_disconnect(receive: Receive) -> None:
    # uvicorn answers with a 500 if the application ends before the connection does.
    while (await receive())["type"] != "http.disconnect":
        pass


def _journal_entry(
    scope: Scope, headers: Headers, operation: Operation | None, now: float
) -> ReceivedRequest:
    authorization = headers.get("authorization")
    return ReceivedRequest(
        operation=operation.name if operation else None,
        method=scope["method"],
        path=scope["path"],
        client_port=scope["client"][1] if scope["client"] else 0,
        headers={name: value for name, value in headers.items() if name in RECORDED_HEADERS},
        authorized_with=None if authorization is None else authorization.partition(" ")[0],
        received_at=now,
        started_at=time.monotonic(),
    )
