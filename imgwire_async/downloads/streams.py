"""A download as a stream of bytes, for programs that hand them on."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Self

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from imgwire_async.core.download import FileHead, Transfer
from imgwire_async.core.tasks import background_tasks
from imgwire_async.errors import ImgwireError


class DownloadStream:
    """The bytes of a file, in chunks of some kilobytes, as fast as they are taken.

    An iteration raises what `download` can raise for a file, and `DownloadInterruptedError` when a transfer
    broke and the host cannot continue it.
    """

    def __init__(self, chunks: MemoryObjectReceiveStream[bytes], head: FileHead) -> None:
        self._chunks = chunks
        self._head = head
        self._failure: ImgwireError | None = None

    @property
    def size(self) -> int | None:
        """Length in bytes, when the host announces it."""
        return self._head.size

    @property
    def content_type(self) -> str | None:
        """MIME type as the host declares it, or None."""
        return self._head.content_type

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self._chunks.receive()
        except anyio.EndOfStream:
            pass
        self.raise_failure()
        raise StopAsyncIteration

    def fail(self, error: ImgwireError) -> None:
        """Raise `error` when the bytes that came before it have been taken."""
        self._failure = error

    def raise_failure(self) -> None:
        """Raise what `fail` was told, if anything."""
        if self._failure is not None:
            raise self._failure


class _StreamSink:
    """Hands on every chunk; what is handed on cannot be taken back."""

    def __init__(self, chunks: MemoryObjectSendStream[bytes]) -> None:
        self._chunks = chunks

    async def write(self, chunk: bytes) -> None:
        await self._chunks.send(chunk)

    async def restart(self) -> bool:
        return False


@asynccontextmanager
async def open_stream(
    fetch_into: Callable[[Transfer], Awaitable[None]],
) -> AsyncGenerator[DownloadStream, None]:
    """Begin to fetch, and give the stream once the host has answered. Leaving the block ends the transfer."""
    send, receive = anyio.create_memory_object_stream[bytes]()
    answered = anyio.Event()
    transfer = Transfer(_StreamSink(send), answered.set)
    stream = DownloadStream(receive, transfer.head)

    async def run() -> None:
        with send:
            try:
                await fetch_into(transfer)
            except ImgwireError as error:
                stream.fail(error)
        answered.set()

    with receive:
        async with background_tasks() as tasks:
            tasks.start_soon(run)
            await answered.wait()
            if not transfer.begun:
                stream.raise_failure()
            yield stream
