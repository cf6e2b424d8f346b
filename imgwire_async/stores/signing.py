"""Presigned URLs, with which somebody else fetches an object without credentials."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from imgwire_async.core.values.redaction import Secret
from imgwire_async.stores.calling import call
from imgwire_async.stores.errors import store_errors
from imgwire_async.stores.opening import Store


async def signed_url(store: Store, key: str, *, seconds: float) -> Secret:
    """A URL from which anybody can fetch an object for a while. It never outlives the credentials.

    Google signs over the network where the credentials hold no private key.

    Args:
        store: its bucket.
        key: its key.
        seconds: how long the URL is good for.

    Raises:
        SourceStoreError: the store or its credentials cannot sign.
    """
    import obstore

    handle: Any = store.handle
    lifetime = timedelta(seconds=seconds)
    with store_errors(f"cannot sign a URL for {store.name(key)!r}"):
        return Secret(
            await call(
                lambda: obstore.sign_async(handle, "GET", key, lifetime),
                lambda: obstore.sign(handle, "GET", key, lifetime),
            )
        )
