"""Update a source."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...models import SourceDocument, SourceUpdate
from ...operations import SOURCES_UPDATE


async def sources_update(caller: Caller, source_id: str, *, body: SourceUpdate) -> Response[SourceDocument]:
    """Update a source.

    Changes of the deployment are deployed at once. A disabled source accepts no change except
    `enabled`. Needs the permission Sources.

    Args:
        caller: Makes the call.
        source_id: Id of the source.
        body: Changes of a source. A `deployment` replaces the former one as a whole.
    """
    request = Request(
        operation=SOURCES_UPDATE, path_parameters={"source_id": str(source_id)}, json=body.to_dict()
    )
    return await caller.call(request, SourceDocument._take)
