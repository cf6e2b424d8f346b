"""Give up the custom domain."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...operations import CUSTOM_DOMAIN_DELETE
from ...types import parse_map


async def custom_domain_delete(caller: Caller) -> Response[dict[str, str]]:
    """Give up the custom domain.

    Args:
        caller: Makes the call.
    """
    request = Request(operation=CUSTOM_DOMAIN_DELETE)
    return await caller.call(request, parse_map)
