"""Uploading many images at once: a window that moves over the items, and their outcomes as they come."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Mapping,
)
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, fields
from types import TracebackType
from typing import Generic, Literal, Self, TypeVar

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from imgwire_async.core.numbers import whole
from imgwire_async.core.tasks import background_tasks
from imgwire_async.errors import ImgwireError, InvalidArgumentError
from imgwire_async.lowlevel.models import Image, SupportedMimeType
from imgwire_async.uploads.sources import UploadFile


def repr_without_bytes(instance: object) -> str:
    """The repr of a dataclass, with the length of bytes in their place: an image would fill the log."""
    shown = []
    for one in fields(instance):  # type: ignore[arg-type]
        value = getattr(instance, one.name)
        if one.repr:
            text = f"<{len(value)} bytes>" if isinstance(value, bytes | bytearray) else repr(value)
            shown.append(f"{one.name}={text}")
    return f"{type(instance).__name__}({', '.join(shown)})"


@dataclass(frozen=True, slots=True)
class UploadItem:
    """One upload among many: what `images.upload` takes."""

    file: UploadFile
    size: int | None = None
    file_name: str | None = None
    mime_type: SupportedMimeType | str | None = None
    hash_sha256: str | Literal[True] | None = None
    idempotency_key: str | None = None
    purpose: str | None = None
    custom_metadata: Mapping[str, str | int | float | bool] | None = None
    upload_token: str | None = field(default=None, repr=False)

    __repr__ = repr_without_bytes


T = TypeVar("T", bound="UploadFile | UploadItem")
"""What the caller has: files, or `UploadItem`s."""


@dataclass(frozen=True, slots=True)
class UploadOutcome(Generic[T]):
    """What became of one item. Either `image` or `error` is set."""

    item: T
    """The item as it was given."""
    image: Image | None
    """The record, as `images.upload` returns it."""
    error: ImgwireError | None
    """Why there is none."""

    __repr__ = repr_without_bytes


class UploadMany(Generic[T]):
    """Uploads under way: an async context manager, and an async iterator of outcomes as they come.

    At most `concurrency` items are alive at a time, counting those whose outcome has not been taken: a slow
    loop holds back further uploads, and an item is drawn only when there is room for it. Leaving the block
    cancels what has not ended, and closes a generator that the items come from.

    An exception of the iterable itself is raised by the iteration, after the outcomes of everything that was
    drawn before it.
    """

    def __init__(
        self,
        items: Iterable[T] | AsyncIterable[T],
        upload: Callable[[T], Awaitable[Image]],
        concurrency: int,
    ) -> None:
        if isinstance(items, str | bytes | bytearray | memoryview) or not isinstance(
            items, Iterable | AsyncIterable
        ):
            raise _refused(
                f"items must be several files, such as a list of paths, got {type(items).__name__}"
            )
        try:
            concurrency = whole("concurrency", concurrency, least=1)
        except ValueError as error:
            raise _refused(str(error)) from None
        self._items = items
        self._upload = upload
        self._concurrency = concurrency
        self._room = anyio.Semaphore(concurrency)
        self._running = 0
        self._all_drawn = False
        self._failure: Exception | None = None
        self._block: AsyncExitStack | None = None
        self._send: MemoryObjectSendStream[UploadOutcome[T]]
        self._receive: MemoryObjectReceiveStream[UploadOutcome[T]]

    async def __aenter__(self) -> Self:
        if self._block is not None:
            raise RuntimeError("these uploads have begun before; call upload_many again for more")
        # The semaphore bounds what is in it, so sending never waits.
        self._send, self._receive = anyio.create_memory_object_stream[UploadOutcome[T]](self._concurrency)
        self._block = AsyncExitStack()
        self._block.enter_context(self._send)
        self._block.enter_context(self._receive)
        tasks = await self._block.enter_async_context(background_tasks())
        tasks.start_soon(self._draw, tasks)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        assert self._block is not None  # noqa: S101 - it was entered
        return await self._block.__aexit__(kind, error, traceback)

    def __aiter__(self) -> Self:
        if self._block is None:
            raise RuntimeError("write 'async with images.upload_many(...) as outcomes', then iterate over it")
        return self

    async def __anext__(self) -> UploadOutcome[T]:
        try:
            outcome = await self._receive.receive()
        except anyio.EndOfStream:
            if self._failure is not None:
                raise self._failure from self._failure.__cause__
            raise StopAsyncIteration from None
        self._room.release()
        return outcome

    async def _draw(self, tasks: TaskGroup) -> None:
        try:
            async with _iterating(self._items) as items:
                await self._room.acquire()
                async for item in items:
                    self._running += 1
                    tasks.start_soon(self._upload_one, item)
                    await self._room.acquire()
        except Exception as error:  # noqa: BLE001 - the iterable may raise anything; the iteration raises it
            self._failure = error
        self._all_drawn = True
        self._close_after_last()

    async def _upload_one(self, item: T) -> None:
        try:
            outcome = UploadOutcome(item, await self._upload(item), None)
        except ImgwireError as error:
            outcome = UploadOutcome(item, None, error)
        self._running -= 1
        self._send.send_nowait(outcome)
        self._close_after_last()

    def _close_after_last(self) -> None:
        if self._all_drawn and not self._running:
            self._send.close()


@asynccontextmanager
async def _iterating(items: Iterable[T] | AsyncIterable[T]) -> AsyncGenerator[AsyncIterator[T], None]:
    iterator = aiter(items) if isinstance(items, AsyncIterable) else _stepwise(items)
    try:
        yield iterator
    finally:
        if isinstance(iterator, AsyncGenerator):
            with anyio.CancelScope(shield=True):
                await iterator.aclose()


async def _stepwise(items: Iterable[T]) -> AsyncGenerator[T, None]:
    iterator = iter(items)
    try:
        for item in iterator:
            yield item
    finally:
        if isinstance(iterator, Generator):
            iterator.close()


def _refused(problem: str) -> InvalidArgumentError:
    return InvalidArgumentError(problem, operation="images.upload_many")
