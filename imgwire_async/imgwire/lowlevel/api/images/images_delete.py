"""Delete one image."""

from __future__ import annotations

from uuid import UUID

from imgwire_async.core.operation import Caller, Request, Response

from ...operations import IMAGES_DELETE
from ...types import parse_map


async def images_delete(caller: Caller, image_id: UUID) -> Response[dict[str, str]]:
    """Delete one image.

    Args:
        caller: Makes the call.
        image_id: Id of the image.
    """
    request = Request(operation=IMAGES_DELETE, path_parameters={"image_id": str(image_id)})
    return await caller.call(request, parse_map)
