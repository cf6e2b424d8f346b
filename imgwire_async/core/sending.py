"""Sends a body while reading it, in one attempt."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final, TypeAlias

import anyio

from imgwire_async.core.body import PIECE_SIZE, Body, CountedStream, small_content
from imgwire_async.core.clients.options import Timeouts
from imgwire_async.core.http.connections import Engine
from imgwire_async.core.http.exchange import exchange, move_on
from imgwire_async.core.http.messages import HttpRequest
from imgwire_async.core.pace.permits import Permit
from imgwire_async.core.responses import ErrorFor, NoResponse, Result, failure
from imgwire_async.core.retry import is_transient
from imgwire_async.errors import CallContext, ImgwireError, in_context

RequestWith: TypeAlias = Callable[[bytes | CountedStream], HttpRequest]
"""Builds the HTTP request for a body; called last, because no awaiting frame may hold its headers."""

_STOPPING_SECONDS: Final = 1.0
"""Seconds that the end of a request waits for a source that is still being read."""

_NOT_REPEATED: Final = (
    "not retried, because the source can be read only once; a path, a seekable file, or a function that "
    "returns a new iterator can be retried"
)


async def send_body(
    engine: Engine,
    body: Body,
    request_with: RequestWith,
    permit: Permit,
    *,
    timeouts: Timeouts,
    context: CallContext,
    error_for: ErrorFor,
    on_sent: Callable[[int], None] | None,
) -> Result:
    """Make one attempt.

    Args:
        engine: the connections.
        body: the bytes; opened here.
        request_with: builds the request.
        permit: the attempt's permit.
        timeouts: the attempt's timeouts.
        context: details of the call, for errors.
        error_for: builds the error for a response that is not a success.
        on_sent: called with the number of bytes sent so far: 0 at the start, then after every piece.

    Raises:
        ImgwireError: reading the body failed, or the attempt failed and the body cannot be read again.
    """
    if on_sent is not None:
        on_sent(0)
    try:
        content = small_content(body)
        if content is not None:
            result = await exchange(engine.transport(), request_with(content), timeouts)
            if on_sent is not None and not isinstance(result, NoResponse):
                on_sent(len(content))
            return result
        result, started = await _send_opened(engine, body, request_with, permit, timeouts, on_sent)
    except ImgwireError as problem:
        raise in_context(problem, context) from problem.__cause__
    if started and not body.replayable and not result.is_success:
        # The body has been consumed. Another attempt would store an empty file.
        error = failure(result, context, error_for)
        if is_transient(result):
            error.message += f"; {_NOT_REPEATED}"
        raise error
    return result


async def _send_opened(
    engine: Engine,
    body: Body,
    request_with: RequestWith,
    permit: Permit,
    timeouts: Timeouts,
    on_sent: Callable[[int], None] | None,
) -> tuple[Result, bool]:
    """Send a body that has to be read. Also returns whether reading has started."""
    async with AsyncExitStack() as opened:
        chunks = await permit.outside(opened.enter_async_context(body.open()))
        stream = CountedStream(chunks, body.size, on_sent, permit)
        # A source that can be read only once is not read before there is a connection.
        if body.replayable and body.size <= PIECE_SIZE:
            result = await _send_whole(engine, stream, request_with, permit, timeouts)
        else:
            result = await _send_stream(engine, stream, request_with, timeouts)
    return result, stream.started


async def _send_whole(
    engine: Engine, stream: CountedStream, request_with: RequestWith, permit: Permit, timeouts: Timeouts
) -> Result:
    write = timeouts.write
    with anyio.move_on_after(write) as scope:
        stream.on_progress = lambda _: move_on(scope, math.inf, write, done=False)
        content = await permit.outside(stream.read_whole())
    if scope.cancelled_caught:
        reason = f"the source produced no data for {write:g} s"
        return NoResponse("WriteTimeout", reason, may_have_acted=False, timed_out=True)
    result = await exchange(engine.transport(), request_with(content), timeouts)
    if not isinstance(result, NoResponse):
        stream.tell_sent()
    return result


async def _send_stream(
    engine: Engine, stream: CountedStream, request_with: RequestWith, timeouts: Timeouts
) -> Result:
    try:
        result = await exchange(engine.transport(), request_with(stream), timeouts)
    finally:
        with anyio.move_on_after(_STOPPING_SECONDS, shield=True):
            await stream.stop()
    if isinstance(result, NoResponse) and stream.failure is not None:
        raise stream.failure
    return result
