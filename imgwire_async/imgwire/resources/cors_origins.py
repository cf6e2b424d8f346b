"""`client.cors_origins`: which browser origins may upload with a client key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import TYPE_CHECKING
from uuid import UUID

from imgwire_async.core.call import Core
from imgwire_async.core.operation import Response
from imgwire_async.core.paging import Listing, Page, pages_in_headers
from imgwire_async.imgwire.lowlevel.api import cors_origins as api
from imgwire_async.imgwire.lowlevel.models import CorsOrigin, CorsOriginCreate, CorsOriginUpdate
from imgwire_async.imgwire.resources.arguments import as_uuid, unless_none

if TYPE_CHECKING:
    from imgwire_async.imgwire.resources.raw import CorsOriginsWithRawResponse


class CorsOrigins:
    """Operations on the CORS origins of one environment.

    Without any origin, every browser origin may upload. A pattern is a host without scheme and path, with a
    port unless it is the default one: `app.example.com`, `*.example.com`, `localhost:3000`.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    @property
    def with_raw_response(self) -> CorsOriginsWithRawResponse:
        """The same methods, whose results are whole responses: `await ….with_raw_response.…()`."""
        from imgwire_async.imgwire.resources.raw import CorsOriginsWithRawResponse

        return CorsOriginsWithRawResponse(self._core)

    def list(
        self,
        *,
        page: int = 1,
        limit: int | None = None,
        max_items: int | None = None,
        prefetch: int = 0,
    ) -> Listing[CorsOrigin]:
        """List origins: `await` gives one `Page`, `async for` gives every origin of every page.

        Args:
            page: page to begin with, from 1.
            limit: origins on a page, from 1 to 100; the service's default is 20.
            max_items: end the iteration after so many origins.
            prefetch: how many pages an iteration fetches ahead, at the same time as the one it needs.

        Raises:
            InvalidArgumentError: a number is out of range.
        """

        def fetch(number: int, size: int | None) -> Awaitable[Response[list[CorsOrigin]]]:
            return api.cors_origins_list(self._core, page=number, limit=unless_none(size))

        return Listing(
            pages_in_headers(fetch),
            operation="cors_origins.list",
            page=page,
            limit=limit,
            max_items=max_items,
            prefetch=prefetch,
        )

    def list_pages(
        self, *, page: int = 1, limit: int | None = None, prefetch: int = 0
    ) -> AsyncIterator[Page[CorsOrigin]]:
        """Every page from `page` on. Arguments as for `list`."""
        return self.list(page=page, limit=limit, prefetch=prefetch).pages()

    def list_all(self, *, limit: int | None = None, prefetch: int = 0) -> AsyncIterator[CorsOrigin]:
        """Every origin. The same as iterating over `list`, under the name of the vendor's own SDKs."""
        return aiter(self.list(limit=limit, prefetch=prefetch))

    async def create(self, pattern: str) -> CorsOrigin:
        """Allow an origin.

        A request whose answer was lost is not sent again, because a second one is not known to be harmless.
        So a `ConflictError` never tells of this call's own first attempt.

        Raises:
            UnprocessableEntityError: `pattern` is not a host pattern.
        """
        return (await api.cors_origins_create(self._core, body=CorsOriginCreate(pattern=pattern))).data

    async def retrieve(self, cors_origin_id: str | UUID) -> CorsOrigin:
        """Read one origin.

        Raises:
            InvalidArgumentError: `cors_origin_id` is not a UUID.
            NotFoundError: the origin does not exist.
        """
        origin = as_uuid(cors_origin_id, "cors_origin_id", "cors_origins.retrieve")
        return (await api.cors_origins_retrieve(self._core, origin)).data

    async def update(self, cors_origin_id: str | UUID, *, pattern: str) -> CorsOrigin:
        """Change the pattern of an origin.

        Raises:
            InvalidArgumentError: `cors_origin_id` is not a UUID.
            NotFoundError: the origin does not exist.
            UnprocessableEntityError: `pattern` is not a host pattern.
        """
        origin = as_uuid(cors_origin_id, "cors_origin_id", "cors_origins.update")
        body = CorsOriginUpdate(pattern=pattern)
        return (await api.cors_origins_update(self._core, origin, body=body)).data

    async def delete(self, cors_origin_id: str | UUID) -> dict[str, str]:
        """Remove an origin.

        Returns:
            What the service says about it; its keys are undocumented. Empty when it says nothing, and when
            a repeat of a request whose answer was lost finds nothing left to delete.

        Raises:
            InvalidArgumentError: `cors_origin_id` is not a UUID.
            NotFoundError: the origin does not exist.
        """
        origin = as_uuid(cors_origin_id, "cors_origin_id", "cors_origins.delete")
        return (await api.cors_origins_delete(self._core, origin)).data
