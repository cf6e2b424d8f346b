"""Start a job that packs images into one archive."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...models import ImageDownloadJob, ImageDownloadJobCreate
from ...operations import IMAGES_CREATE_BULK_DOWNLOAD_JOB


async def images_create_bulk_download_job(
    caller: Caller, *, body: ImageDownloadJobCreate
) -> Response[ImageDownloadJob]:
    """Start a job that packs images into one archive.

    Poll the job until it is `READY` or `FAILED`.

    Args:
        caller: Makes the call.
        body: The images to pack.
    """
    request = Request(operation=IMAGES_CREATE_BULK_DOWNLOAD_JOB, json=body.to_dict())
    return await caller.call(request, ImageDownloadJob._take)
