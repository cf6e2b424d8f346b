"""Listing the objects below a prefix as a stream in constant memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from imgwire_async.stores.calling import each
from imgwire_async.stores.errors import store_errors
from imgwire_async.stores.opening import Store
from imgwire_async.stores.reading import ObjectInfo, info_of

SLICE: Final = 100
"""Number of objects of a page that are processed at a time. A whole page of 1000 creates so many Python
objects that every few pages trigger a full garbage collection, which delays the event loop."""


async def slices(
    store: Store, prefix: str = "", *, after: str | None = None
) -> AsyncGenerator[list[ObjectInfo], None]:
    """List all objects below a prefix in the order of their keys, part of a page at a time.

    Must be closed by the task that iterates.

    Args:
        store: the bucket.
        prefix: whole segments of keys, like the path of a folder; empty for the whole bucket.
        after: start after this key.

    Raises:
        SourceStoreError: the bucket cannot be listed. `reason` is `invalid_key` if it contains a key that
            cannot be addressed; objects after it are then not listed.
    """
    import obstore

    with store_errors(f"cannot list {store.name(prefix)!r}", listing=True):
        stream = obstore.list(store.handle, prefix or None, offset=after, chunk_size=SLICE)
        async with aclosing(each(stream)) as found:
            async for part in found:
                yield [info_of(meta) for meta in part]
