"""List images."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response, list_of

from ...models import Image
from ...operations import IMAGES_LIST
from ...types import UNSET, Unset, to_query


async def images_list(
    caller: Caller, *, limit: int | None | Unset = UNSET, page: int | None | Unset = UNSET
) -> Response[list[Image]]:
    """List images.

    Pages are numbered; follow `X-Next-Page` until it is `null`.

    Args:
        caller: Makes the call.
        limit: How many items a page may have.
        page: Page to return, counted from 1.
    """
    request = Request(operation=IMAGES_LIST, query=to_query({"limit": limit, "page": page}))
    return await caller.call(request, list_of(Image._take))
