"""Upload a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgwire_async.core.operation import Caller, Request, Response

from ...models import AssetDocument
from ...operations import ASSETS_UPLOAD
from ...types import UNSET, Unset, to_query

if TYPE_CHECKING:
    from imgwire_async.core.body import Body


async def assets_upload(
    caller: Caller,
    source_id: str,
    origin_path: str,
    *,
    content: bytes | Body,
    content_type: str = "application/octet-stream",
    overwrite: bool | None | Unset = UNSET,
) -> Response[AssetDocument]:
    """Upload a file.

    Accepts files of up to 30 MB. Needs the permission Asset Edit, and Asset Purge to overwrite.

    Args:
        caller: Makes the call.
        source_id: Id of the source.
        origin_path: Path of the file at the origin, without its leading slash. Slashes stay
            slashes.
        content: The bytes.
        content_type: Their media type.
        overwrite: Whether a file that exists at this path is replaced. Default: false.
    """
    request = Request(
        operation=ASSETS_UPLOAD,
        path_parameters={"source_id": str(source_id), "origin_path": str(origin_path)},
        query=to_query({"overwrite": overwrite}),
        content=content,
        content_type=content_type,
    )
    return await caller.call(request, AssetDocument._take)
