"""Allow a browser origin."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...models import CorsOrigin, CorsOriginCreate
from ...operations import CORS_ORIGINS_CREATE


async def cors_origins_create(caller: Caller, *, body: CorsOriginCreate) -> Response[CorsOrigin]:
    """Allow a browser origin.

    With no origin configured every browser origin may upload; with at least one, only matching
    origins.

    Args:
        caller: Makes the call.
        body: A browser origin to allow.
    """
    request = Request(operation=CORS_ORIGINS_CREATE, json=body.to_dict())
    return await caller.call(request, CorsOrigin._take)
