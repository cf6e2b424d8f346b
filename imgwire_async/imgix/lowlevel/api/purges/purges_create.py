"""Purge an image."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...models import Purge, PurgeReceiptDocument
from ...operations import PURGES_CREATE


async def purges_create(caller: Caller, *, body: Purge) -> Response[PurgeReceiptDocument]:
    """Purge an image.

    Accepted does not mean finished. 409 means that the same URL was purged within the last 10
    seconds; that purge still happens. Needs the permission Asset Purge.

    Args:
        caller: Makes the call.
        body: A URL to purge.
    """
    request = Request(operation=PURGES_CREATE, json=body.to_dict())
    return await caller.call(request, PurgeReceiptDocument._take)
