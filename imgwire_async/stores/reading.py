"""Reading objects: whole, in parts, or as a stream; optionally at a known version."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from imgwire_async.stores.calling import call, each
from imgwire_async.stores.errors import failed, store_errors
from imgwire_async.stores.opening import Store

if TYPE_CHECKING:
    from typing_extensions import Buffer

CHUNK: Final = 512 * 1024
"""Minimum size of a chunk in bytes; a fast connection yields more at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """The metadata of an object."""

    key: str
    size: int
    """Bytes."""
    version: str
    """Its ETag without quotes, which listings of some stores lack; if there is none, its modification
    time."""
    content_type: str | None = None
    """Content type as declared; None if it is known only by reading the object."""


@dataclass(frozen=True, slots=True)
class Reading:
    """An object that is being read."""

    info: ObjectInfo
    chunks: AsyncIterator[bytes]
    whole: Callable[[], Awaitable[bytes]]
    """Read all of it at once, instead of `chunks`; cheaper for small objects."""


def info_of(meta: Any, content_type: str | None = None) -> ObjectInfo:  # noqa: ANN401 - a record of obstore
    """Convert obstore's metadata of an object."""
    etag = (meta["e_tag"] or "").removeprefix("W/").strip('"')
    version = etag or meta["last_modified"].isoformat()
    return ObjectInfo(key=meta["path"], size=meta["size"], version=version, content_type=content_type)


async def look(store: Store, key: str) -> ObjectInfo:
    """Size and version of an object.

    Raises:
        SourceStoreError: it does not exist, or the request failed.
    """
    import obstore

    with store_errors(f"cannot read {store.name(key)!r}"):
        meta = await call(
            lambda: obstore.head_async(store.handle, key), lambda: obstore.head(store.handle, key)
        )
    return info_of(meta)


@asynccontextmanager
async def reading(store: Store, key: str, *, version: str | None = None) -> AsyncGenerator[Reading, None]:
    """Open an object and read it as a stream. A broken connection is resumed where it stopped.

    Args:
        store: its bucket.
        key: its key.
        version: the ETag that it must still have.

    Raises:
        SourceStoreError: it does not exist, cannot be read, or (`reason` is `changed`) has another version.
    """
    opened = await _get(store, key, {}, version)
    async with aclosing(_chunks(store, key, opened)) as chunks:
        yield Reading(_opened_info(opened), chunks, partial(_whole, store, key, opened))


@dataclass(frozen=True, slots=True)
class Opened:
    """An object whose content has been requested."""

    info: ObjectInfo
    whole: Callable[[], Awaitable[bytes]]
    """Read all of it."""
    whole_in_thread: Callable[[], bytes]
    """The same for a thread; takes half the processor time, but nothing ends it early."""


async def opened(store: Store, key: str) -> Opened:
    """Request a presumably small object, which is cheaper than `reading`.

    Args:
        store: its bucket.
        key: its key.

    Raises:
        SourceStoreError: as for `reading`; reading the content may raise it as well.
    """
    got = await _get(store, key, {}, None)
    whole = partial(_whole, store, key, got)
    return Opened(_opened_info(got), whole, partial(_whole_in_thread, store, key, got))


async def read_part(store: Store, key: str, length: int, *, version: str | None = None) -> bytes:
    """The first bytes of an object.

    Args:
        store: its bucket.
        key: its key.
        length: how many; fewer if the object is shorter.
        version: the ETag that it must still have.

    Raises:
        SourceStoreError: as for `reading`.
    """
    opened = await _get(store, key, {"range": (0, length)}, version)
    return await _whole(store, key, opened)


def blocks_of(store: Store, key: str) -> Iterator[bytes]:
    """The content of an object in blocks, for a thread.

    Raises:
        SourceStoreError: as for `reading`.
    """
    import obstore

    with store_errors(f"cannot read {store.name(key)!r}"):
        # A stream that ends early raises here as well.
        yield from obstore.get(store.handle, key).stream(min_chunk_size=CHUNK)


def open_file(store: Store, key: str) -> io.RawIOBase:
    """An object as a seekable file, for a thread.

    Raises:
        SourceStoreError: as for `reading`; reading the file may raise it as well.
    """
    import obstore

    what = f"cannot read {store.name(key)!r}"
    with store_errors(what):
        return _ObjectFile(obstore.open_reader(store.handle, key), what)


class _ObjectFile(io.RawIOBase):
    """An obstore file with the full interface of the standard library's files."""

    def __init__(self, file: Any, what: str) -> None:  # noqa: ANN401 - a file of obstore
        self._file = file
        self._what = what

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return int(self._file.tell())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._file.seek(offset, whence))

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        with store_errors(self._what):
            content = bytes(self._file.read(len(view)))
        view[: len(content)] = content
        return len(content)


def _opened_info(opened: Any) -> ObjectInfo:  # noqa: ANN401 - a result of obstore
    content_type = opened.attributes.get("Content-Type")
    return info_of(opened.meta, None if content_type is None else str(content_type))


async def _get(store: Store, key: str, options: dict[str, object], version: str | None) -> Any:  # noqa: ANN401 - a result of obstore
    import obstore

    what = f"cannot read {store.name(key)!r}"
    if version is not None:
        options["if_match"] = f'"{version}"'
    with store_errors(what):
        handle: Any = store.handle
        given: Any = options or None
        opened = await call(
            lambda: obstore.get_async(handle, key, options=given),
            lambda: obstore.get(handle, key, options=given),
        )
    # Some compatible stores ignore the condition.
    if version is not None and info_of(opened.meta).version != version:
        raise failed(what, "changed")
    return opened


async def _whole(store: Store, key: str, opened: Any) -> bytes:  # noqa: ANN401 - a result of obstore
    with store_errors(f"cannot read {store.name(key)!r}"):
        return bytes(await call(opened.bytes_async, opened.bytes))


def _whole_in_thread(store: Store, key: str, opened: Any) -> bytes:  # noqa: ANN401 - a result of obstore
    with store_errors(f"cannot read {store.name(key)!r}"):
        return bytes(opened.bytes())


async def _chunks(store: Store, key: str, opened: Any) -> AsyncGenerator[bytes, None]:  # noqa: ANN401
    with store_errors(f"cannot read {store.name(key)!r}"):
        async with aclosing(each(opened.stream(min_chunk_size=CHUNK))) as chunks:
            async for chunk in chunks:
                yield chunk
