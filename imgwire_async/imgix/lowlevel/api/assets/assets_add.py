"""Add an asset from its origin."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...models import AssetDocument
from ...operations import ASSETS_ADD


async def assets_add(caller: Caller, source_id: str, origin_path: str) -> Response[AssetDocument]:
    """Add an asset from its origin.

    Queues a file that exists at the origin for indexing; nothing is uploaded. Needs the permission
    Asset Edit.

    Args:
        caller: Makes the call.
        source_id: Id of the source.
        origin_path: Path of the file at the origin, without its leading slash. Slashes stay
            slashes.
    """
    request = Request(
        operation=ASSETS_ADD, path_parameters={"source_id": str(source_id), "origin_path": str(origin_path)}
    )
    return await caller.call(request, AssetDocument._take)
