"""Claim a custom domain."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...models import CustomDomain, CustomDomainCreate
from ...operations import CUSTOM_DOMAIN_CREATE


async def custom_domain_create(caller: Caller, *, body: CustomDomainCreate) -> Response[CustomDomain]:
    """Claim a custom domain.

    Publish the two CNAME records of the answer, then test the connection. The plan must include
    custom domains.

    Args:
        caller: Makes the call.
        body: The host name to claim.
    """
    request = Request(operation=CUSTOM_DOMAIN_CREATE, json=body.to_dict())
    return await caller.call(request, CustomDomain._take)
