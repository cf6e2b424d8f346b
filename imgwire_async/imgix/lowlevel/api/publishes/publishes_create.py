"""Publish an asset."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...models import Publish, PublishReceiptDocument
from ...operations import PUBLISHES_CREATE


async def publishes_create(
    caller: Caller, source_id: str, *, body: Publish
) -> Response[PublishReceiptDocument]:
    """Publish an asset.

    Needs the permission Asset Purge.

    Args:
        caller: Makes the call.
        source_id: Id of the source.
        body: An asset to publish.
    """
    request = Request(
        operation=PUBLISHES_CREATE, path_parameters={"source_id": str(source_id)}, json=body.to_dict()
    )
    return await caller.call(request, PublishReceiptDocument._take)
