"""Writing a download to an object of a cloud store, which appears only when it is complete."""

from __future__ import annotations

import errno
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager

import anyio

from imgwire_async.core.fetch import Transfer
from imgwire_async.downloads.spool import Spool, chunks_of
from imgwire_async.errors import DownloadTargetError, StoreError
from imgwire_async.stores.opening import Store, open_store
from imgwire_async.stores.reading import look
from imgwire_async.stores.uris import ObjectUri
from imgwire_async.stores.writing import write


@asynccontextmanager
async def object_target(
    to: str, *, overwrite: bool, name: Callable[[str | None], str]
) -> AsyncGenerator[tuple[Transfer, Callable[[], str]], None]:
    """A transfer whose bytes become an object when the block succeeds. Nothing is sent before.

    Args:
        to: URI of the object; a bucket, or a URI that ends in a slash, means an object below it.
        overwrite: whether to replace an object that exists.
        name: returns the name of the object below a prefix, given the content type.

    Yields:
        The transfer, and a function that returns the URI of the object once the block has ended.

    Raises:
        InvalidArgumentError: the URI names no bucket.
        ConfigurationError: the extra for cloud stores is missing.
        DownloadTargetError: the object exists and must not be overwritten.
        StoreError: the store cannot be reached, or rejects the object.
    """
    uri = ObjectUri.of(to)
    store = open_store(uri)
    below = not uri.key or uri.key.endswith("/")
    if not (below or overwrite):
        await _check_free(store, uri.key)
    spool = Spool()
    transfer = Transfer(spool)
    key = uri.key
    try:
        yield transfer, lambda: store.name(key)
        if below:
            key = f"{uri.key}{name(transfer.head.content_type)}"
        async with aclosing(chunks_of(await spool.content())) as chunks:
            try:
                await write(store, key, chunks, overwrite=overwrite, content_type=transfer.head.content_type)
            except StoreError as error:
                if error.reason != "exists":
                    raise
                raise _exists(store, key) from None
    finally:
        with anyio.CancelScope(shield=True):
            await spool.discard()


async def _check_free(store: Store, key: str) -> None:
    try:
        await look(store, key)
    except StoreError as error:
        if error.reason == "missing":
            return
        raise
    raise _exists(store, key)


def _exists(store: Store, key: str) -> DownloadTargetError:
    problem = (
        f"cannot write {store.name(key)!r}: the object already exists; pass overwrite=True to replace it"
    )
    return DownloadTargetError(problem, errno=errno.EEXIST)
