"""The body of a PUT: its source, and the stream that counts the bytes as they are sent."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol, Self

import anyio

from imgwire_async.core.concurrency.cancellation import ForeignCode
from imgwire_async.core.concurrency.loops import current_time, next_turn
from imgwire_async.errors import SourceChangedError, UploadSourceError


class Body(Protocol):
    """Bytes of a known length that can be read from the start, more than once if `replayable`."""

    @property
    def size(self) -> int:
        """Length in bytes, sent as `Content-Length`."""
        ...

    @property
    def replayable(self) -> bool:
        """Whether `open` may be entered again after bytes have been read."""
        ...

    def open(self) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The bytes in chunks, from the start. Exiting the context releases the source.

        The iterator may also have the method of `ReadyChunks`.
        """
        ...


class ReadyChunks(Protocol):
    """Chunks that may be available without waiting."""

    def take_ready(self) -> memoryview | None:
        """The next chunk, or an empty one at the end of the source; None if it has to be awaited."""
        ...


def small_content(body: Body) -> bytes | None:
    """The bytes of a body that is in memory and small enough for a single piece; None for any other.

    Such a body has an attribute `in_memory`: all of its bytes, or None if they have to be read.
    """
    return getattr(body, "in_memory", None) if body.size <= PIECE_SIZE else None


@dataclass(frozen=True, slots=True)
class BytesBody:
    """Bytes in memory as a `Body`."""

    content: bytes

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self.content)

    @property
    def replayable(self) -> bool:
        """Always."""
        return True

    @property
    def in_memory(self) -> bytes:
        """All of the bytes."""
        return self.content

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[AsyncIterator[bytes], None]:
        """All of them as one chunk."""
        async with aclosing(_in_one_chunk(self.content)) as chunks:
            yield chunks


async def _in_one_chunk(content: bytes) -> AsyncGenerator[bytes, None]:
    yield content


PIECE_SIZE: Final = 64 * 1024
"""Initial size of the pieces: a slow connection must send one within a write timeout."""

LARGEST_PIECE: Final = 512 * 1024
"""Largest size of the pieces, for fast connections. It saves three quarters of the work per piece."""

_QUICK: Final = 0.05  # seconds

_ENDING: Final = 0.5
"""Seconds that the last piece waits for the source to end; a pipe may stay open forever."""


class SourceFailedError(Exception):
    """Raised to the HTTP library if a body cannot be read further."""


class Slot(Protocol):
    """A request's slot, which others can use while its source is slow."""

    def lend(self) -> None:
        """Record that the request now waits for its source."""
        ...

    async def take_back(self) -> None:
        """Record that it continues, and wait if its slot is taken."""
        ...


class CountedStream:
    """Yields small pieces, counts them, and raises if the number of bytes differs from the announced size.

    An HTTP library wraps exceptions raised inside its writer, so the original one is kept in `failure` for
    the caller.
    """

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        size: int,
        on_sent: Callable[[int], None] | None = None,
        slot: Slot | None = None,
    ) -> None:
        self._chunks = chunks
        self._take_ready: Callable[[], memoryview | None] = getattr(chunks, "take_ready", _nothing_ready)
        self._slot = slot
        self.size = size
        self._on_sent = on_sent
        self._chunk = memoryview(b"")
        self._offset = 0
        self._piece_size = PIECE_SIZE
        self._handed_out = 0.0
        self._under_way = 0
        self.sent = 0
        self.started = False
        """Whether the HTTP library has started reading; a source that is read only once is then used up."""
        self._reading: anyio.CancelScope | None = None
        self._idle: anyio.Event | None = None
        self._stopped = False
        self._complete = False
        self.failure: Exception | None = None
        self.on_progress: Callable[[bool], None] = lambda done: None  # noqa: ARG005
        """Called before and after every piece, with True after the last byte."""

    def __aiter__(self) -> Self:
        if self.started:
            # Some versions of aiohttp resend a request if a kept-alive connection turns out to be closed. The
            # part of the body that has been read would then be missing.
            raise SourceFailedError("the connection was lost while the body was being sent")
        return self

    async def __anext__(self) -> memoryview:
        self.started = True
        try:
            # The HTTP library asks for the next piece only after sending this one.
            await self._count()
            piece = None if self._complete else await self._next_piece()
            if piece is not None and self.sent + len(piece) == self.size:
                # Check before sending the last piece: a store responds as soon as it has all bytes, and a
                # request that is still being written then closes its connection.
                await self._look_for_end()
        except Exception as error:
            if not self._stopped:
                self.failure = error
            raise SourceFailedError("the source of the body failed") from error
        if piece is None:
            raise StopAsyncIteration
        self._under_way = len(piece)
        self._handed_out = time.monotonic()
        self.on_progress(False)
        return piece

    async def read_whole(self) -> bytes:
        """Read the whole body, to send it in a single piece.

        Raises:
            SourceChangedError: the number of bytes differs from the announced size.
            UploadSourceError: reading it failed.
        """
        self.started = True
        chunks = []
        try:
            with _foreign():
                async for chunk in self._chunks:
                    self._check_room_for(chunk)
                    chunks.append(chunk)
                    self.sent += len(chunk)
                    self.on_progress(self.sent == self.size)
        except OSError as error:
            raise _unreadable(error) from error
        self._check_complete()
        return b"".join(chunks)

    def tell_sent(self) -> None:
        """Report that the bytes from `read_whole` have been sent."""
        if self._on_sent is not None:
            self._on_sent(self.sent)

    async def stop(self) -> None:
        """Stop reading the chunks, and wait until reading has ended.

        An HTTP library sends in its own task, which may outlast the request by a moment or, after an early
        response, for as long as the source takes. The source must not be in use when it is closed.
        """
        self._stopped = True
        if self._reading is not None:
            self._idle = anyio.Event()
            self._reading.cancel()
            await self._idle.wait()

    async def _next_chunk(self) -> bytes | memoryview | None:
        ready = None if self._stopped else self._take_ready()
        if ready is not None:
            return ready or None
        if self._slot is not None:
            self._slot.lend()
        chunk = await self._read_on()
        if self._slot is not None:
            await self._slot.take_back()
        return chunk

    async def _look_for_end(self) -> None:
        ready = None if self._stopped else self._take_ready()
        chunk: bytes | memoryview | None = b"" if ready is None else ready or None
        while chunk == b"":
            chunk = await self._read_on(_ENDING)
        if chunk is not None:
            raise self._too_much()
        self._complete = True

    async def _read_on(self, patience: float = math.inf) -> bytes | None:
        """The next chunk; None at the end of the source, or if it yields nothing for `patience` seconds."""
        if self._stopped:
            raise _ended()
        try:
            with anyio.CancelScope(deadline=current_time() + patience) as self._reading, _foreign():
                return await anext(self._chunks, None)
        except OSError as error:
            raise _unreadable(error) from error
        finally:
            self._reading = None
            if self._idle is not None:
                self._idle.set()
        if self._stopped:
            raise _ended()
        return None

    async def _count(self) -> None:
        if not self._under_way:
            return
        quick = time.monotonic() - self._handed_out < _QUICK
        self._piece_size = min(2 * self._piece_size, LARGEST_PIECE) if quick else PIECE_SIZE
        self.sent += self._under_way
        self._under_way = 0
        self.on_progress(self.sent == self.size)
        if self._on_sent is not None:
            self._on_sent(self.sent)
        if self.sent == self.size:
            return  # nothing is written after the last piece
        # A store may reject early and close. On asyncio, writing to that connection would discard the unread
        # response, which is read within two iterations of the loop.
        await next_turn()
        await next_turn()

    async def _next_piece(self) -> memoryview | None:
        while self._offset == len(self._chunk):
            chunk = await self._next_chunk()
            if chunk is None:
                self._check_complete()
                return None
            self._check_room_for(chunk)
            self._chunk, self._offset = memoryview(chunk), 0
        start, self._offset = self._offset, min(self._offset + self._piece_size, len(self._chunk))
        # Slices of a view are not copies; asyncio slices off what the socket did not accept.
        return self._chunk[start : self._offset]

    def _check_room_for(self, chunk: bytes | memoryview) -> None:
        if self.sent + len(chunk) > self.size:
            raise self._too_much()

    def _too_much(self) -> SourceChangedError:
        return SourceChangedError(f"the source now has more than the {self.size} bytes it had at first")

    def _check_complete(self) -> None:
        if self.sent < self.size:
            raise SourceChangedError(
                f"the source ended after {self.sent} of the {self.size} bytes it had at first"
            )


def _nothing_ready() -> None:
    """The `take_ready` of other iterators."""


def _ended() -> SourceFailedError:
    return SourceFailedError("the request has ended")


def _foreign() -> ForeignCode:
    return ForeignCode("the source", UploadSourceError)


def _unreadable(error: OSError) -> UploadSourceError:
    return UploadSourceError(f"reading the source failed: {error}")
