"""Retrieve an upload session."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...models import UploadSessionDocument
from ...operations import UPLOAD_SESSIONS_STATUS


async def upload_sessions_status(
    caller: Caller, source_id: str, session_id: str
) -> Response[UploadSessionDocument]:
    """Retrieve an upload session.

    The response does not include the URL.

    Args:
        caller: Makes the call.
        source_id: Id of the source.
        session_id: Id of the session.
    """
    request = Request(
        operation=UPLOAD_SESSIONS_STATUS,
        path_parameters={"source_id": str(source_id), "session_id": str(session_id)},
    )
    return await caller.call(request, UploadSessionDocument._take)
