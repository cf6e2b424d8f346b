"""Bytes that the caller holds in memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager

from imgwire_async.bodies.base import CHUNK_SIZE, Source, refused, source_errors
from imgwire_async.bodies.image_types import SNIFF_BYTES
from imgwire_async.core.body import PIECE_SIZE


class _BytesSource:
    replayable = True

    def __init__(self, content: memoryview, file_name: str | None) -> None:
        self._content = content
        self.file_name = file_name
        self.size = content.nbytes
        self.head = bytes(content[:SNIFF_BYTES])

    @property
    def in_memory(self) -> bytes | None:
        if self.size > PIECE_SIZE:
            return None
        whole = self._content.obj
        # Bytes cannot change; a copy of other memory is sent as it is now.
        if type(whole) is bytes and len(whole) == self.size:
            return whole
        return bytes(self._content)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[AsyncIterator[bytes], None]:
        async with aclosing(self._chunks()) as chunks:
            yield chunks

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        for start in range(0, self.size, CHUNK_SIZE):
            yield bytes(self._content[start : start + CHUNK_SIZE])


class _OpenBytes:
    def __init__(self, content: bytes | bytearray | memoryview, file_name: str | None) -> None:
        self._content = content
        self._file_name = file_name

    async def __aenter__(self) -> Source:
        with source_errors("cannot read the content"):
            view = memoryview(self._content)
        if not view.nbytes:
            raise refused("there is nothing to upload: the content is empty")
        # A byte view of the caller's memory; only a view with gaps or of other items has to be copied.
        plain = view.c_contiguous and view.format in {"b", "B", "c"}
        return _BytesSource(view.cast("B") if plain else memoryview(view.tobytes()), self._file_name)

    async def __aexit__(self, *_: object) -> None:
        pass


def open_bytes(
    content: bytes | bytearray | memoryview, file_name: str | None = None
) -> AbstractAsyncContextManager[Source]:
    """A source of bytes in memory, without copying them as a whole.

    Raises:
        UploadSourceError: on entering, the content is empty, or the memory has been released.
    """
    return _OpenBytes(content, file_name)  # a class: a generator would take longer than all the rest
