"""Unpublish an asset."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...models import Unpublish, UnpublishReceiptDocument
from ...operations import UNPUBLISHES_CREATE


async def unpublishes_create(
    caller: Caller, source_id: str, *, body: Unpublish
) -> Response[UnpublishReceiptDocument]:
    """Unpublish an asset.

    Needs the permission Asset Purge.

    Args:
        caller: Makes the call.
        source_id: Id of the source.
        body: An asset to unpublish.
    """
    request = Request(
        operation=UNPUBLISHES_CREATE, path_parameters={"source_id": str(source_id)}, json=body.to_dict()
    )
    return await caller.call(request, UnpublishReceiptDocument._take)
