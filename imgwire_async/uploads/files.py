"""Open binary files of the caller: sync ones, which are read in threads, and async ones.

A file is read from where it stands when it is passed in. It stays open, and stands somewhere else afterwards.
"""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, Protocol

from imgwire_async.core.threads import ExclusiveThread
from imgwire_async.uploads.base import CHUNK_SIZE, Source, checked_chunk, refused
from imgwire_async.uploads.image_types import SNIFF_BYTES


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


class FileAccess(Protocol):
    """One way to get at any open file. Problems of the file itself are `UploadSourceError`s."""

    async def measure(self) -> tuple[int, int] | None:
        """Where the file stands and how many bytes follow, or None when it cannot go back there."""
        ...

    async def read(self) -> bytes:
        """The next chunk; none at the end."""
        ...

    async def seek(self, offset: int) -> None:
        """Go to an offset from the beginning of the file."""
        ...


# What files raise that are closed, not open for reading, or cannot seek; a duck lacks the method.
_UNREADABLE = (OSError, ValueError)
_NOT_SEEKABLE = (*_UNREADABLE, AttributeError, TypeError)


class SyncFileAccess:
    """A sync file, used in threads. Whoever makes one has to `end` the thread."""

    def __init__(self, file: Any, thread: ExclusiveThread) -> None:  # noqa: ANN401 - any duck
        self._file = file
        self._thread = thread

    async def measure(self) -> tuple[int, int] | None:
        """Where the file stands and how many bytes follow, or None when it cannot go back there."""
        return await self._thread.run(self._measure)

    def _measure(self) -> tuple[int, int] | None:
        try:
            start = self._file.tell()
            self._file.seek(0, io.SEEK_END)
            size = self._file.tell() - start
            self._file.seek(start)
        except _NOT_SEEKABLE:
            return None
        return start, size

    async def read(self) -> bytes:
        """The next chunk; none at the end."""
        try:
            chunk = await self._thread.run(lambda: self._file.read(CHUNK_SIZE))
        except _UNREADABLE as error:
            raise refused(f"cannot read the file: {error}") from error
        return checked_chunk(chunk, "the file")

    async def seek(self, offset: int) -> None:
        """Go to an offset from the beginning of the file."""
        try:
            await self._thread.run(lambda: self._file.seek(offset))
        except _UNREADABLE as error:
            raise refused(f"cannot read the file again: {error}") from error


class AsyncFileAccess:
    """A file of anyio or aiofiles, or a stream with `read`; it brings its own threads."""

    def __init__(self, file: Any) -> None:  # noqa: ANN401 - any duck
        self._file = file

    async def measure(self) -> tuple[int, int] | None:
        """Where the file stands and how many bytes follow, or None when it cannot go back there."""
        try:
            start = await self._file.tell()
            await self._file.seek(0, io.SEEK_END)
            size = await self._file.tell() - start
            await self._file.seek(start)
        except _NOT_SEEKABLE:
            return None
        return start, size

    async def read(self) -> bytes:
        """The next chunk; none at the end."""
        try:
            chunk = await self._file.read(CHUNK_SIZE)
        except _UNREADABLE as error:
            raise refused(f"cannot read the file: {error}") from error
        return checked_chunk(chunk, "the file")

    async def seek(self, offset: int) -> None:
        """Go to an offset from the beginning of the file."""
        try:
            await self._file.seek(offset)
        except _UNREADABLE as error:
            raise refused(f"cannot read the file again: {error}") from error


class _SeekableSource:
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


async def seekable_source(access: FileAccess, file_name: str | None) -> Source | None:
    """A source that begins where the file stands, or None when the file cannot go back there.

    Raises:
        UploadSourceError: there is nothing left to read, it is text, or it cannot be read.
    """
    measured = await access.measure()
    if measured is None:
        return None
    start, size = measured
    first_chunk = await access.read()
    if not first_chunk:
        where = f"it stands at its end, {start}; seek(0) goes back" if start else "the file is empty"
        raise refused(f"there is nothing to upload: {where}")
    return _SeekableSource(access, start, size, first_chunk, file_name)


async def chunks_of_file(access: FileAccess) -> AsyncGenerator[bytes, None]:
    """What is left of a file that cannot go back."""
    while chunk := await access.read():
        yield chunk
