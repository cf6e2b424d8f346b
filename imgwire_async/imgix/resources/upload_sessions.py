"""`client.upload_sessions`: the steps of an upload through a session."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

from imgwire_async.core.call import Core
from imgwire_async.core.polling import as_wait, poll
from imgwire_async.errors import (
    APIStatusError,
    DeadlineExceededError,
    UploadRejectedError,
)
from imgwire_async.imgix.arguments import SourceId, as_id, as_origin_path, as_source_id
from imgwire_async.imgix.lowlevel.api import upload_sessions as api
from imgwire_async.imgix.records import UploadSession
from imgwire_async.imgix.repeats import CalledAs, looking_first

if TYPE_CHECKING:
    from imgwire_async.imgix.resources.raw import UploadSessionsWithRawResponse

SessionId: TypeAlias = str | UploadSession
"""A session, or its id."""

_ENDED_BADLY: Final = ("FAIL", "ERROR", "CANCEL", "EXPIRE", "ABORT")
"""Possible names of the undocumented final states of a session."""


def is_complete(session: UploadSession) -> bool:
    """Whether imgix has processed the file."""
    return (session.status or "").upper() == "COMPLETE"


def has_failed(session: UploadSession) -> bool:
    """Whether a session has failed for good."""
    return any(word in (session.status or "").upper() for word in _ENDED_BADLY)


class UploadSessions:
    """Operations on upload sessions; `assets.upload_large` does all the steps.

    They need the permission Asset Edit.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    @property
    def with_raw_response(self) -> UploadSessionsWithRawResponse:
        """The same methods, but they return the whole response: `await ….with_raw_response.…()`."""
        from imgwire_async.imgix.resources.raw import UploadSessionsWithRawResponse

        return UploadSessionsWithRawResponse(self._core)

    async def create(self, source: SourceId, origin_path: str) -> UploadSession:
        """Open a session for one file. Its `url` accepts the bytes by PUT, without the API key, for 8 hours.

        A retry is harmless: a session that receives no bytes stores nothing and expires.

        Raises:
            InvalidArgumentError: a segment of the path is empty, `.` or `..`.
            NotFoundError: the source does not exist.
        """
        operation = "upload_sessions.create"
        identity, path = as_source_id(source, operation), as_origin_path(origin_path, operation)
        core = self._core.with_deadline_from_now()

        async def create() -> UploadSession:
            return UploadSession.of((await api.upload_sessions_create(core, identity, path)).data.data)

        async def look() -> None:
            return None  # nothing lists sessions

        return await looking_first(core, create, look)

    async def status(self, source: SourceId, session: SessionId) -> UploadSession:
        """Read a session; the result has no `url`.

        Raises:
            NotFoundError: the session does not exist.
        """
        operation = "upload_sessions.status"
        response = await api.upload_sessions_status(
            self._core, as_source_id(source, operation), _id_of(session, operation)
        )
        return UploadSession.of(response.data.data)

    async def close(self, source: SourceId, session: SessionId) -> UploadSession:
        """Close a session after all bytes have been sent. imgix then processes the file.

        A retry is harmless: a session that is already closed is returned as it is.

        Raises:
            NotFoundError: the session does not exist.
        """
        operation = "upload_sessions.close"
        identity, session_id = as_source_id(source, operation), _id_of(session, operation)
        core = self._core.with_deadline_from_now()
        caller = CalledAs(core, operation, if_empty={})
        try:
            response = await api.upload_sessions_close(caller, identity, session_id)
            closed = UploadSession.of(response.data.data)
            return closed if closed.id else replace(closed, id=session_id, source_id=identity)
        except APIStatusError as error:
            if error.status not in {400, 404, 409, 410, 422}:
                raise
            refusal = error
        try:
            seen = await UploadSessions(core).status(identity, session_id)
        except APIStatusError:
            raise refusal from None
        if (seen.status or "").upper() not in {"CLOSED", "COMPLETE"}:
            raise refusal
        return seen

    async def cancel(self, source: SourceId, session: SessionId) -> bool:
        """Cancel a session.

        Returns:
            Whether a session was cancelled; False if it is unknown, expired or already cancelled.
        """
        operation = "upload_sessions.cancel"
        try:
            await api.upload_sessions_cancel(
                self._core, as_source_id(source, operation), _id_of(session, operation)
            )
        except APIStatusError as error:
            if error.status not in {404, 410}:
                raise
            self._core.record(error)
            return False
        return True

    async def wait(
        self,
        source: SourceId,
        session: SessionId,
        *,
        timeout: float = 120.0,  # noqa: ASYNC109
    ) -> UploadSession:
        """Poll until imgix has processed the file of a closed session.

        Args:
            source: the source, or its id.
            session: the session, or its id.
            timeout: seconds to wait in total.

        Raises:
            UploadRejectedError: the session failed, was cancelled or expired.
            DeadlineExceededError: it was not complete in time; the message has its last status.
            NotFoundError: the session does not exist.
        """
        operation = "upload_sessions.wait"
        timeout = as_wait(timeout, operation)
        status: str | None = "unknown"

        async def look() -> UploadSession | None:
            nonlocal status
            seen = await self.status(source, session)
            status = seen.status
            if has_failed(seen):
                raise UploadRejectedError(f"the upload session ended as {status}", operation=operation)
            return seen if is_complete(seen) else None

        found = await poll(look, seconds=timeout, shared=self._core.shared)
        if found is None:
            raise DeadlineExceededError(
                f"the session was not complete within {timeout:g} s, its last status was {status}",
                operation=operation,
            )
        return found


def _id_of(session: SessionId, operation: str) -> str:
    return as_id(session.id if isinstance(session, UploadSession) else session, "session", operation)
