"""Delete several images."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...models import BulkDeleteImages
from ...operations import IMAGES_BULK_DELETE
from ...types import parse_map


async def images_bulk_delete(caller: Caller, *, body: BulkDeleteImages) -> Response[dict[str, str]]:
    """Delete several images.

    Sending the same ids again is harmless: what is gone stays gone.

    Args:
        caller: Makes the call.
        body: The images to delete.
    """
    request = Request(operation=IMAGES_BULK_DELETE, json=body.to_dict())
    return await caller.call(request, parse_map)
