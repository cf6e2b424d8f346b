"""`client.images`: list, read and delete images; with what uploads and fetches them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from imgwire_async.core.call import Core
from imgwire_async.core.operation import Response
from imgwire_async.core.paging import Listing, Page, pages_in_headers
from imgwire_async.imgwire.lowlevel.api import images as api
from imgwire_async.imgwire.lowlevel.models import (
    BulkDeleteImages,
    Image,
)
from imgwire_async.imgwire.resources.arguments import (
    as_uuid,
    as_uuids,
    as_wait,
    unless_none,
)
from imgwire_async.imgwire.resources.image_downloads import ImageDownloads
from imgwire_async.imgwire.resources.image_uploads import ImageUploads
from imgwire_async.imgwire.resources.readiness import OPERATION, until_ready

if TYPE_CHECKING:
    from imgwire_async.imgwire.resources.raw import ImagesWithRawResponse


class Images(ImageUploads, ImageDownloads):
    """Operations on the images of one environment."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @property
    def with_raw_response(self) -> ImagesWithRawResponse:
        """The same methods, whose results are whole responses: `await ….with_raw_response.…()`."""
        from imgwire_async.imgwire.resources.raw import ImagesWithRawResponse

        return ImagesWithRawResponse(self._core)

    def list(
        self,
        *,
        page: int = 1,
        limit: int | None = None,
        max_items: int | None = None,
        prefetch: int = 0,
    ) -> Listing[Image]:
        """List images: `await` gives one `Page`, `async for` gives every image of every page.

        Args:
            page: page to begin with, from 1.
            limit: images on a page, from 1 to 100; the service's default is 20.
            max_items: end the iteration after this many images.
            prefetch: how many pages an iteration fetches ahead, at the same time as the one it needs.

        Raises:
            InvalidArgumentError: a number is out of range.
        """

        def fetch(number: int, size: int | None) -> Awaitable[Response[list[Image]]]:
            return api.images_list(self._core, page=number, limit=unless_none(size))

        return Listing(
            pages_in_headers(fetch),
            operation="images.list",
            page=page,
            limit=limit,
            max_items=max_items,
            prefetch=prefetch,
        )

    def list_pages(
        self, *, page: int = 1, limit: int | None = None, prefetch: int = 0
    ) -> AsyncIterator[Page[Image]]:
        """Every page from `page` on. Arguments as for `list`."""
        return self.list(page=page, limit=limit, prefetch=prefetch).pages()

    def list_all(self, *, limit: int | None = None, prefetch: int = 0) -> AsyncIterator[Image]:
        """Every image. The same as iterating over `list`, under the name of the vendor's own SDKs."""
        return aiter(self.list(limit=limit, prefetch=prefetch))

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
            timeout: seconds to wait in all.

        Raises:
            ImageQuarantinedError: the service could not fetch the image or use its bytes.
            DeadlineExceededError: the image was not READY in time; the message tells its last status.
            NotFoundError: the image does not exist.
        """
        image = as_uuid(image_id, "image_id", OPERATION)
        return await until_ready(self._core.with_deadline_from_now(), image, as_wait(timeout, OPERATION))

    async def delete(self, image_id: str | UUID) -> dict[str, str]:
        """Delete an image.

        Returns:
            What the service says about it; its keys are undocumented. Empty when it says nothing, and when
            a repeat of a request whose answer was lost finds nothing left to delete.

        Raises:
            InvalidArgumentError: `image_id` is not a UUID.
            NotFoundError: the image does not exist, or it has been deleted.
        """
        image = as_uuid(image_id, "image_id", "images.delete")
        return (await api.images_delete(self._core, image)).data

    async def bulk_delete(self, image_ids: Iterable[str | UUID]) -> dict[str, str]:
        """Delete several images.

        Returns:
            What the service says about it, as for `delete`; how it treats unknown ids is undocumented.

        Raises:
            InvalidArgumentError: there is no id, or one is not a UUID.
        """
        ids = as_uuids(image_ids, "image_ids", "images.bulk_delete")
        return (await api.images_bulk_delete(self._core, body=BulkDeleteImages(image_ids=ids))).data
