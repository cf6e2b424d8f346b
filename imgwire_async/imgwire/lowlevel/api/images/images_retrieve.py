"""Read one image."""

from __future__ import annotations

from uuid import UUID

from imgwire_async.core.operation import Caller, Request, Response

from ...models import Image
from ...operations import IMAGES_RETRIEVE


async def images_retrieve(caller: Caller, image_id: UUID) -> Response[Image]:
    """Read one image.

    Args:
        caller: Makes the call.
        image_id: Id of the image.
    """
    request = Request(operation=IMAGES_RETRIEVE, path_parameters={"image_id": str(image_id)})
    return await caller.call(request, Image._take)
