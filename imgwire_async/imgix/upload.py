"""An upload, direct or through a session, from opening the file to the asset."""

from __future__ import annotations

import mimetypes
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import anyio

from imgwire_async.bodies.base import Patience, Source
from imgwire_async.bodies.image_types import image_type_of
from imgwire_async.bodies.progress import OnSent, ProgressHook, check_hook, reporting
from imgwire_async.bodies.sources import UploadFile, open_source
from imgwire_async.core.call import Core
from imgwire_async.core.polling import as_wait, poll
from imgwire_async.core.put import put_bytes
from imgwire_async.core.values.numbers import whole
from imgwire_async.core.values.redaction import Secret
from imgwire_async.core.values.texts import checked_content_type
from imgwire_async.errors import (
    APITimeoutError,
    CallContext,
    ConflictError,
    DeadlineExceededError,
    ImgwireError,
    InvalidArgumentError,
    NotFoundError,
    ResponseDecodeError,
    UploadError,
    UploadRejectedError,
)
from imgwire_async.imgix.lowlevel import models
from imgwire_async.imgix.lowlevel.api import assets as api
from imgwire_async.imgix.records import Asset, UploadSession
from imgwire_async.imgix.repeats import CalledAs, looking_first
from imgwire_async.imgix.resources.upload_sessions import UploadSessions, has_failed, is_complete

_CLOCK_DIFFERENCE: Final = 300.0
"""Seconds by which this machine's and imgix's clocks may differ."""

_CLEANING_SECONDS: Final = 5.0
"""How long cancelling a failed session may delay the end of its upload, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPlan:
    """The file, destination and options of an upload."""

    operation: str
    source_id: str
    origin_path: str
    content_type: str | None
    overwrite: bool
    largest_direct: int
    """Bytes up to which no session is used."""
    wait: bool
    timeout: float
    on_progress: ProgressHook | None


def accepted(raw: models.Asset, source_id: str, origin_path: str, **known: object) -> Asset:
    """The asset of an accepted request: as described by imgix, or else with the attributes known here.

    Args:
        raw: the resource of the response; an empty one if there was none.
        source_id: its source.
        origin_path: its path, without a leading slash.
        **known: attributes known from the request.
    """
    asset = Asset.of(raw)
    if asset.id:
        return asset
    attributes = {"source_id": source_id, "origin_path": f"/{origin_path}", **known}
    resource = {"id": f"{source_id}/{origin_path}", "type": "assets", "attributes": attributes}
    return Asset.of(models.Asset.from_dict(resource))


class Upload:
    """One upload.

    Raises:
        InvalidArgumentError: `timeout`, `on_progress` or `content_type` of the plan cannot be used.
    """

    def __init__(self, core: Core, plan: UploadPlan) -> None:
        self._core = core.with_deadline_from_now()
        self._plan = plan
        self._timeout = as_wait(plan.timeout, plan.operation)
        check_hook(plan.on_progress, plan.operation)
        if plan.content_type is not None:
            checked_content_type(plan.content_type, plan.operation)
        self._started = self._core.shared.time.time()
        self._sessions = UploadSessions(self._core)

    async def run(self, file: UploadFile, size: int | None) -> Asset:
        """Run the upload; `size` is the number of bytes of a file of unknown size."""
        plan, core = self._plan, self._core
        patience = Patience(core.options.timeouts.shortest)
        try:
            size = None if size is None else whole("size", size, least=0)
        except ValueError as error:
            raise InvalidArgumentError(str(error), operation=plan.operation) from None
        session: UploadSession | None = None
        with core.within_deadline(plan.operation):
            try:
                async with open_source(file, size=size, patience=patience) as source:
                    size = source.size
                    if size <= plan.largest_direct:
                        asset = await self._directly(source)
                    else:
                        asset, session = await self._through_session(source)
            except (UploadError, APITimeoutError) as error:
                if error.url is None:
                    error.operation = plan.operation  # nothing has been sent
                raise
            return await self._indexed(session, size) if plan.wait else asset

    async def _directly(self, source: Source) -> Asset:
        plan, asset = self._plan, None
        content_type = self._type_of(source)

        async def transfer(on_sent: OnSent | None) -> None:
            nonlocal asset

            async def call() -> Asset:
                response = await api.assets_upload(
                    CalledAs(self._core, plan.operation, on_sent, if_empty={}),
                    plan.source_id,
                    plan.origin_path,
                    content=source,
                    content_type=content_type,
                    overwrite=plan.overwrite,
                )
                return accepted(
                    response.data.data,
                    plan.source_id,
                    plan.origin_path,
                    content_type=content_type,
                    file_size=source.size,
                )

            asset = await looking_first(
                self._core, call, lambda: self._stored(source.size), repeatable=source.replayable
            )

        await reporting(plan.on_progress, source.size, transfer)
        assert asset is not None  # noqa: S101 - the transfer has ended
        return asset

    async def _through_session(self, source: Source) -> tuple[Asset, UploadSession]:
        plan, session = self._plan, None
        content_type = self._type_of(source)
        if not plan.overwrite:
            await self._refuse_to_replace()

        async def transfer(on_sent: OnSent | None) -> None:
            nonlocal session
            try:
                session = await self._one_session(source, content_type, on_sent)
            except UploadRejectedError as error:
                # Stores reject an expired presigned URL with this status.
                if error.status != 403 or not source.replayable:
                    raise
                session = await self._one_session(source, content_type, on_sent)

        await reporting(plan.on_progress, source.size, transfer)
        assert session is not None  # noqa: S101 - the transfer has ended
        # The session's response does not contain the asset.
        asset = accepted(
            models.Asset.from_dict({}),
            plan.source_id,
            plan.origin_path,
            content_type=content_type,
            file_size=source.size,
        )
        return asset, session

    async def _one_session(self, source: Source, content_type: str, on_sent: OnSent | None) -> UploadSession:
        plan = self._plan
        session = await self._sessions.create(plan.source_id, plan.origin_path)
        try:
            await put_bytes(
                self._core,
                self._url_of(session),
                source,
                mime_type=content_type,
                context=CallContext(operation=plan.operation),
                on_sent=on_sent,
            )
            return await self._sessions.close(plan.source_id, session)
        except BaseException:
            with anyio.move_on_after(_CLEANING_SECONDS, shield=True), suppress(ImgwireError):
                await UploadSessions(self._core.with_options(self._core.options)).cancel(
                    plan.source_id, session
                )
            raise

    def _url_of(self, session: UploadSession) -> Secret:
        if not session.url:
            raise ResponseDecodeError("imgix opened a session without a URL", operation=self._plan.operation)
        return Secret(str(session.url))

    async def _refuse_to_replace(self) -> None:
        """A session replaces an existing file, so without `overwrite` the path must be free."""
        plan = self._plan
        try:
            await api.assets_retrieve(CalledAs(self._core, plan.operation), plan.source_id, plan.origin_path)
        except NotFoundError:
            return
        raise ConflictError(
            "an asset exists at this path; pass overwrite=True to replace it",
            status=409,
            operation=plan.operation,
        )

    async def _stored(self, size: int) -> Asset | None:
        """The asset, if it was certainly stored by this upload; otherwise None."""
        plan = self._plan
        response = await api.assets_retrieve(self._core, plan.source_id, plan.origin_path)
        asset = Asset.of(response.data.data)
        latest = max((day for day in (asset.date_created, asset.date_modified) if day), default=None)
        if asset.file_size is None and latest is None:
            return None
        if asset.file_size not in {None, size}:
            return None
        if latest is not None and latest.timestamp() < self._started - _CLOCK_DIFFERENCE:
            return None
        return asset

    async def _indexed(self, session: UploadSession | None, size: int) -> Asset:
        plan, status = self._plan, "not indexed"

        async def look() -> Asset | None:
            nonlocal session, status
            try:
                if session is not None and not is_complete(session):
                    session = await self._sessions.status(plan.source_id, session)
                    status = f"session {session.status}"
                    if has_failed(session):
                        raise UploadRejectedError(
                            f"the upload session ended as {session.status}", operation=plan.operation
                        )
                    if not is_complete(session):
                        return None
                return await self._stored(size)
            except NotFoundError:
                return None

        found = await poll(look, seconds=self._timeout, shared=self._core.shared)
        if found is None:
            raise DeadlineExceededError(
                f"the bytes are stored, but imgix has not indexed the asset within {self._timeout:g} s "
                f"({status})",
                operation=plan.operation,
            )
        return found

    def _type_of(self, source: Source) -> str:
        path = self._plan.origin_path
        found = self._plan.content_type or image_type_of(source.head, source.file_name or path)
        return found or mimetypes.guess_type(path)[0] or "application/octet-stream"
