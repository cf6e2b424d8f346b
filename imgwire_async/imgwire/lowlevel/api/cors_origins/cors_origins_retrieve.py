"""Read one CORS origin."""

from __future__ import annotations

from uuid import UUID

from imgwire_async.core.operation import Caller, Request, Response

from ...models import CorsOrigin
from ...operations import CORS_ORIGINS_RETRIEVE


async def cors_origins_retrieve(caller: Caller, cors_origin_id: UUID) -> Response[CorsOrigin]:
    """Read one CORS origin.

    Args:
        caller: Makes the call.
        cors_origin_id: Id of the CORS origin.
    """
    request = Request(
        operation=CORS_ORIGINS_RETRIEVE, path_parameters={"cors_origin_id": str(cors_origin_id)}
    )
    return await caller.call(request, CorsOrigin._take)
