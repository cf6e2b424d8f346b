"""Cancel an upload session."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...operations import UPLOAD_SESSIONS_CANCEL
from ...types import parse_nothing


async def upload_sessions_cancel(caller: Caller, source_id: str, session_id: str) -> Response[None]:
    """Cancel an upload session.

    Whether the response has a body is undocumented.

    Args:
        caller: Makes the call.
        source_id: Id of the source.
        session_id: Id of the session.
    """
    request = Request(
        operation=UPLOAD_SESSIONS_CANCEL,
        path_parameters={"source_id": str(source_id), "session_id": str(session_id)},
    )
    return await caller.call(request, parse_nothing)
