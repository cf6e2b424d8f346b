"""Bytes that the caller holds in memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

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
        return bytes(self._content) if self.size <= PIECE_SIZE else None

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[AsyncIterator[bytes], None]:
        async with aclosing(self._chunks()) as chunks:
            yield chunks

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        for start in range(0, self.size, CHUNK_SIZE):
            yield bytes(self._content[start : start + CHUNK_SIZE])


@asynccontextmanager
async def open_bytes(
    content: bytes | bytearray | memoryview, file_name: str | None = None
) -> AsyncGenerator[Source, None]:
    """A source of bytes in memory, without copying them as a whole.

    Raises:
        UploadSourceError: the content is empty, or the memory has been released.
    """
    with source_errors("cannot read the content"):
        view = memoryview(content)
    if not view.nbytes:
        raise refused("there is nothing to upload: the content is empty")
    # A byte view of the caller's memory; only a view with gaps or of other items has to be copied.
    plain = view.c_contiguous and view.format in {"b", "B", "c"}
    yield _BytesSource(view.cast("B") if plain else memoryview(view.tobytes()), file_name)
