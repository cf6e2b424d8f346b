"""One HTTP exchange: send a request, watch its progress, read the whole response.

What goes wrong is returned, not raised. The frames in here hold signed URLs and `Authorization` headers,
and none of them may become part of a traceback that somebody logs together with its local variables.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import anyio
from anyio.lowlevel import checkpoint

from imgwire_async.core.body import CountedStream
from imgwire_async.core.clients.options import Timeouts
from imgwire_async.core.concurrency.cancellation import ForeignCode
from imgwire_async.core.http.messages import HttpRequest, StreamingResponse, Transport, TransportError
from imgwire_async.core.pace.local_limits import LONGEST_WAIT, PAUSE, say_waiting
from imgwire_async.core.responses import HttpResponse, NoResponse, Result, one_line

MAX_RESPONSE_BYTES = 32 * 1024 * 1024
"""A larger response of the API is rejected: a page of 100 records is some 200 kB."""


_DEADLINE_PRECISION = 0.1
"""Part of the write timeout by which it may end early."""


_NOT_HTTP = frozenset({"RemoteProtocolError"})
"""Failures that say the server closed the connection early, or sent what cannot be read."""


_PIECE = 1024 * 1024
"""Bytes that are unpacked before other tasks get a turn."""


class _UnusableError(Exception):
    """The body of a response cannot be used, for the reason given."""


async def read_all(reply: StreamingResponse) -> bytes:
    """The whole body of a response, unpacked.

    A response that is larger than `MAX_RESPONSE_BYTES`, or not in the encoding that was asked for, has a
    `problem` in what `exchange` returns.
    """
    encoding = reply.headers.get("content-encoding", "").strip().lower()
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        raise _UnusableError("the response has an encoding that was not requested")
    source = _Unpacker(reply) if encoding.endswith("gzip") else reply
    chunks = []
    size = 0
    while chunk := await source.read():
        size += len(chunk)
        if size > MAX_RESPONSE_BYTES:
            raise _UnusableError(f"the response is larger than {MAX_RESPONSE_BYTES} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


class _Unpacker:
    """Unpacks a little at a time: what has arrived may unpack to a thousand times as much."""

    def __init__(self, reply: StreamingResponse) -> None:
        self._reply = reply
        self._unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._packed = b""
        self._begun = False

    async def read(self) -> bytes:
        while True:
            if self._packed:
                await checkpoint()
            elif not (packed := await self._reply.read()):
                if self._begun and not self._unpacker.eof:
                    raise _UnusableError("the response is not encoded as declared: its end is missing")
                return b""
            else:
                self._packed, self._begun = packed, True
            if self._unpacker.eof:  # gzip may consist of several members, which follow one another
                self._unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
            try:
                piece = self._unpacker.decompress(self._packed, _PIECE)
            except zlib.error:
                raise _UnusableError("the response is not encoded as declared") from None
            self._packed = self._unpacker.unconsumed_tail or self._unpacker.unused_data
            if piece:
                return piece


ReadBody = Callable[[StreamingResponse], Awaitable[bytes]]


def exchange(
    transport: Transport, message: HttpRequest, timeouts: Timeouts, read: ReadBody = read_all
) -> Coroutine[Any, Any, Result]:
    """Send `message` and read its response, once awaited.

    Args:
        transport: sends it.
        message: what to send. While its body is streamed, `timeouts.write` runs from one chunk to the next.
        timeouts: limits for the phases of this one exchange.
        read: reads the body of the response and returns what is to be kept of it. What else it raises than
            failures of the transport passes through.
    """
    stream = message.body if isinstance(message.body, CountedStream) else None
    if stream is None and timeouts.total is None:
        return _exchange(transport, message, timeouts, read)
    return _exchange_in_time(transport, message, stream, timeouts, read)


async def _exchange_in_time(
    transport: Transport,
    message: HttpRequest,
    stream: CountedStream | None,
    timeouts: Timeouts,
    read: ReadBody,
) -> Result:
    end = _from_now(timeouts.total)
    with anyio.CancelScope(deadline=end) as scope:
        if stream is not None:
            # Until the first chunk is sent the connection is being made, which has a limit of its own.
            scope.deadline = min(end, _from_now(timeouts.connect) + _seconds(timeouts.write))
            stream.on_progress = lambda done: move_on(scope, end, timeouts.write, done=done)
        # With the head of the response, sending has come to its end.
        return await _exchange(
            transport, message, timeouts, read, lambda: move_on(scope, end, timeouts.write, done=True)
        )
    if scope.deadline == end:
        reason = f"no complete response within {timeouts.total:g} s"
        return NoResponse("TotalTimeout", reason, may_have_acted=True, timed_out=True)
    reason = f"no byte of the body could be sent for {timeouts.write:g} s"
    return NoResponse("WriteTimeout", reason, may_have_acted=True, timed_out=True)


async def _exchange(
    transport: Transport,
    message: HttpRequest,
    timeouts: Timeouts,
    read: ReadBody,
    on_head: Callable[[], None] = lambda: None,
) -> Result:
    reply: StreamingResponse | None = None
    try:
        # An `http_client=` may run code of its owner's.
        with ForeignCode("the HTTP client"):
            try:
                try:
                    reply = await transport.send(message, timeouts)
                except TransportError as error:
                    reply = await _send_again(transport, message, timeouts, error)
                on_head()
                return HttpResponse(reply.status, reply.headers, await read(reply))
            except anyio.get_cancelled_exc_class() as cancelled:
                # Without the frames of the HTTP library, whose variables are URL and headers.
                raise cancelled.with_traceback(None) from None
    except TransportError as error:
        return _no_response(error)
    except _UnusableError as error:
        assert reply is not None  # noqa: S101 - it was being read
        return HttpResponse(reply.status, reply.headers, b"", problem=str(error))
    finally:
        if reply is not None:
            with ForeignCode("the HTTP client"):
                await reply.aclose()


async def _send_again(
    transport: Transport, message: HttpRequest, timeouts: Timeouts, error: TransportError
) -> StreamingResponse:
    """Wait while this process or machine cannot open another connection; raise any other `error`."""
    end = anyio.current_time() + LONGEST_WAIT
    while True:
        begun = isinstance(message.body, CountedStream) and message.body.started
        if error.lack is None or begun or anyio.current_time() >= end:
            raise error
        say_waiting(error.lack)
        await anyio.sleep(PAUSE)
        try:
            return await transport.send(message, timeouts)
        except TransportError as another:
            error = another


def _no_response(error: TransportError) -> NoResponse:
    what = (
        "the connection broke before the response was complete"
        if error.may_have_acted
        else "cannot reach the service; check that it runs and that the base URL is right"
    )
    if error.lack is not None:
        what = (
            "this process or machine cannot open another connection; send less at once, or raise its limits"
        )
    if error.name in _NOT_HTTP:
        what = "the response is incomplete or not valid HTTP"
    return NoResponse(
        error.name,
        one_line(f"{what}: {error.name}: {error.detail}" if error.detail else f"{what}: {error.name}"),
        may_have_acted=error.may_have_acted,
        timed_out=error.timed_out,
    )


def move_on(scope: anyio.CancelScope, end: float, write: float | None, *, done: bool) -> None:
    """Let `scope` end `write` seconds from now, or at `end` once there is nothing more to be written."""
    if done or write is None:
        # After the last chunk the response is awaited, and the read timeout counts.
        scope.deadline = end
        return
    deadline = min(end, anyio.current_time() + write)
    # Setting a deadline costs as much as sending a piece, so it is not done for every one of them.
    if not 0 <= deadline - scope.deadline < write * _DEADLINE_PRECISION:
        scope.deadline = deadline


def _from_now(seconds: float | None) -> float:
    return anyio.current_time() + _seconds(seconds)


def _seconds(limit: float | None) -> float:
    return math.inf if limit is None else limit
