"""Create a source."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...models import SourceCreate, SourceDocument
from ...operations import SOURCES_CREATE


async def sources_create(caller: Caller, *, body: SourceCreate) -> Response[SourceDocument]:
    """Create a source.

    Creates and deploys a source. Needs the permission Sources. Not safe to repeat: look the source
    up by its subdomain first.

    Args:
        caller: Makes the call.
        body: A source to create and deploy.
    """
    request = Request(operation=SOURCES_CREATE, json=body.to_dict())
    return await caller.call(request, SourceDocument._take)
