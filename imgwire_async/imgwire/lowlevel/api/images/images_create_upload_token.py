"""Create an upload token for a frontend."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...models import UploadToken
from ...operations import IMAGES_CREATE_UPLOAD_TOKEN


async def images_create_upload_token(caller: Caller) -> Response[UploadToken]:
    """Create an upload token for a frontend.

    The frontend sends it as `upload_token` when it creates an upload with a Client Key.
    Short-lived, for one upload.

    Args:
        caller: Makes the call.
    """
    request = Request(operation=IMAGES_CREATE_UPLOAD_TOKEN)
    return await caller.call(request, UploadToken._take)
