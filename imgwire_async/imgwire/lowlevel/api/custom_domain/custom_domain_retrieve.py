"""Read the custom domain."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...models import CustomDomain
from ...operations import CUSTOM_DOMAIN_RETRIEVE


async def custom_domain_retrieve(caller: Caller) -> Response[CustomDomain]:
    """Read the custom domain.

    Args:
        caller: Makes the call.
    """
    request = Request(operation=CUSTOM_DOMAIN_RETRIEVE)
    return await caller.call(request, CustomDomain._take)
