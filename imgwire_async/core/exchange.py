"""One HTTP exchange: send a request, watch its progress, read the whole answer.

What goes wrong is returned, not raised. The frames in here hold signed URLs and `Authorization` headers,
and none of them may become part of a traceback that somebody logs together with its local variables.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

import anyio
import httpx

from imgwire_async.core.answers import Answer, NoAnswer, UnreadableAnswer, one_line
from imgwire_async.core.body import CountedStream
from imgwire_async.core.options import Timeouts
from imgwire_async.core.redaction import redacted, redacted_httpx_logs
from imgwire_async.core.transport import FAILURES, classified, may_have_acted

MAX_ANSWER_BYTES = 32 * 1024 * 1024
"""A larger answer of the API is refused: a page of 100 records is some 200 kB."""


_DEADLINE_PRECISION = 0.1
"""Part of the write timeout by which it may end early."""


class _TooLargeError(Exception):
    pass


async def read_all(response: httpx.Response) -> bytes:
    """The whole body of an answer, which `exchange` refuses when it is larger than `MAX_ANSWER_BYTES`."""
    chunks = []
    size = 0
    packed = "content-encoding" in response.headers
    async for chunk in response.aiter_bytes() if packed else response.aiter_raw():
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise _TooLargeError
        chunks.append(chunk)
    return b"".join(chunks)


async def exchange(
    client: httpx.AsyncClient,
    request: httpx.Request,
    timeouts: Timeouts,
    stream: CountedStream | None = None,
    read: Callable[[httpx.Response], Awaitable[bytes]] = read_all,
) -> Answer | NoAnswer | UnreadableAnswer:
    """Send `request` and read its answer.

    Args:
        client: sends it, without following redirects and without any authentication of its own.
        request: what to send.
        timeouts: limits for the phases of this one exchange.
        stream: the body of `request` when it is streamed; while it is being sent, `timeouts.write` runs
            from one chunk to the next.
        read: reads the body of the answer and returns what is to be kept of it. What else it raises than
            transport failures passes through.
    """
    request.extensions["timeout"] = {
        "connect": timeouts.connect,
        "read": timeouts.read,
        # The engines do not agree on what a write timeout is, so the scope below measures it.
        "write": None,
        "pool": None,
    }
    end = _from_now(timeouts.total)
    scope = anyio.CancelScope(deadline=end)
    if stream is not None:
        # Until the first chunk is sent the connection is being made, which has a limit of its own.
        scope.deadline = min(end, _from_now(timeouts.connect) + _seconds(timeouts.write))
        stream.on_progress = lambda done: _move_on(scope, end, timeouts.write, done=done)
    status, headers = 0, {}
    try:
        with scope:
            with redacted_httpx_logs():
                response = await client.send(request, stream=True, auth=None, follow_redirects=False)
            status = response.status_code
            headers = {name.lower(): value for name, value in response.headers.items()}
            scope.deadline = end
            try:
                return Answer(status, headers, await read(response))
            finally:
                if not response.is_closed:
                    with anyio.CancelScope(shield=True):
                        await response.aclose()
    except _TooLargeError:
        return UnreadableAnswer(status, headers, f"the answer is larger than {MAX_ANSWER_BYTES} bytes")
    except httpx.DecodingError as error:
        return UnreadableAnswer(status, headers, f"the answer is not encoded as declared: {error}")
    except FAILURES as error:
        return _no_answer(classified(error))
    if scope.deadline == end:
        reason = f"no complete answer within {timeouts.total:g} s"
        return NoAnswer("TotalTimeout", reason, may_have_acted=True, timed_out=True)
    reason = f"no byte of the body could be sent for {timeouts.write:g} s"
    return NoAnswer("WriteTimeout", reason, may_have_acted=True, timed_out=True)


def _no_answer(error: httpx.TransportError) -> NoAnswer:
    name = type(error).__name__
    detail = one_line(redacted(str(error)))
    acted = may_have_acted(error)
    what = (
        "the connection broke before the answer was complete"
        if acted
        else "cannot reach the service; check that it runs and that the base URL is right"
    )
    return NoAnswer(
        name,
        f"{what}: {name}: {detail}" if detail else f"{what}: {name}",
        may_have_acted=acted,
        timed_out=isinstance(error, httpx.TimeoutException),
    )


def _move_on(scope: anyio.CancelScope, end: float, write: float | None, *, done: bool) -> None:
    if done or write is None:
        # After the last chunk the answer is awaited, and the read timeout counts.
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
