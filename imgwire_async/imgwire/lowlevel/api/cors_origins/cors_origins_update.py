"""Change the pattern of a CORS origin."""

from __future__ import annotations

from uuid import UUID

from imgwire_async.core.operation import Caller, Request, Response

from ...models import CorsOrigin, CorsOriginUpdate
from ...operations import CORS_ORIGINS_UPDATE


async def cors_origins_update(
    caller: Caller, cors_origin_id: UUID, *, body: CorsOriginUpdate
) -> Response[CorsOrigin]:
    """Change the pattern of a CORS origin.

    Args:
        caller: Makes the call.
        cors_origin_id: Id of the CORS origin.
        body: The new pattern of a CORS origin.
    """
    request = Request(
        operation=CORS_ORIGINS_UPDATE,
        path_parameters={"cors_origin_id": str(cors_origin_id)},
        json=body.to_dict(),
    )
    return await caller.call(request, CorsOrigin._take)
