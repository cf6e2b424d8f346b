"""Delete a CORS origin."""

from __future__ import annotations

from uuid import UUID

from imgwire_async.core.operation import Caller, Request, Response

from ...operations import CORS_ORIGINS_DELETE
from ...types import parse_map


async def cors_origins_delete(caller: Caller, cors_origin_id: UUID) -> Response[dict[str, str]]:
    """Delete a CORS origin.

    Args:
        caller: Makes the call.
        cors_origin_id: Id of the CORS origin.
    """
    request = Request(operation=CORS_ORIGINS_DELETE, path_parameters={"cors_origin_id": str(cors_origin_id)})
    return await caller.call(request, parse_map)
