"""Update an asset."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...models import AssetDocument, AssetUpdate
from ...operations import ASSETS_UPDATE


async def assets_update(
    caller: Caller, source_id: str, origin_path: str, *, body: AssetUpdate
) -> Response[AssetDocument]:
    """Update an asset.

    Needs the permission Asset Edit.

    Args:
        caller: Makes the call.
        source_id: Id of the source.
        origin_path: Path of the file at the origin, without its leading slash. Slashes stay
            slashes.
        body: Changes of an asset. A list or an object replaces the former one as a whole.
    """
    request = Request(
        operation=ASSETS_UPDATE,
        path_parameters={"source_id": str(source_id), "origin_path": str(origin_path)},
        json=body.to_dict(),
    )
    return await caller.call(request, AssetDocument._take)
