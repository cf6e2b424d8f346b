"""`client.cors_origins`: which browser origins may upload with a client key."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from imgwire_async.imgwire.lowlevel.api import cors_origins as api
from imgwire_async.imgwire.lowlevel.models import CorsOrigin, CorsOriginCreate, CorsOriginUpdate
from imgwire_async.imgwire.resources.arguments import as_uuid, unless_none
from imgwire_async.imgwire.resources.lists import Listed, PageResponse

if TYPE_CHECKING:
    from imgwire_async.imgwire.resources.raw import CorsOriginsWithRawResponse


class CorsOrigins(Listed[CorsOrigin]):
    """Operations on the CORS origins of one environment.

    If there are none, every browser origin may upload. A pattern is a host without scheme and path, with a
    port unless it is the default one: `app.example.com`, `*.example.com`, `localhost:3000`.
    """

    _resource = "cors_origins"

    @property
    def with_raw_response(self) -> CorsOriginsWithRawResponse:
        """The same methods, but they return the whole response: `await ….with_raw_response.…()`."""
        from imgwire_async.imgwire.resources.raw import CorsOriginsWithRawResponse

        return CorsOriginsWithRawResponse(self._core)

    def _page(self, number: int, size: int | None) -> PageResponse[CorsOrigin]:
        return api.cors_origins_list(self._core, page=number, limit=unless_none(size))

    async def create(self, pattern: str) -> CorsOrigin:
        """Allow an origin.

        If the response is lost, the request is not retried, because a second one may not be harmless. A
        `ConflictError` is therefore never caused by an earlier attempt of the same call.

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
            The service's response; its keys are undocumented. Empty if the response is empty, or if a retry
            after a lost response finds nothing left to delete.

        Raises:
            InvalidArgumentError: `cors_origin_id` is not a UUID.
            NotFoundError: the origin does not exist.
        """
        origin = as_uuid(cors_origin_id, "cors_origin_id", "cors_origins.delete")
        return (await api.cors_origins_delete(self._core, origin)).data
