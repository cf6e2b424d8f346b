"""Retrieve an asset."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...models import AssetDocument
from ...operations import ASSETS_RETRIEVE
from ...types import UNSET, Unset, to_query


async def assets_retrieve(
    caller: Caller, source_id: str, origin_path: str, *, fields_assets: str | None | Unset = UNSET
) -> Response[AssetDocument]:
    """Retrieve an asset.

    Needs the permission Asset Browse.

    Args:
        caller: Makes the call.
        source_id: Id of the source.
        origin_path: Path of the file at the origin, without its leading slash. Slashes stay
            slashes.
        fields_assets: Attributes to return, separated by commas; dots reach nested ones. Default:
            all.
    """
    request = Request(
        operation=ASSETS_RETRIEVE,
        path_parameters={"source_id": str(source_id), "origin_path": str(origin_path)},
        query=to_query({"fields[assets]": fields_assets}),
    )
    return await caller.call(request, AssetDocument._take)
