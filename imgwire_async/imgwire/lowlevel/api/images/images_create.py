"""Create an image record and get a URL to upload its bytes to."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...models import StandardUpload, StandardUploadCreate
from ...operations import IMAGES_CREATE
from ...types import UNSET, Unset, to_query


async def images_create(
    caller: Caller, *, body: StandardUploadCreate, upload_token: str | None | Unset = UNSET
) -> Response[StandardUpload]:
    """Create an image record and get a URL to upload its bytes to.

    PUT the bytes to `upload_url` with exactly the declared type and length and without an API key;
    processing then starts by itself. Give `idempotency_key` so that the call can be repeated
    safely.

    Args:
        caller: Makes the call.
        body: What is about to be uploaded.
        upload_token: Token from a backend, for a Client Key that does not allow unsigned uploads.
    """
    request = Request(
        operation=IMAGES_CREATE, query=to_query({"upload_token": upload_token}), json=body.to_dict()
    )
    return await caller.call(request, StandardUpload._take)
