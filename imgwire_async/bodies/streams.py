"""Streaming sources: iterators, pipes and responses that are still being received."""

from __future__ import annotations

import inspect
import io
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
)
from contextlib import AbstractAsyncContextManager, ExitStack, aclosing, asynccontextmanager, suppress
from functools import partial
from typing import Final, TypeAlias

from imgwire_async.bodies.base import (
    CHUNK_SIZE,
    Patience,
    Source,
    checked_chunk,
    close_source,
    disk_threads,
    opened_in_thread,
    refused,
    source_errors,
    source_thread,
)
from imgwire_async.bodies.files import FileAccess, seekable_source
from imgwire_async.bodies.image_types import SNIFF_BYTES
from imgwire_async.bodies.in_use import exclusive
from imgwire_async.bodies.spool import Spool
from imgwire_async.core.concurrency.cancellation import CallingTask, ForeignCode
from imgwire_async.core.concurrency.threads import ExclusiveThread
from imgwire_async.errors import UploadSourceError

SPOOL_LIMIT: Final = 100 * 1024 * 1024
"""Maximum size of content copied to a temporary file: the documented maximum for an image."""

_PATIENCE: Final = 0.1  # seconds after which the pieces of a slow iterator are sent on

_MOST_EMPTY: Final = 1000
"""After this many empty pieces in a row, an iterator is assumed to yield nothing else."""

Chunks: TypeAlias = Iterable[bytes] | AsyncIterable[bytes]
"""Content in pieces of any size, readable once."""

OpenStream: TypeAlias = Callable[[], AbstractAsyncContextManager[AsyncIterator[bytes]]]


@asynccontextmanager
async def open_stream(
    stream: OpenStream,
    patience: Patience,
    *,
    size: int | None,
    file_name: str | None,
    repeatable: bool,
    replayable: bool,
) -> AsyncGenerator[Source, None]:
    """A source of bytes that arrive as a stream.

    Args:
        stream: opens it.
        patience: how long it may yield nothing.
        size: number of bytes. If unknown, they are copied to a temporary file first.
        file_name: its name, if it has one.
        repeatable: whether `stream` can be called again to get the same content.
        replayable: whether the source must be readable more than once; if it is not repeatable, it is then
            copied to a temporary file.

    Raises:
        UploadSourceError: there are no bytes, too many for a temporary file, or not `size`; or the caller's
            own code failed.
        APITimeoutError: reading it stalled.
    """
    if size is None or (replayable and not repeatable):
        async with _spooled(stream, size, patience) as access:
            source = await seekable_source(access, file_name, patience)
            assert source is not None  # noqa: S101 - a temporary file can seek
            yield source
    elif repeatable:
        async with stream() as chunks:
            head, complete = await _beginning(chunks, patience)
        _check_size(len(head), size, complete=complete)
        yield _RepeatableSource(stream, size, head, file_name)
    else:
        async with stream() as chunks:
            head, complete = await _beginning(chunks, patience)
            _check_size(len(head), size, complete=complete)
            yield _OneShotSource(head, chunks, size, file_name)


class _RepeatableSource:
    replayable = True

    def __init__(self, stream: OpenStream, size: int, head: bytes, file_name: str | None) -> None:
        self.open = stream
        self.size = size
        self.head = head[:SNIFF_BYTES]
        self.file_name = file_name


class _OneShotSource:
    replayable = False

    def __init__(
        self, beginning: bytes, rest: AsyncIterator[bytes], size: int, file_name: str | None
    ) -> None:
        self._beginning = beginning
        self._rest = rest
        self.size = size
        self.head = beginning[:SNIFF_BYTES]
        self.file_name = file_name

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[AsyncIterator[bytes], None]:
        async with aclosing(self._chunks()) as chunks:
            yield chunks

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        yield self._beginning
        async for chunk in self._rest:
            yield chunk


async def _beginning(chunks: AsyncIterator[bytes], patience: Patience) -> tuple[bytes, bool]:
    """Enough bytes to detect the image type, and whether that was all."""
    beginning = bytearray()
    while len(beginning) < SNIFF_BYTES:
        with patience.step():
            chunk = await anext(chunks, None)
        if chunk is None:
            return bytes(beginning), True
        beginning += chunk
    return bytes(beginning), False


def _check_size(found: int, size: int, *, complete: bool) -> None:
    """Reject a known wrong size at once; the sending stream detects all others."""
    if complete and not found:
        raise refused("there is nothing to upload: the source is empty")
    if found > size or (complete and found < size):
        raise refused(f"size={size} is wrong: the source has {found if complete else f'at least {found}'}")


@asynccontextmanager
async def _spooled(
    stream: OpenStream, size: int | None, patience: Patience
) -> AsyncGenerator[FileAccess, None]:
    """Copy everything from `stream` to an unnamed temporary file. Small content stays in memory."""
    thread = source_thread(disk_threads)
    spool = Spool()
    limit = SPOOL_LIMIT if size is None else size
    written = 0
    try:
        async with stream() as chunks:
            while True:
                with patience.step():
                    chunk = await anext(chunks, None)
                if chunk is None:
                    break
                written += len(chunk)
                if written > limit:
                    raise refused(
                        f"size={size} is wrong: the source has more"
                        if size is not None
                        else f"the source has no known size and more than {limit} bytes, the "
                        "limit for a temporary file; pass size=, or upload from a file"
                    )
                await spool.patiently(thread, partial(spool.write, chunk), spool.drain)
        _check_size(written, limit if size is not None else written, complete=True)
        await spool.patiently(thread, spool.rewind, spool.rewind)
        yield FileAccess(spool.file, thread)
    finally:
        await thread.end(spool.discard)


@asynccontextmanager
async def stream_of(
    chunks: object, patience: Patience, *, owned: bool = False
) -> AsyncGenerator[AsyncIterator[bytes], None]:
    """The content of an iterable, sync or async. A generator is closed afterwards.

    Args:
        chunks: the iterable.
        patience: how long to wait for a thread in which an earlier upload still reads it.
        owned: whether a file is closed as well.

    Raises:
        UploadSourceError: it is not an iterable of bytes, or its own code failed.
        APITimeoutError: an earlier upload still reads it.
    """
    if isinstance(chunks, AsyncIterable) and not isinstance(chunks, io.IOBase):
        with source_errors(_ITERATING):
            async_iterator = aiter(chunks)
        task = CallingTask()
        async with exclusive(async_iterator, patience):
            try:
                async with aclosing(_checked(async_iterator)) as checked:
                    yield checked
            except BaseException:
                with suppress(Exception):  # the first error counts
                    await _close(async_iterator, task)
                raise
            else:
                await _close(async_iterator, task)
    elif isinstance(chunks, Iterable):
        async with _sync_stream(chunks, patience, owned=owned) as batches:
            yield batches
    else:
        if inspect.iscoroutine(chunks):
            chunks.close()
        raise refused(
            f"the function returned a {type(chunks).__name__}; it must return an iterator of bytes; an async "
            "function must be an async generator function"
        )


@asynccontextmanager
async def _sync_stream(
    chunks: Iterable[object], patience: Patience, *, owned: bool
) -> AsyncGenerator[AsyncIterator[bytes], None]:
    thread = source_thread()
    closing: list[Callable[[], object]] = []
    if owned and isinstance(chunks, io.IOBase):
        closing.append(chunks.close)

    def close_all() -> None:
        with ExitStack() as stack:
            for close in closing:
                stack.callback(close)  # the last one is called first

    async def end() -> None:
        with source_errors("closing the iterator failed"):
            await thread.end(close_all if closing else None)

    try:
        with source_errors(_ITERATING):
            iterator = iter(chunks)
    except BaseException:
        with suppress(Exception):  # the first error counts
            await end()
        raise
    async with exclusive(iterator, patience, thread, end):
        if isinstance(iterator, Generator):
            closing.append(iterator.close)
        async with aclosing(_in_batches(iterator, thread)) as batches:
            yield batches


async def _close(iterator: AsyncIterator[object], task: CallingTask) -> None:
    async def close() -> None:
        if isinstance(iterator, AsyncGenerator):
            with ForeignCode("the source", UploadSourceError):
                await iterator.aclose()

    with source_errors("closing the iterator failed"):
        await close_source(close, task)


@asynccontextmanager
async def fresh_stream(
    factory: Callable[[], Chunks], patience: Patience
) -> AsyncGenerator[AsyncIterator[bytes], None]:
    """The content of the iterable that `factory` returns. If that is a file, it is closed afterwards.

    Args:
        factory: called in a thread, because it may block.
        patience: how long that may take.

    Raises:
        UploadSourceError: it returns something else, or the caller's own code failed.
        APITimeoutError: the function did not return in time.
    """

    def call() -> Chunks:
        with source_errors("the function that returns the content failed"):
            return factory()

    def close(chunks: Chunks) -> None:
        if isinstance(chunks, io.IOBase):
            chunks.close()

    chunks = await opened_in_thread(call, close, patience)
    async with stream_of(chunks, patience, owned=True) as stream:
        yield stream


_ITERATING: Final = "the iterator failed"


async def _checked(iterator: AsyncIterator[object]) -> AsyncGenerator[bytes, None]:
    check = _PieceCheck()
    while True:
        with source_errors(_ITERATING):
            try:
                chunk = await anext(iterator)
            except StopAsyncIteration:
                return
        if piece := check(chunk):
            yield piece


async def _in_batches(iterator: Iterator[object], thread: ExclusiveThread) -> AsyncGenerator[bytes, None]:
    """Advance a sync iterator in a thread; small pieces are joined to reduce the cost per piece."""
    check = _PieceCheck()

    def next_batch() -> bytes:
        batch, size, latest = [], 0, time.monotonic() + _PATIENCE
        with source_errors(_ITERATING):
            for chunk in iterator:
                batch.append(check(chunk))
                size += len(batch[-1])
                if size >= CHUNK_SIZE or (size and time.monotonic() > latest):
                    break
        return b"".join(batch)

    while batch := await thread.run(next_batch):
        yield batch


class _PieceCheck:
    """Rejects pieces that are not bytes, and endless empty ones, as from `iter(file.read, "")`."""

    def __init__(self) -> None:
        self._empty = 0

    def __call__(self, piece: object) -> bytes:
        checked = checked_chunk(piece, "the iterator")
        self._empty = 0 if checked else self._empty + 1
        if self._empty > _MOST_EMPTY:
            raise refused("the iterator yields only empty chunks and does not end")
        return checked
