"""`client.images`: list, read, delete, upload and download images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from imgwire_async.core.polling import as_wait
from imgwire_async.imgwire.lowlevel.api import images as api
from imgwire_async.imgwire.lowlevel.models import (
    BulkDeleteImages,
    Image,
)
from imgwire_async.imgwire.resources.arguments import (
    as_uuid,
    as_uuids,
    unless_none,
)
from imgwire_async.imgwire.resources.image_downloads import ImageDownloads
from imgwire_async.imgwire.resources.image_uploads import ImageUploads
from imgwire_async.imgwire.resources.lists import Listed, PageResponse
from imgwire_async.imgwire.resources.readiness import OPERATION, until_ready

if TYPE_CHECKING:
    from imgwire_async.imgwire.resources.raw import ImagesWithRawResponse


class Images(ImageUploads, ImageDownloads, Listed[Image]):
    """Operations on the images of one environment."""

    _resource = "images"

    @property
    def with_raw_response(self) -> ImagesWithRawResponse:
        """The same methods, but they return the whole response: `await ….with_raw_response.…()`."""
        from imgwire_async.imgwire.resources.raw import ImagesWithRawResponse

        return ImagesWithRawResponse(self._core)

    def _page(self, number: int, size: int | None) -> PageResponse[Image]:
        return api.images_list(self._core, page=number, limit=unless_none(size))

    async def retrieve(self, image_id: str | UUID) -> Image:
        """Read one image record.

        Raises:
            InvalidArgumentError: `image_id` is not a UUID.
            NotFoundError: the image does not exist, or it has been deleted.
        """
        image = as_uuid(image_id, "image_id", "images.retrieve")
        return (await api.images_retrieve(self._core, image)).data

    async def wait_until_ready(self, image_id: str | UUID, *, timeout: float = 120.0) -> Image:  # noqa: ASYNC109
        """Poll until an image is READY, at first quickly, later every two seconds.

        The client's `deadline` covers all of it.

        Args:
            image_id: the image.
            timeout: seconds to wait in total.

        Raises:
            ImageQuarantinedError: the service could not fetch or process the image.
            DeadlineExceededError: the image was not READY in time; the message has its last status.
            NotFoundError: the image does not exist.
        """
        image = as_uuid(image_id, "image_id", OPERATION)
        return await until_ready(self._core.with_deadline_from_now(), image, as_wait(timeout, OPERATION))

    async def delete(self, image_id: str | UUID) -> dict[str, str]:
        """Delete an image.

        Returns:
            The service's response; its keys are undocumented. Empty if the response is not a JSON object, or
            if a retry after a lost response finds nothing left to delete.

        Raises:
            InvalidArgumentError: `image_id` is not a UUID.
            NotFoundError: the image does not exist, or it has been deleted.
        """
        image = as_uuid(image_id, "image_id", "images.delete")
        return (await api.images_delete(self._core, image)).data

    async def bulk_delete(self, image_ids: Iterable[str | UUID]) -> dict[str, str]:
        """Delete several images.

        Returns:
            The service's response, as for `delete`; how the service treats unknown ids is undocumented.

        Raises:
            InvalidArgumentError: the list is empty, or an id is not a UUID.
        """
        ids = as_uuids(image_ids, "image_ids", "images.bulk_delete")
        return (await api.images_bulk_delete(self._core, body=BulkDeleteImages(image_ids=ids))).data
