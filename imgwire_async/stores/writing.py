"""Writing objects: they appear only when complete, and replace existing ones only if allowed."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import AsyncIterator, Awaitable, Iterator
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.from_thread
import anyio.lowlevel

from imgwire_async.core.concurrency.cancellation import running_task
from imgwire_async.core.concurrency.threads import in_thread
from imgwire_async.errors import StoreError
from imgwire_async.stores.calling import call, on_asyncio
from imgwire_async.stores.errors import failed, store_errors
from imgwire_async.stores.opening import Store
from imgwire_async.stores.reading import look

PART: Final = 8 * 1024 * 1024
"""Part size of a large object in bytes; four parts are sent concurrently."""
_AT_ONCE: Final = 4
_ABORTING: Final = 2.0
"""Maximum seconds that a cancelled write waits for the store to drop the parts it already has."""


async def write(
    store: Store,
    key: str,
    chunks: AsyncIterator[bytes],
    *,
    overwrite: bool = False,
    content_type: str | None = None,
) -> None:
    """Write an object atomically: it is not visible until complete, and a failure leaves nothing behind.

    That includes parts, which some stores keep, and charge for, until they are aborted. A cancelled write
    aborts them, unless the store takes longer than two seconds for it.

    Args:
        store: its bucket.
        key: its key.
        chunks: its content, of any length. Exceptions of the iterator are raised here.
        overwrite: whether it may replace an existing object. For multipart uploads, existence is checked
            before the first part is sent, because stores do not support a condition for them.
        content_type: content type to store; None for that of the key's extension, as far as there is one.

    Raises:
        StoreError: it exists (`reason` is `exists`), or cannot be written.
    """
    import obstore

    what = f"cannot write {store.name(key)!r}"
    handle: Any = store.handle
    attributes: Any = _attributes(key, content_type)
    start, complete = await _beginning(chunks)
    if complete:
        mode: Any = "overwrite" if overwrite else "create"
        with store_errors(what, reading=False):
            await call(
                lambda: obstore.put_async(
                    handle, key, start, mode=mode, use_multipart=False, attributes=attributes
                ),
                lambda: obstore.put(
                    handle, key, start, mode=mode, use_multipart=False, attributes=attributes
                ),
            )
        return
    if not overwrite and await _exists(store, key):
        raise failed(what, "exists", reading=False)
    content = _Content(start, chunks)
    how: Any = {
        "use_multipart": True,
        "chunk_size": PART,
        "max_concurrency": _AT_ONCE,
        "attributes": attributes,
    }
    try:
        with store_errors(what, reading=False):
            if on_asyncio():
                await _ended_by_content(obstore.put_async(handle, key, content, **how), content)
            else:
                await in_thread(lambda: obstore.put(handle, key, content.in_a_thread(), **how))
    except Exception:
        if content.failure is not None:
            raise content.failure from None
        raise


def write_file(store: Store, key: str, path: Path, *, overwrite: bool = False) -> None:
    """Write a local file as an object, like `write` does for chunks. Blocks.

    Raises:
        StoreError: it exists (`reason` is `exists`), or cannot be written; an existing object is unchanged.
    """
    import obstore

    attributes: Any = _attributes(key, None)
    if path.stat().st_size <= PART:
        mode: Any = "overwrite" if overwrite else "create"
        with store_errors(f"cannot write {store.name(key)!r}", reading=False):
            obstore.put(store.handle, key, path, mode=mode, use_multipart=False, attributes=attributes)
        return
    if not overwrite:
        check_free(store, key)
    with store_errors(f"cannot write {store.name(key)!r}", reading=False):
        obstore.put(store.handle, key, path, chunk_size=PART, max_concurrency=_AT_ONCE, attributes=attributes)


def check_free(store: Store, key: str) -> None:
    """Check that an object does not exist. Blocks.

    Raises:
        StoreError: it exists (`reason` is `exists`), or the request failed.
    """
    import obstore

    what = f"cannot write {store.name(key)!r}"
    try:
        with store_errors(what, reading=False):
            obstore.head(store.handle, key)
    except StoreError as error:
        if error.reason != "missing":
            raise
        return
    raise failed(what, "exists", reading=False)


def _attributes(key: str, content_type: str | None) -> dict[str, str] | None:
    if content_type is None:
        found, encoding = mimetypes.guess_type(key)
        content_type = found if encoding is None else None  # without a type, stores say it is binary
    return None if content_type is None else {"Content-Type": content_type}


async def _beginning(chunks: AsyncIterator[bytes]) -> tuple[bytes, bool]:
    """The bytes of the first part, and whether that is all."""
    start = bytearray()
    async for chunk in chunks:
        start += chunk
        if len(start) > PART:
            return bytes(start), False
    return bytes(start), True


async def _exists(store: Store, key: str) -> bool:
    try:
        await look(store, key)
    except StoreError as error:
        if error.reason != "missing":
            raise
        return False
    return True


async def _ended_by_content(put: Awaitable[object], content: _Content) -> None:
    """Await `put`; when cancelled, end its content, so that obstore aborts the parts instead."""
    writing = asyncio.ensure_future(put)
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        content.end()
        with anyio.move_on_after(_ABORTING, shield=True):
            await asyncio.wait({writing})
        raise
    finally:
        if not writing.cancel() and not writing.cancelled():
            writing.exception()  # marks it as retrieved


class _Content:
    """The content of an object, and any exception from reading it, which obstore would replace."""

    def __init__(self, start: bytes, rest: AsyncIterator[bytes]) -> None:
        self._start = start
        self._rest = rest
        self.failure: Exception | None = None
        self._ended = False
        self._reading: asyncio.Task[object] | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._start
        rest = aiter(self._rest)
        while (chunk := await self._next(rest)) is not None:
            yield chunk

    async def _next(self, rest: AsyncIterator[bytes]) -> bytes | None:
        if self._ended:
            raise RuntimeError("the write was cancelled")
        self._reading = running_task()  # obstore has another one for each chunk
        try:
            return await anext(rest, None)
        except Exception as error:
            self.failure = error
            raise
        finally:
            self._reading = None

    def end(self) -> None:
        """Raise an exception instead of the next chunk, even while that is being read."""
        self._ended = True
        if self._reading is not None:
            self._reading.cancel()

    def in_a_thread(self) -> Iterator[bytes]:
        """The same for a worker thread."""
        whole = aiter(self)

        async def following() -> bytes | None:
            await anyio.lowlevel.checkpoint()  # raises if the write is cancelled; the content need not wait
            return await anext(whole, None)

        while (chunk := anyio.from_thread.run(following)) is not None:
            yield chunk
