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
    view = memoryview(content)
    if not view.nbytes:
        raise _refused("there is nothing to upload: the content is empty")
    # A view of what the caller holds, in bytes; only a view with gaps or of other items has to be copied.
    plain = view.c_contiguous and view.format in {"b", "B", "c"}
    yield _BytesSource(view.cast("B") if plain else memoryview(view.tobytes()))


class _FileSource:
    """A regular file, held open from the first look to the last attempt, whatever happens to its path."""

    replayable = True

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._first_chunk = b""
        self._closed = False
        # Held by whoever uses the file, so that closing waits for what a cancelled call left running.
        self._lock = threading.Lock()
        self.file_name = _displayable(PurePath(path).name)
        self.size = 0

    @property
    def head(self) -> bytes:
        return self._first_chunk[:SNIFF_BYTES]

    def start(self) -> None:
        """Open the file and read its first chunk; blocks, as `close` does."""
        with self._lock:
            if self._closed:
                return  # the call was cancelled before this thread began
            try:
                # Looked at before it is opened: opening a named pipe blocks until somebody writes to it.
                if not stat.S_ISREG(os.stat(self._path).st_mode):  # noqa: PTH116 - may hold what pathlib refuses
                    raise _refused(f"cannot upload {self._path!r}: it is not a regular file")
                self._file = open(self._path, "rb", buffering=0)  # noqa: PTH123, SIM115 - kept open
                self.size = os.fstat(self._file.fileno()).st_size
                self._first_chunk = self._file.read(CHUNK_SIZE)
            except OSError as error:
                raise _refused(f"cannot upload {self._path!r}: {error.strerror or error}") from error
            except ValueError as error:  # a path with a null character
                raise _refused(f"cannot upload {self._path!r}: {error}") from error
            if not self._first_chunk:
                raise _refused(f"cannot upload {self._path!r}: the file is empty")

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
            if self._file is None:
                return b""  # closed; nobody waits for this any more
            self._file.seek(offset)
            return self._file.read(CHUNK_SIZE)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            file, self._file = self._file, None
            if file is not None:
                file.close()


@asynccontextmanager
async def _open_path(path: str | os.PathLike[str]) -> AsyncGenerator[Source, None]:
    source = _FileSource(os.fsdecode(path))
    try:
        # A cancelled task may leave while the thread is still opening the file; closing it waits for that.
        await to_thread.run_sync(source.start)
        yield source
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(source.close)


def _displayable(name: str) -> str:
    """`name` with bytes that are not UTF-8 replaced: JSON cannot carry them."""
    return os.fsencode(name).decode("utf-8", errors="replace")


def _refused(problem: str) -> UploadSourceError:
    return UploadSourceError(problem, operation="images.upload")
