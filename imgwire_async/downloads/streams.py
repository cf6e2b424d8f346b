"""A download as a stream of bytes, for programs that pass them on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import TracebackType
from typing import Self

import anyio

from imgwire_async.core.concurrency.tasks import Background, Handover
from imgwire_async.core.fetch import FileHead, Transfer


class DownloadStream:
    """The bytes of a file, in chunks of some kilobytes, as fast as they are consumed.

    Iterating raises the errors of `download`, and `DownloadInterruptedError` if the transfer breaks and
    cannot be resumed.
    """

    def __init__(self, chunks: Handover[bytes], head: FileHead, background: Background) -> None:
        self._chunks = chunks
        self._head = head
        self._background = background

    @property
    def size(self) -> int | None:
        """Length in bytes, if the host announces it."""
        return self._head.size

    @property
    def content_type(self) -> str | None:
        """MIME type as the host declares it, or None."""
        return self._head.content_type

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self._chunks.take()
        except anyio.EndOfStream:
            self._background.check()
            raise StopAsyncIteration from None


class _StreamSink:
    """Delivers every chunk at once; delivered chunks cannot be taken back."""

    def __init__(self, chunks: Handover[bytes]) -> None:
        self._chunks = chunks

    async def write(self, chunk: bytes) -> None:
        await self._chunks.put(chunk)

    async def restart(self) -> bool:
        return False


class OpenStream(AbstractAsyncContextManager[DownloadStream]):
    """Starts the download when entered, and returns the stream once the host has responded.

    Leaving the block ends the transfer.

    Args:
        fetch_into: fetches the file, and returns when it is complete.
    """

    def __init__(self, fetch_into: Callable[[Transfer], Awaitable[None]]) -> None:
        self._fetch_into = fetch_into
        self._background: Background | None = None

    async def __aenter__(self) -> DownloadStream:
        if self._background is not None:
            raise RuntimeError("this download has already started; call download again for another one")
        chunks, answered = Handover[bytes](1), anyio.Event()
        transfer = Transfer(_StreamSink(chunks), answered.set)
        self._background = Background(
            partial(self._fetch_into, transfer), at_end=partial(_end, chunks, answered)
        )
        try:
            await answered.wait()
            if not transfer.begun:
                self._background.check()
        except BaseException as error:
            await self._background.leave(error)
            raise
        return DownloadStream(chunks, transfer.head, self._background)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._background is not None  # noqa: S101 - it was entered
        await self._background.leave(error)


def _end(chunks: Handover[bytes], answered: anyio.Event) -> None:
    chunks.end()
    answered.set()
