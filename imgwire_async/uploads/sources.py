"""Where the bytes of an upload come from.

Opening, reading and closing files happens in worker threads, so the event loop never waits for a disk. A
file that fits into one chunk is read in a single visit to a thread; of a larger one, one chunk at a time is
in memory.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from pathlib import PurePath
from typing import BinaryIO, Final, Protocol, TypeAlias

import anyio
from anyio import to_thread

from imgwire_async.core.body import Body
from imgwire_async.errors import UploadSourceError
from imgwire_async.uploads.image_types import SNIFF_BYTES

CHUNK_SIZE: Final = 512 * 1024
"""Bytes that are read from a file at a time, and so what one upload holds in memory."""

UploadFile: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview"
"""What `images.upload` accepts: the path of a file (`anyio.Path` included), or the bytes themselves."""


class Source(Body, Protocol):
    """A body that also knows what it is called and how it begins."""

    @property
    def file_name(self) -> str | None:
        """Name without folders, or None when the source has none."""
        ...

    @property
    def head(self) -> bytes:
        """The first bytes, enough to tell the image type."""
        ...


def open_source(file: UploadFile) -> AbstractAsyncContextManager[Source]:
    """Open `file` for the time of one upload.

    Raises:
        UploadSourceError: on entering, when `file` is missing, unreadable, empty, not a regular file, or of
            a type that holds no bytes.
    """
    match file:
        case bytes() | bytearray() | memoryview():
            return _open_bytes(file)
        case str() | os.PathLike():
            return _open_path(file)
        case _:
            raise _refused(f"cannot upload a {type(file).__name__}: pass the path of a file, or its bytes")


class _BytesSource:
    file_name = None
    replayable = True

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self.size = content.nbytes
        self.head = bytes(content[:SNIFF_BYTES])

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[AsyncIterator[bytes], None]:
        async with aclosing(self._chunks()) as chunks:
            yield chunks

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        for start in range(0, self.size, CHUNK_SIZE):
            yield bytes(self._content[start : start + CHUNK_SIZE])


@asynccontextmanager
async def _open_bytes(content: bytes | bytearray | memoryview) -> AsyncGenerator[Source, None]:
    if not memoryview(content).nbytes:
        raise _refused("there is nothing to upload: the content is empty")
    # A view of what the caller holds, in bytes; only a view with gaps has to be copied.
    view = memoryview(content)
    yield _BytesSource(view.cast("B") if view.c_contiguous else memoryview(view.tobytes()))


class _FileSource:
    """A regular file, held open from the first look to the last attempt, whatever happens to its path."""

    replayable = True

    def __init__(self, file: BinaryIO, file_name: str, size: int, first_chunk: bytes) -> None:
        self._file = file
        self._first_chunk = first_chunk
        # Held by whoever uses the file, so that closing waits for a read that a cancelled call left behind.
        self._lock = threading.Lock()
        self.file_name = file_name
        self.size = size
        self.head = first_chunk[:SNIFF_BYTES]

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[AsyncIterator[bytes], None]:
        async with aclosing(self._chunks()) as chunks:
            yield chunks

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        yield self._first_chunk
        offset = len(self._first_chunk)
        if offset == self.size < CHUNK_SIZE:
            return  # read in one go, so it is what the file held at one moment
        # A file that has shrunk or grown gives another number of bytes, which the sending stream notices.
        while chunk := await to_thread.run_sync(self._read, offset):
            yield chunk
            offset += len(chunk)

    def _read(self, offset: int) -> bytes:
        with self._lock:
            self._file.seek(offset)
            return self._file.read(CHUNK_SIZE)

    def close(self) -> None:
        with self._lock:
            self._file.close()


@asynccontextmanager
async def _open_path(path: str | os.PathLike[str]) -> AsyncGenerator[Source, None]:
    source = await to_thread.run_sync(_open_regular_file, path)
    try:
        yield source
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(source.close)


def _open_regular_file(path: str | os.PathLike[str]) -> _FileSource:
    text = os.fsdecode(path)
    try:
        # Looked at before it is opened: opening a named pipe blocks until somebody writes to it.
        regular = stat.S_ISREG(os.stat(text).st_mode)  # noqa: PTH116 - a path may hold what pathlib refuses
        file = open(text, "rb", buffering=0) if regular else None  # noqa: PTH123, SIM115 - kept open
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise _refused(f"cannot upload {text!r}: {reason}") from error
    if file is None:
        raise _refused(f"cannot upload {text!r}: it is not a regular file")
    try:
        size = os.fstat(file.fileno()).st_size
        first_chunk = file.read(CHUNK_SIZE)
    except OSError as error:
        file.close()
        raise _refused(f"cannot read {text!r}: {error.strerror}") from error
    if not first_chunk:
        file.close()
        raise _refused(f"cannot upload {text!r}: the file is empty")
    return _FileSource(file, _displayable(PurePath(text).name), size, first_chunk)


def _displayable(name: str) -> str:
    """`name` with bytes that are not UTF-8 replaced: JSON cannot carry them."""
    return os.fsencode(name).decode("utf-8", errors="replace")


def _refused(problem: str) -> UploadSourceError:
    return UploadSourceError(problem, operation="images.upload")
