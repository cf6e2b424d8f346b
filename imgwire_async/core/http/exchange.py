"""One HTTP exchange: send a request, watch its progress, read the whole response.

Failures are returned, not raised. The frames in here hold signed URLs and `Authorization` headers, and must
not become part of a traceback that is logged together with its local variables.
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
from imgwire_async.core.concurrency.loops import current_time
from imgwire_async.core.http.messages import HttpRequest, StreamingResponse, Transport, TransportError
from imgwire_async.core.pace.local_limits import LONGEST_WAIT, PAUSE, say_waiting
from imgwire_async.core.responses import HttpResponse, NoResponse, Result, one_line

MAX_RESPONSE_BYTES = 32 * 1024 * 1024
"""Larger responses of the API are rejected. (A page of 100 records is about 200 kB.)"""


_DEADLINE_PRECISION = 0.1
"""Fraction of the write timeout by which it may end early."""


_NOT_HTTP = frozenset({"RemoteProtocolError"})
"""Failures that mean the server closed the connection early, or sent something that is not HTTP."""


_PIECE = 1024 * 1024
"""Bytes that are decompressed before other tasks get a turn."""


class _UnusableError(Exception):
    """The body of a response is unusable, for the given reason."""


async def read_all(reply: StreamingResponse) -> bytes:
    """Read the whole body of a response and decompress it.

    If the body is larger than `MAX_RESPONSE_BYTES`, or not in the requested encoding, the response that
    `exchange` returns has a `problem`.
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
    """Decompresses in small steps: the data may expand to a thousand times its size."""

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
            if self._unpacker.eof:  # gzip data may consist of several members in a row
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
    """Send `message` and read its response.

    Args:
        transport: sends the request.
        message: the request. While its body is streamed, `timeouts.write` applies to each chunk.
        timeouts: limits for the phases of this exchange.
        read: reads the body of the response and returns the part to keep. Exceptions other than transport
            failures are propagated.
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
            # Until the first chunk is sent the connection is being opened, which has its own timeout.
            scope.deadline = min(end, _from_now(timeouts.connect) + _seconds(timeouts.write))
            stream.on_progress = lambda done: move_on(scope, end, timeouts.write, done=done)
        # When the head of the response arrives, sending is over.
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
        # A custom `http_client=` may run the caller's code.
        with ForeignCode("the HTTP client"):
            try:
                try:
                    reply = await transport.send(message, timeouts)
                except TransportError as error:
                    reply = await _send_again(transport, message, timeouts, error)
                on_head()
                return HttpResponse(reply.status, reply.headers, await read(reply))
            except anyio.get_cancelled_exc_class() as cancelled:
                # Without the frames of the HTTP library, whose variables hold the URL and headers.
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
    """Retry while this process or machine cannot open another connection; raise any other `error`."""
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
            "this process or machine cannot open another connection; send fewer requests at once, or "
            "raise its limits"
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
    """Set the deadline of `scope` to `write` seconds from now, or to `end` once everything is written."""
    if done or write is None:
        # After the last chunk we wait for the response, and the read timeout applies.
        scope.deadline = end
        return
    deadline = min(end, current_time() + write)
    # Setting a deadline costs as much as sending a piece, so it is not done for every piece.
    if not 0 <= deadline - scope.deadline < write * _DEADLINE_PRECISION:
        scope.deadline = deadline


def _from_now(seconds: float | None) -> float:
    return current_time() + _seconds(seconds)


def _seconds(limit: float | None) -> float:
    return math.inf if limit is None else limit
