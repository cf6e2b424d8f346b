"""Check DNS and certificate of the custom domain now."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...models import CustomDomain
from ...operations import CUSTOM_DOMAIN_TEST_CONNECTION


async def custom_domain_test_connection(caller: Caller) -> Response[CustomDomain]:
    """Check DNS and certificate of the custom domain now.

    The domain serves images once `status` is `CONNECTED` and `certificate_status` is `ACTIVE`.

    Args:
        caller: Makes the call.
    """
    request = Request(operation=CUSTOM_DOMAIN_TEST_CONNECTION)
    return await caller.call(request, CustomDomain._take)
