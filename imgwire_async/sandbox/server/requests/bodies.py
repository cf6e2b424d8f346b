"""Request bodies: streamed to a file, or left unread without losing the response."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterable
from pathlib import Path
from typing import BinaryIO

from starlette.responses import FileResponse, Response
from starlette.types import Message, Receive, Scope, Send

from imgwire_async.sandbox.server.requests.request_log import ReceivedRequest

BLOCK_BYTES = 1024 * 1024
"""How much of a body is held in memory before it is written or sent."""
JSON_BYTES = 8 * 1024 * 1024
"""Longest JSON body; some 200,000 ids."""
DRAIN_BYTES = 16 * 1024 * 1024
"""How much of an unwanted body is read and discarded after the response."""
DRAIN_SECONDS = 2.0
"""How many seconds that may take."""
BODY_ENDED = "imgwire.body_ended"
"""Set in the scope once the whole body has been received; another `receive` would wait for a disconnect."""


class BlockFileResponse(FileResponse):
    """A file in large blocks, because each is one hop to a thread."""

    chunk_size = BLOCK_BYTES


class BodyTooLargeError(Exception):
    """A body is longer than allowed."""


async def write_to_file(chunks: AsyncIterable[bytes], path: Path, maximum: int) -> tuple[int, str]:
    """Write a stream of bytes to `path`; the caller removes the file if this raises.

    Returns:
        Its length in bytes and its SHA-256 in lower-case hex.

    Raises:
        BodyTooLargeError: there are more than `maximum` bytes.
    """
    digest = hashlib.sha256()
    size = 0
    block = bytearray()
    file: BinaryIO | None = None

    def write(*, last: bool) -> None:
        nonlocal file
        if file is None:
            file = path.open("wb")
        file.write(block)
        digest.update(block)
        block.clear()
        if last:
            file.close()

    try:
        async for chunk in chunks:
            size += len(chunk)
            if size > maximum:
                raise BodyTooLargeError
            block += chunk
            if len(block) >= BLOCK_BYTES:
                await asyncio.to_thread(write, last=False)
        await asyncio.to_thread(write, last=True)
    finally:
        if file is not None:
            file.close()
    return size, digest.hexdigest()


async def answer_early(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Respond to a request whose body has not been read.

    Closing a socket that still has unread data in it sends a reset, which can overtake the response. So
    the whole response is sent first, and the connection is closed only after the client has stopped sending
    or a bounded amount has been discarded.
    """
    if BODY_ENDED in scope:
        await response(scope, receive, send)
        return
    headers = {name.lower(): value for name, value in scope["headers"]}
    waits_for_continue = headers.get(b"expect", b"").lower() == b"100-continue"
    length = headers.get(b"content-length", b"0")
    if (length == b"0" and b"transfer-encoding" not in headers) or waits_for_continue:
        if waits_for_continue:
            response.headers["connection"] = "close"
        await response(scope, receive, send)
        return
    if length.isdigit() and 0 < int(length) <= BLOCK_BYTES and await _drain(receive):
        await response(scope, receive, send)
        return
    response.headers["connection"] = "close"
    last: Message = {"type": "http.response.body", "body": b"", "more_body": False}

    async def hold_back_the_end(message: Message) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            message = {**message, "more_body": True}
        await send(message)

    await response(scope, receive, hold_back_the_end)
    await _drain(receive)
    await send(last)


class EarlyAnswer(Response):
    """A response that may be sent before the request's body has been read."""

    def __init__(self, answer: Response) -> None:
        super().__init__()
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, and close the connection if the body is too long to skip."""
        await answer_early(self._answer, scope, receive, send)


async def _drain(receive: Receive) -> bool:
    """Discard the rest of a body, up to a limit. Return whether its end was reached."""
    dropped = 0
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            while dropped < DRAIN_BYTES:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return False
                dropped += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return True
    except TimeoutError:
        return False
    return False


def counted(receive: Receive, scope: Scope, entry: ReceivedRequest) -> Receive:
    """`receive`, which also counts the bytes of a request's body, and notes its end in the scope."""

    async def counting() -> Message:
        message = await receive()
        entry.bytes_received += len(message.get("body", b""))
        if not message.get("more_body", False):
            scope[BODY_ENDED] = True
        return message

    return counting
