"""Open an upload session."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...models import UploadSessionDocument
from ...operations import UPLOAD_SESSIONS_CREATE


async def upload_sessions_create(
    caller: Caller, source_id: str, origin_path: str
) -> Response[UploadSessionDocument]:
    """Open an upload session.

    The response holds a presigned URL for the bytes. Repeating the call opens another session; one
    that receives no bytes expires after 8 hours. Needs the permission Asset Edit.

    Args:
        caller: Makes the call.
        source_id: Id of the source.
        origin_path: Path of the file at the origin, without its leading slash. Slashes stay
            slashes.
    """
    request = Request(
        operation=UPLOAD_SESSIONS_CREATE,
        path_parameters={"source_id": str(source_id), "origin_path": str(origin_path)},
    )
    return await caller.call(request, UploadSessionDocument._take)
