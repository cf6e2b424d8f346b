"""The body of a PUT: where its bytes come from, and the stream that counts them on their way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import httpx

from imgwire_async.errors import ImgwireError, SourceChangedError, UploadSourceError


class Body(Protocol):
    """Bytes of a known length that can be read from the start, more than once when `replayable`."""

    @property
    def size(self) -> int:
        """Length in bytes; what is announced as `Content-Length`."""
        ...

    @property
    def replayable(self) -> bool:
        """Whether `open` may be entered again after bytes have been read."""
        ...

    def open(self) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The bytes in chunks, from the start. Leaving the context releases what was opened."""
        ...


class CountedStream(httpx.AsyncByteStream):
    """Passes chunks on, counts them, and refuses to send another number of bytes than was announced.

    An engine wraps whatever is raised inside its writer. The reason is therefore kept in `failure`, where
    the caller finds it unchanged.
    """

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        size: int,
        on_sent: Callable[[int], Awaitable[None]] | None = None,
    ) -> None:
        self._chunks = chunks
        self._size = size
        self._on_sent = on_sent
        self.sent = 0
        self.started = False
        """Whether the engine has begun to read; a source that gives its bytes once is then used up."""
        self.failure: ImgwireError | None = None
        self.on_progress: Callable[[bool], None] = lambda done: None  # noqa: ARG005
        """Told after every chunk, with True after the last byte."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.started = True
        try:
            async for chunk in self._chunks:
                if self.sent + len(chunk) > self._size:
                    raise SourceChangedError(
                        f"the source holds more than the {self._size} bytes it had when it was opened"
                    )
                self.on_progress(False)
                yield chunk
                # The engine asks for the next chunk only when this one is on its way.
                self.sent += len(chunk)
                self.on_progress(self.sent == self._size)
                if self._on_sent is not None:
                    await self._on_sent(self.sent)
            if self.sent < self._size:
                raise SourceChangedError(
                    f"the source ended after {self.sent} of the {self._size} bytes it had when it was opened"
                )
        except ImgwireError as error:
            self.failure = error
            raise
        except OSError as error:
            self.failure = UploadSourceError(f"reading the source failed: {error}")
            raise self.failure from error
