"""Uploading many images at once, with bounded concurrency and outcomes in order of completion."""

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
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Generic, Literal, Self, TypeAlias, TypeVar

import anyio

from imgwire_async.bodies.sources import UploadFile
from imgwire_async.core.concurrency.cancellation import ForeignCode, ForeignIterator
from imgwire_async.core.concurrency.tasks import Background, Handover, JoinedTasks
from imgwire_async.core.values.numbers import whole
from imgwire_async.core.values.redaction import repr_without_bytes
from imgwire_async.errors import ImgwireError, InvalidArgumentError
from imgwire_async.imgwire.lowlevel.models import Image, SupportedMimeType


@dataclass(frozen=True, slots=True)
class UploadItem:
    """An item of `upload_many`, with the arguments of `images.upload`."""

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
"""The caller's items: files or `UploadItem`s."""


@dataclass(frozen=True, slots=True)
class Uploaded(Generic[T]):
    """An upload of `upload_many` that succeeded."""

    item: T
    """The item that was passed in."""
    image: Image
    """The record, as `images.upload` returns it."""
    error: None = field(default=None, init=False)

    __repr__ = repr_without_bytes


@dataclass(frozen=True, slots=True)
class UploadFailed(Generic[T]):
    """An upload of `upload_many` that failed."""

    item: T
    """The item that was passed in."""
    error: ImgwireError
    """Why the upload failed."""
    image: None = field(default=None, init=False)

    __repr__ = repr_without_bytes


UploadOutcome: TypeAlias = Uploaded[T] | UploadFailed[T]
"""The outcome of one item. Either `image` or `error` is set; checking one narrows the other's type."""


class UploadMany(Generic[T]):
    """Running uploads: an async context manager and an async iterator of outcomes as they complete.

    At most `concurrency` items are in progress at a time, including those whose outcome has not been consumed
    yet. A slow consumer therefore delays further uploads, and items are taken from the iterable only when
    there is room for them. Leaving the block cancels unfinished uploads and closes the generator of the
    items, if they come from one. Several tasks may share the iterator; each outcome is delivered once.

    An exception raised by the iterable itself is raised by the iteration, after the outcomes of all items
    taken before it.
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
                f"items must be an iterable of files, such as a list of paths, got {type(items).__name__}"
            )
        try:
            concurrency = whole("concurrency", concurrency, least=1)
        except ValueError as error:
            raise _refused(str(error)) from None
        self._work = _Work(items, upload, concurrency)
        self._background: Background | None = None

    async def __aenter__(self) -> Self:
        if self._background is not None:
            raise RuntimeError("these uploads have already started; call upload_many again for more")
        self._background = Background(self._work.run, at_end=self._work.outcomes.end)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._background is not None  # noqa: S101 - it was entered
        await self._background.leave(error)

    def __aiter__(self) -> Self:
        if self._background is None:
            raise RuntimeError("write 'async with images.upload_many(...) as outcomes', then iterate over it")
        return self

    async def __anext__(self) -> UploadOutcome[T]:
        assert self._background is not None  # noqa: S101 - it was entered
        work = self._work
        try:
            outcome = await work.outcomes.take()
        except anyio.EndOfStream:
            self._background.check()
            if work.failure is not None:
                raise work.failure.with_traceback(work.traceback) from work.failure.__cause__
            raise StopAsyncIteration from None
        work.room.release()
        return outcome


class _Work(Generic[T]):
    """State shared by the tasks. Holds no reference to the `UploadMany`, so that can be garbage-collected."""

    def __init__(
        self,
        items: Iterable[T] | AsyncIterable[T],
        upload: Callable[[T], Awaitable[Image]],
        concurrency: int,
    ) -> None:
        self._items = items
        self._upload = upload
        self.room = anyio.Semaphore(concurrency)
        # The semaphore bounds what is in it.
        self.outcomes = Handover[UploadOutcome[T]](concurrency)
        self.failure: Exception | None = None
        """The exception that the iterable raised."""
        self.traceback: TracebackType | None = None

    async def run(self) -> None:
        """Upload every item and queue the outcomes."""
        async with JoinedTasks() as tasks:
            try:
                async with _iterating(self._items) as items:
                    await self.room.acquire()
                    async for item in ForeignIterator(items, "the iterable of items"):
                        tasks.start_soon(self._upload_one, item)
                        await self.room.acquire()
            except Exception as error:  # noqa: BLE001 - the iterable may raise anything; the iteration raises it
                self.failure, self.traceback = error, error.__traceback__

    async def _upload_one(self, item: T) -> None:
        try:
            with ForeignCode("the upload"):
                outcome: UploadOutcome[T] = Uploaded(item, await self._upload(item))
        except ImgwireError as error:
            outcome = UploadFailed(item, error)
        self.outcomes.put_nowait(outcome)


@asynccontextmanager
async def _iterating(items: Iterable[T] | AsyncIterable[T]) -> AsyncGenerator[AsyncIterator[T], None]:
    iterator = aiter(items) if isinstance(items, AsyncIterable) else _stepwise(items)
    try:
        yield iterator
    finally:
        if isinstance(iterator, AsyncGenerator):
            with anyio.CancelScope(shield=True), ForeignCode("the iterable of items"):
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
