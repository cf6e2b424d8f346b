"""Retrieve a source."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...models import SourceDocument
from ...operations import SOURCES_RETRIEVE
from ...types import UNSET, Unset, to_query


async def sources_retrieve(
    caller: Caller, source_id: str, *, fields_sources: str | None | Unset = UNSET
) -> Response[SourceDocument]:
    """Retrieve a source.

    Needs the permission Sources.

    Args:
        caller: Makes the call.
        source_id: Id of the source.
        fields_sources: Attributes to return, separated by commas; dots reach nested ones. Default:
            all.
    """
    request = Request(
        operation=SOURCES_RETRIEVE,
        path_parameters={"source_id": str(source_id)},
        query=to_query({"fields[sources]": fields_sources}),
    )
    return await caller.call(request, SourceDocument._take)
