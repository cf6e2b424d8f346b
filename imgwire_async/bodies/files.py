"""The caller's open binary files: sync ones, which are read in threads, and async ones.

A file is read from its current position and left open. If it can seek, it is returned to that position
afterwards, so the same file can be uploaded a second time.
"""

from __future__ import annotations

import inspect
import io
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from functools import partial
from typing import Any, Protocol

from imgwire_async.bodies.base import (
    CHUNK_SIZE,
    Patience,
    Source,
    checked_chunk,
    close_source,
    refused,
    source_errors,
    source_thread,
)
from imgwire_async.bodies.image_types import SNIFF_BYTES
from imgwire_async.core.concurrency.cancellation import CallingTask, ForeignCode
from imgwire_async.core.concurrency.open_files import OpenFile, finish
from imgwire_async.core.concurrency.threads import ExclusiveThread
from imgwire_async.errors import UploadSourceError


class BinaryFile(Protocol):
    """A file that was opened for reading in binary mode, or anything with its `read`."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""
        ...


class AsyncBinaryFile(Protocol):
    """A binary file of anyio or aiofiles, or anything with its `read`."""

    async def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""
        ...


class WholeFile(Protocol):
    """Anything with a `read` that takes no size and returns everything at once."""

    def read(self) -> bytes:
        """All of the content."""
        ...


class AsyncWholeFile(Protocol):
    """The same with an async `read`."""

    async def read(self) -> bytes:
        """All of the content."""
        ...


_READING = "cannot read the file"
_SEEKING = "cannot re-read the file"


def takes_size(file: BinaryFile | AsyncBinaryFile | WholeFile | AsyncWholeFile) -> bool:
    """Whether `read` accepts a size."""
    if isinstance(file, io.IOBase):
        return True
    try:
        signature = inspect.signature(file.read)
    except (TypeError, ValueError):  # written in C, as those of the standard library are
        return True
    try:
        signature.bind(CHUNK_SIZE)
    except TypeError:
        return False
    return True


class FileAccess:
    """A common interface to all open files. Errors of the file itself are raised as `UploadSourceError`.

    Args:
        file: the file.
        thread: where a sync file is used, released by `end`; None for an async file.
        close: closes a file that this package has opened; blocks. The caller's is left open.
    """

    def __init__(
        self,
        file: Any,  # noqa: ANN401 - any duck
        thread: ExclusiveThread | None,
        close: Callable[[], object] | None = None,
    ) -> None:
        self._file = OpenFile(file, thread)
        self._start: int | None = None
        self._close = close
        self._task = CallingTask()

    async def measure(self) -> tuple[int, int] | None:
        """The current position and the number of bytes after it, or None if the file cannot seek."""
        return await self._file.run(self._measure)

    async def read(self) -> bytes:
        """The next chunk; none at the end."""
        return await self._file.run(partial(self._read, CHUNK_SIZE))

    async def read_all(self) -> bytes:
        """Everything, from a file whose `read` takes no size."""
        return await self._file.run(self._read)

    async def seek(self, offset: int) -> None:
        """Seek to an offset from the start of the file."""
        await self._file.run(partial(self._seek, offset))

    async def end(self) -> None:
        """Close the file, or if it can seek, return it to its initial position."""
        if self._close is not None:
            thread = self._file.thread or source_thread()
            with source_errors("closing the file failed"):
                await thread.end(self._close)
        elif self._file.thread is not None:
            await self._file.thread.end(None if self._start is None else lambda: finish(self._go_back()))
        elif self._start is not None:
            await close_source(self._go_back_here, self._task)

    async def _measure(self) -> tuple[int, int] | None:
        with source_errors(_SEEKING):
            try:
                start: int = await self._file.call("tell")
                await self._file.call("seek", 0, io.SEEK_END)
            except Exception:  # noqa: BLE001 - files that cannot seek say so in many ways
                return None
            self._start = start
            size: int = await self._file.call("tell") - start
            await self._file.call("seek", start)
        return start, size

    async def _read(self, *size: int) -> bytes:
        with source_errors(_READING):
            return checked_chunk(await self._file.call("read", *size), "the file")

    async def _seek(self, offset: int) -> None:
        with source_errors(_SEEKING):
            await self._file.call("seek", offset)

    async def _go_back_here(self) -> None:
        with suppress(UploadSourceError), ForeignCode("the file", UploadSourceError):
            await self._go_back()

    async def _go_back(self) -> None:
        assert self._start is not None  # noqa: S101 - the caller has looked
        # The upload has ended, whatever happened to the file.
        with suppress(UploadSourceError), source_errors(_SEEKING):
            await self._file.call("seek", self._start)


class _SeekableSource:
    """The rest of a file that can seek."""

    replayable = True

    def __init__(
        self, access: FileAccess, start: int, size: int, first_chunk: bytes, file_name: str | None
    ) -> None:
        self._access = access
        self._start = start
        self._first_chunk = first_chunk
        self.file_name = file_name
        self.size = size
        self.head = first_chunk[:SNIFF_BYTES]

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[AsyncIterator[bytes], None]:
        async with aclosing(self._chunks()) as chunks:
            yield chunks

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        yield self._first_chunk
        if len(self._first_chunk) == self.size < CHUNK_SIZE:
            return
        await self._access.seek(self._start + len(self._first_chunk))
        while chunk := await self._access.read():
            yield chunk


async def seekable_source(access: FileAccess, file_name: str | None, patience: Patience) -> Source | None:
    """A source that starts at the file's current position, or None if the file cannot seek.

    Raises:
        UploadSourceError: there is nothing left to read, the file is in text mode, or it cannot be read.
        APITimeoutError: reading the file stalled.
    """
    with patience.step():
        measured = await access.measure()
    if measured is None:
        return None
    start, size = measured
    with patience.step():
        first_chunk = await access.read()
    if not first_chunk:
        where = f"its position is its end, {start}; call seek(0) first" if start else "the file is empty"
        raise refused(f"there is nothing to upload: {where}")
    # A read may return less than requested, and too little to detect the type.
    while len(first_chunk) < min(size, SNIFF_BYTES):
        with patience.step():
            further = await access.read()
        if not further:
            break
        first_chunk += further
    return _SeekableSource(access, start, size, first_chunk, file_name)


async def chunks_of_file(access: FileAccess) -> AsyncGenerator[bytes, None]:
    """The rest of a file that cannot seek."""
    while chunk := await access.read():
        yield chunk
