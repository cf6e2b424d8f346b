"""Objects of cloud stores: the store provides size, name and type, and the bytes are streamed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from imgwire_async.bodies.base import CHUNK_SIZE, Patience, Source, refused
from imgwire_async.bodies.image_types import SNIFF_BYTES
from imgwire_async.errors import SourceChangedError, SourceStoreError
from imgwire_async.stores import reading as objects
from imgwire_async.stores.opening import Store, open_store
from imgwire_async.stores.uris import ObjectUri, file_name


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object of a cloud store, with an optional version and store options."""

    uri: str
    """Such as `s3://bucket/key`."""
    version: str | None = None
    """The ETag that it must still have; None accepts any version."""
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    """How its bucket is opened, see `Bucket.options`."""


class _ObjectSource:
    """An object that is read once for its first bytes and the first attempt, and again for every retry.

    All reads are of the same version: the store rejects any other.
    """

    replayable = True

    def __init__(self, store: Store, opened: objects.Reading, first: bytes) -> None:
        self._store = store
        self._info = opened.info
        self._first = first
        self._rest: AsyncIterator[bytes] | None = opened.chunks
        self.size = opened.info.size
        self.file_name = file_name(opened.info.key) or None
        self.content_type = opened.info.content_type

    @property
    def head(self) -> bytes:
        return self._first[:SNIFF_BYTES]

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[AsyncIterator[bytes], None]:
        async with aclosing(self._chunks()) as chunks:
            yield chunks

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        if len(self._first) >= self.size:
            yield self._first
            return
        rest, self._rest = self._rest, None
        if rest is not None:
            yield self._first
            with _changes(self._store.name(self._info.key)):
                async for chunk in rest:
                    yield chunk
            return
        with _changes(self._store.name(self._info.key)):
            again = objects.reading(self._store, self._info.key, version=self._info.version)
            async with again as opened:
                async for chunk in opened.chunks:
                    yield chunk


@asynccontextmanager
async def open_object(given: StoredObject, patience: Patience) -> AsyncGenerator[Source, None]:
    """Open an object for the duration of one upload.

    Raises:
        SourceStoreError: it does not exist, cannot be read, or its store cannot be reached.
        SourceChangedError: it no longer has the required version.
        UploadSourceError: it is empty.
        ConfigurationError: the extra `cloud` is missing.
        APITimeoutError: reading from the store stalled.
    """
    uri = ObjectUri.of(given.uri)
    if not uri.key or uri.key.endswith("/"):
        raise refused(
            f"cannot upload {given.uri!r}: the URI names no object; use ingest for a bucket or a folder"
        )
    store = open_store(uri, given.options)
    async with AsyncExitStack() as stack:
        with patience.step(), _changes(given.uri):
            opened = await stack.enter_async_context(objects.reading(store, uri.key, version=given.version))
            first = await _first_of(opened)
        if not first:
            raise refused(f"cannot upload {given.uri!r}: the object is empty")
        yield _ObjectSource(store, opened, first)


async def _first_of(opened: objects.Reading) -> bytes:
    first = bytearray()
    while len(first) < min(CHUNK_SIZE, opened.info.size):
        chunk = await anext(opened.chunks, b"")
        if not chunk:
            break
        first += chunk
    return bytes(first)


@contextmanager
def _changes(uri: str) -> Iterator[None]:
    """Raise the same error for a changed object as for other changed sources."""
    try:
        yield
    except SourceStoreError as error:
        if error.reason == "changed":
            problem = f"{uri!r} has changed since it was first read"
            raise SourceChangedError(problem, operation="images.upload") from None
        error.operation = error.operation or "images.upload"
        raise
