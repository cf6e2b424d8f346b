"""Files by their path. Opening, closing, and whatever may wait for a disk happens in worker threads."""

from __future__ import annotations

import math
import os
import re
import stat
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from typing import BinaryIO, Self, TypeVar

import anyio

from imgwire_async.bodies.base import (
    CHUNK_SIZE,
    Patience,
    Source,
    disk_threads,
    refused,
    source_errors,
    source_thread,
)
from imgwire_async.bodies.cached import read_cached
from imgwire_async.bodies.image_types import SNIFF_BYTES
from imgwire_async.core.concurrency.loops import PerRun
from imgwire_async.core.concurrency.threads import ExclusiveThread
from imgwire_async.core.pace.local_limits import LONGEST_WAIT, PAUSE, lacking, most_at_once, say_waiting

Chunk = TypeVar("Chunk", bytes, memoryview)

_SURROGATE = re.compile("[\ud800-\udfff]")


class _PathSource:
    """A regular file, kept open from the first check to the last attempt, whatever happens to its path.

    A file that fits into one chunk is opened, read and closed in a single visit to a thread.
    """

    replayable = True

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._first_chunk = b""
        self._thread = source_thread(disk_threads)
        # Bytes of a name that are not UTF-8 are surrogates here, which JSON cannot represent.
        self.file_name = _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", os.path.basename(path))  # noqa: PTH119 - many times
        self.size = 0

    @property
    def head(self) -> bytes:
        return self._first_chunk[:SNIFF_BYTES]

    @property
    def in_memory(self) -> bytes | None:
        return self._first_chunk if self._file is None else None

    async def start(self, patience: Patience) -> None:
        end = math.inf
        while True:
            try:
                with patience.step():
                    return await self._thread.run(self._start)
            except OSError as error:
                lack, now = lacking(error), anyio.current_time()
                end = min(end, now + LONGEST_WAIT)
                if lack is None or now >= end:
                    raise refused(f"cannot upload {self._path!r}: {error.strerror or error}") from error
                say_waiting(lack)
            await anyio.sleep(PAUSE)

    @property
    def is_open(self) -> bool:
        return self._file is not None

    def _start(self) -> None:
        try:
            # Check before opening: opening a named pipe blocks until something writes to it.
            regular = stat.S_ISREG(os.stat(self._path).st_mode)  # noqa: PTH116 - may hold what pathlib refuses
            if regular:
                self._file = open(self._path, "rb", buffering=0)  # noqa: PTH123, SIM115 - kept open
                self.size = os.fstat(self._file.fileno()).st_size
                # Request no more than needed, because `read` allocates the requested size first.
                self._first_chunk = self._read_first(min(CHUNK_SIZE, self.size + 1))
        except OSError as error:
            if lacking(error) is not None:
                raise
            raise refused(f"cannot upload {self._path!r}: {error.strerror or error}") from error
        except ValueError as error:  # a null character, or text that is not valid as a file name
            raise refused(f"cannot upload {self._path!r}: {error}") from error
        if not regular:
            raise refused(f"cannot upload {self._path!r}: it is not a regular file")
        if not self._first_chunk:
            raise refused(f"cannot upload {self._path!r}: the file is empty")
        if len(self._first_chunk) > self.size:
            raise refused(
                f"cannot upload {self._path!r}: it has more bytes than its size of {self.size}; "
                "it is growing, or its file system reports no sizes; open it and pass the file object"
            )
        if len(self._first_chunk) == self.size < CHUNK_SIZE:
            self._close()  # read in one go, so it is what the file held at one moment

    def _read_first(self, size: int) -> bytes:
        assert self._file is not None  # noqa: S101 - just opened
        first = self._file.read(size)
        # A file system may return less than requested, and too little to detect the type.
        while len(first) < min(size, SNIFF_BYTES) and (further := self._file.read(size - len(first))):
            first += further
        return first

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[AsyncIterator[bytes], None]:
        yield _Chunks(self._first_chunk, self._file, self.size, self._thread)

    async def end(self) -> None:
        """Close the file, even if a cancelled call is still opening it in its thread."""
        await self._thread.end(None if self._file is None and self._first_chunk else self._close)

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):  # of a file that was only read, whose bytes are there
                file.close()


class _Chunks:
    """The content of a file. Worker threads read what the system has not cached.

    The sending stream detects a file that has shrunk or grown by its number of bytes.
    """

    def __init__(self, first: bytes, file: BinaryIO | None, size: int, thread: ExclusiveThread) -> None:
        self._first = first
        self._file = file
        self._size = size
        self._thread = thread
        self._offset = 0
        self._ended = False
        self._may_be_cached = file is not None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._offset == 0:
            return self._advance(self._first)
        if self._file is None or self._ended:
            raise StopAsyncIteration
        chunk, self._ended = await self._thread.run(partial(self._read, self._file))
        if not chunk:
            raise StopAsyncIteration
        return self._advance(chunk)

    def take_ready(self) -> memoryview | None:
        # Copying a chunk from the system's cache takes less time than changing to a thread and back.
        if self._offset == 0:
            return memoryview(self._advance(self._first))
        if self._file is None or self._ended:
            return memoryview(b"")
        if not self._may_be_cached:
            return None
        try:
            chunk = self._thread.run_here(partial(self._read_cached, self._file))
        except BlockingIOError:
            return None
        except OSError:  # the file system cannot do this, or a thread will report the same error
            self._may_be_cached = False
            return None
        return None if chunk is None else self._advance(chunk)

    def _advance(self, chunk: Chunk) -> Chunk:
        self._offset += len(chunk)
        return chunk

    def _read(self, file: BinaryIO) -> tuple[bytes, bool]:
        file.seek(self._offset)
        chunk = file.read(CHUNK_SIZE)
        # Read one byte further in the same thread call, to detect a file that has grown.
        beyond = file.read(1) if self._offset + len(chunk) >= self._size else b""
        return chunk + beyond, not chunk or (self._offset + len(chunk) >= self._size and not beyond)

    def _read_cached(self, file: BinaryIO) -> memoryview | None:
        return read_cached(file.fileno(), self._offset, min(CHUNK_SIZE, max(self._size - self._offset, 1)))


class _OpenPath:
    """The file at a path, open inside of the block."""

    def __init__(self, source: _PathSource, patience: Patience) -> None:
        self._source = source
        self._patience = patience
        # An open file also needs a connection, so files get only part of the descriptors.
        self._place: anyio.CapacityLimiter | None = None

    async def __aenter__(self) -> Source:
        places = _places.get()
        try:
            places.acquire_on_behalf_of_nowait(self._source)
        except anyio.WouldBlock:
            await places.acquire_on_behalf_of(self._source)
        self._place = places
        try:
            await self._source.start(self._patience)
        except BaseException:
            await self._end()
            raise
        if not self._source.is_open:
            self._release()  # it was read completely, and no thread has anything left to do
        return self._source

    async def __aexit__(self, *_: object) -> None:
        if self._place is not None:
            await self._end()

    async def _end(self) -> None:
        try:
            await self._source.end()
        finally:
            self._release()

    def _release(self) -> None:
        places, self._place = self._place, None
        if places is not None:
            places.release_on_behalf_of(self._source)


def open_path(path: str | os.PathLike[str], patience: Patience) -> AbstractAsyncContextManager[Source]:
    """The file at a path, open inside of the block.

    Raises:
        UploadSourceError: on entering, the file does not exist, cannot be read, is empty, or is not a regular
            file; or `path` is not a path.
        APITimeoutError: on entering, the file system does not respond.
    """
    with source_errors("the path cannot be used"):
        source = _PathSource(os.fsdecode(path))
    return _OpenPath(source, patience)


_places = PerRun(lambda: anyio.CapacityLimiter(most_at_once() or math.inf))
