"""Refresh an asset."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...models import AssetDocument
from ...operations import ASSETS_REFRESH


async def assets_refresh(caller: Caller, source_id: str, origin_path: str) -> Response[AssetDocument]:
    """Refresh an asset.

    Reads the file from its origin again, reprocesses it and purges it. Needs the permissions Asset
    Edit and Asset Purge.

    Args:
        caller: Makes the call.
        source_id: Id of the source.
        origin_path: Path of the file at the origin, without its leading slash. Slashes stay
            slashes.
    """
    request = Request(
        operation=ASSETS_REFRESH,
        path_parameters={"source_id": str(source_id), "origin_path": str(origin_path)},
    )
    return await caller.call(request, AssetDocument._take)
