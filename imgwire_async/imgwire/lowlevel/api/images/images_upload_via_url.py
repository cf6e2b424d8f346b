"""Have the service fetch an image from a URL."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...models import Image, UploadViaUrlCreate
from ...operations import IMAGES_UPLOAD_VIA_URL


async def images_upload_via_url(caller: Caller, *, body: UploadViaUrlCreate) -> Response[Image]:
    """Have the service fetch an image from a URL.

    The source may have up to 100 MiB. Poll the image until its status is `READY`.

    Args:
        caller: Makes the call.
        body: An image for the service to fetch.
    """
    request = Request(operation=IMAGES_UPLOAD_VIA_URL, json=body.to_dict())
    return await caller.call(request, Image._take)
