"""Listing the objects below a prefix as a stream: memory stays flat whatever their number."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from imgwire_async.stores.calling import each
from imgwire_async.stores.errors import store_errors
from imgwire_async.stores.opening import Store
from imgwire_async.stores.reading import ObjectInfo, info_of

SLICE: Final = 100
"""Objects of a page that are handed over at a time. A whole page of 1000 makes so many Python objects that
every few pages the garbage collector goes through all of the process, which holds up the event loop."""


async def slices(
    store: Store, prefix: str = "", *, after: str | None = None
) -> AsyncGenerator[list[ObjectInfo], None]:
    """All objects below a prefix, a slice of a page at a time, in the order of their keys.

    Must be closed by the task that iterates.

    Args:
        store: the bucket.
        prefix: whole parts of keys, as a folder's path is; empty for the whole bucket.
        after: begin after this key.

    Raises:
        SourceStoreError: the bucket cannot be listed. `reason` is `invalid_key` where it holds a key that
            cannot be addressed; what comes after it is then not listed.
    """
    import obstore

    with store_errors(f"cannot list {store.name(prefix)!r}", listing=True):
        stream = obstore.list(store.handle, prefix or None, offset=after, chunk_size=SLICE)
        async with aclosing(each(stream)) as found:
            async for part in found:
                yield [info_of(meta) for meta in part]
