"""Read a bulk download job."""

from __future__ import annotations

from uuid import UUID

from imgwire_async.core.operation import Caller, Request, Response

from ...models import ImageDownloadJob
from ...operations import IMAGES_RETRIEVE_BULK_DOWNLOAD_JOB


async def images_retrieve_bulk_download_job(
    caller: Caller, image_download_job_id: UUID
) -> Response[ImageDownloadJob]:
    """Read a bulk download job.

    Args:
        caller: Makes the call.
        image_download_job_id: Id of the bulk download job.
    """
    request = Request(
        operation=IMAGES_RETRIEVE_BULK_DOWNLOAD_JOB,
        path_parameters={"image_download_job_id": str(image_download_job_id)},
    )
    return await caller.call(request, ImageDownloadJob._take)
