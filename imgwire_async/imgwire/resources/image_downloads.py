"""The download methods of `client.images`: archives of many images, and single images."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, Unpack, overload
from uuid import UUID

from imgwire_async.bodies.base import CLOSING_SECONDS
from imgwire_async.bodies.in_use import exclusive_target
from imgwire_async.core.call import Core
from imgwire_async.core.concurrency.threads import ExclusiveThread
from imgwire_async.core.fetch import FileHead, Transfer, fetch
from imgwire_async.core.polling import as_wait, poll
from imgwire_async.core.values.redaction import Secret
from imgwire_async.downloads.archive_limits import ArchiveLimits
from imgwire_async.downloads.file_objects import FileSink, FileTarget, open_target
from imgwire_async.downloads.files import DownloadedFile, PathTarget, atomic_file
from imgwire_async.downloads.streams import DownloadStream, OpenStream
from imgwire_async.errors import (
    BulkDownloadFailedError,
    CallContext,
    DeadlineExceededError,
    DownloadError,
    DownloadRejectedError,
    InvalidArgumentError,
)
from imgwire_async.imgwire.lowlevel.api import images as api
from imgwire_async.imgwire.lowlevel.models import (
    Image,
    ImageDownloadJob,
    ImageDownloadJobCreate,
    ImageDownloadStatus,
)
from imgwire_async.imgwire.resources.arguments import as_uuid, as_uuids
from imgwire_async.imgwire.resources.file_names import file_name_of
from imgwire_async.stores.uris import is_object

if TYPE_CHECKING:
    from imgwire_async.downloads.archives import ExtractedFiles
    from imgwire_async.imgwire.cdn.forms import Preset
    from imgwire_async.imgwire.cdn.keywords import Transformations

_FetchInto: TypeAlias = Callable[[Transfer], Awaitable[None]]

_EXPIRED: Final = frozenset({401, 403, 410})
"""Statuses with which hosts reject an expired signed link."""


class ImageDownloads:
    """Operations that download images; inherited by `Images`."""

    _core: Core

    async def create_bulk_download_job(self, image_ids: Iterable[str | UUID]) -> ImageDownloadJob:
        """Start a job in which the service builds an archive of several images.

        Raises:
            InvalidArgumentError: the list is empty, or an id is not a UUID.
        """
        ids = as_uuids(image_ids, "image_ids", "images.create_bulk_download_job")
        body = ImageDownloadJobCreate(image_ids=ids)
        return (await api.images_create_bulk_download_job(self._core, body=body)).data

    async def retrieve_bulk_download_job(self, job_id: str | UUID) -> ImageDownloadJob:
        """Read the state of a bulk download job; `download_url` is set when its status is READY.

        Raises:
            InvalidArgumentError: `job_id` is not a UUID.
            NotFoundError: the job does not exist.
        """
        job = as_uuid(job_id, "job_id", "images.retrieve_bulk_download_job")
        return (await api.images_retrieve_bulk_download_job(self._core, job)).data

    async def wait_for_bulk_download(
        self,
        job: ImageDownloadJob | str | UUID,
        *,
        timeout: float = 600.0,  # noqa: ASYNC109
    ) -> ImageDownloadJob:
        """Poll until the archive of a job is READY, at first quickly, later every two seconds.

        Args:
            job: the job, or its id.
            timeout: seconds to wait in total.

        Raises:
            BulkDownloadFailedError: the service could not build the archive.
            DeadlineExceededError: the archive was not READY in time; the message has its last status.
            NotFoundError: the job does not exist.
        """
        operation = "images.wait_for_bulk_download"
        job_id = _id_of(job, "job", operation)
        timeout = as_wait(timeout, operation)
        status = "unknown"

        async def look() -> ImageDownloadJob | None:
            nonlocal status
            seen = await self.retrieve_bulk_download_job(job_id)
            status = seen.status
            return seen if _link(seen, operation) is not None else None

        found = await poll(look, seconds=timeout, shared=self._core.shared)
        if found is None:
            raise DeadlineExceededError(
                f"the archive of job {job_id} was not READY within {timeout:g} s, its last status was "
                f"{status}",
                operation=operation,
            )
        return found

    @overload
    def download_archive(
        self, job: ImageDownloadJob | str | UUID
    ) -> AbstractAsyncContextManager[DownloadStream]: ...

    @overload
    def download_archive(
        self, job: ImageDownloadJob | str | UUID, *, to: PathTarget | FileTarget, overwrite: bool = False
    ) -> Coroutine[None, None, DownloadedFile]: ...

    @overload
    def download_archive(
        self,
        job: ImageDownloadJob | str | UUID,
        *,
        to: PathTarget,
        extract: Literal[True],
        overwrite: bool = False,
        limits: ArchiveLimits = ...,
    ) -> Coroutine[None, None, ExtractedFiles]: ...

    def download_archive(
        self,
        job: ImageDownloadJob | str | UUID,
        *,
        to: PathTarget | FileTarget | None = None,
        extract: bool = False,
        overwrite: bool = False,
        limits: ArchiveLimits = ArchiveLimits(),  # noqa: B008 - immutable
    ) -> (
        AbstractAsyncContextManager[DownloadStream]
        | Coroutine[None, None, DownloadedFile]
        | Coroutine[None, None, ExtractedFiles]
    ):
        """Download the archive of a bulk download job that is READY.

        An interrupted transfer resumes where it stopped if the host allows it, and restarts otherwise. An
        expired link is replaced with a new one.

        Args:
            job: the job, or its id.
            to: path of the archive to write, URI of an object such as `s3://bucket/images.zip` (extra
                `cloud`), or a binary file object to write to, sync or async (anyio, aiofiles). If omitted,
                the call returns a stream: `async with imgwire.images.download_archive(job) as stream: async
                for chunk in stream: …`. A file at a path appears only when it is complete and on disk, and
                not at all after a failure. For a folder, or a string that ends with a slash, the file is
                created in that folder (which is created if necessary) and named after the job's id. An object
                also appears only when it is complete; archives over 1 MiB go through a temporary file first.
                A file object is written from its current position as the bytes arrive, and is not closed.
                Downloads to the same file object take turns. An unusable target is rejected before the first
                request.
            extract: unpack the images into the folder `to`, which is created if necessary. The archive itself
                is not kept. Names that lead out of the folder, links, and archives beyond `limits` are
                rejected, and the folder is left unchanged. Names that are not portable, or that collide when
                case is ignored, are changed; see `renamed` of the result.
            overwrite: whether to replace an existing file. Its permissions are kept, and a symbolic link
                stays a link. Does not apply to file objects.
            limits: limits on the contents of the archive.

        Returns:
            With a path or file, a description of what was written; with `extract`, the paths of the images in
            archive order.

        Raises:
            InvalidArgumentError: the job is not READY, or `to` is not a supported target.
            BulkDownloadFailedError: the service could not build the archive.
            DownloadRejectedError: the host of the archive responded with an error status.
            DownloadInterruptedError: the transfer of a stream broke and cannot be resumed.
            DownloadTargetError: `to` cannot be written, or exists.
            StoreError: the object store rejected the object, or cannot be reached.
            ArchiveError: the archive is damaged, or not safe to extract.
            APIConnectionError: and the other errors of any call, see `imgwire_async.errors`.
        """
        operation = "images.download_archive"

        async def fetch_into(transfer: Transfer) -> None:
            await self._fetch_archive(job, transfer, operation)

        if extract:
            return _to_folder(self._core, fetch_into, to, limits, operation, overwrite=overwrite)
        if to is None:
            return OpenStream(fetch_into)

        def name(_: str | None) -> str:
            return f"{_id_of(job, 'job', operation)}.zip"

        return _to_file(self._core, fetch_into, to, operation, name, overwrite=overwrite)

    @overload
    def download(
        self,
        image: Image | str | UUID,
        *,
        preset: Preset | None = None,
        **transformations: Unpack[Transformations],
    ) -> AbstractAsyncContextManager[DownloadStream]: ...

    @overload
    def download(
        self,
        image: Image | str | UUID,
        *,
        to: PathTarget | FileTarget,
        overwrite: bool = False,
        preset: Preset | None = None,
        **transformations: Unpack[Transformations],
    ) -> Coroutine[None, None, DownloadedFile]: ...

    def download(
        self,
        image: Image | str | UUID,
        *,
        to: PathTarget | FileTarget | None = None,
        overwrite: bool = False,
        preset: Preset | None = None,
        **transformations: Unpack[Transformations],
    ) -> AbstractAsyncContextManager[DownloadStream] | Coroutine[None, None, DownloadedFile]:
        """Download one image from the CDN, with an optional preset and transformations.

        Args:
            image: the record, or the id, which costs one more call. The image must be READY.
            to: as for `download_archive`. In a folder, the file has the image's name with the suffix of the
                delivered type.
            overwrite: as for `download_archive`.
            preset: as for `Image.url`.
            transformations: as for `Image.url`, such as `width=320, format="webp"`. Without `format` the CDN
                chooses one.

        Raises:
            InvalidArgumentError: `image` is not an image or an id, or `to` is not a supported target.
            InvalidTransformationError: a transformation is not allowed.
            DownloadRejectedError: the CDN responded with an error status, for example because the image is
                not READY.
            DownloadInterruptedError: the transfer of a stream broke and cannot be resumed.
            DownloadTargetError: `to` cannot be written, or exists.
            StoreError: the object store rejected the object, or cannot be reached.
            APIConnectionError: and the other errors of any call, see `imgwire_async.errors`.
        """
        operation = "images.download"

        record: Image | None = None

        async def fetch_into(transfer: Transfer) -> None:
            nonlocal record
            core = self._core.with_deadline_from_now()
            if isinstance(image, Image):
                record = image
            else:
                record = (await api.images_retrieve(core, as_uuid(image, "image", operation))).data
            url = record.url(preset, **transformations)
            await fetch(core, Secret(url), transfer, CallContext(operation=operation))

        if to is None:
            return OpenStream(fetch_into)

        def name(content_type: str | None) -> str:
            assert record is not None  # noqa: S101 - it has been fetched
            return file_name_of(record, content_type)

        return _to_file(self._core, fetch_into, to, operation, name, overwrite=overwrite)

    async def _fetch_archive(
        self, job: ImageDownloadJob | str | UUID, transfer: Transfer, operation: str
    ) -> None:
        core = self._core.with_deadline_from_now()
        context = CallContext(operation=operation)
        job_id = _id_of(job, "job", operation)

        async def fresh_link() -> Secret:
            seen = (await api.images_retrieve_bulk_download_job(core, job_id)).data
            link = _link(seen, operation)
            if link is None:
                raise InvalidArgumentError(
                    f"the archive of job {job_id} is {seen.status}; await wait_for_bulk_download first",
                    operation=operation,
                )
            return link

        given = _link(job, operation) if isinstance(job, ImageDownloadJob) else None
        try:
            await fetch(core, given or await fresh_link(), transfer, context)
        except DownloadRejectedError as error:
            if error.status not in _EXPIRED:
                raise
        else:
            return
        await fetch(core, await fresh_link(), transfer, context)


async def _to_file(
    core: Core,
    fetch_into: _FetchInto,
    to: PathTarget | FileTarget,
    operation: str,
    name: Callable[[str | None], str],
    *,
    overwrite: bool,
) -> DownloadedFile:
    """Download to a path or a file; for a folder, `name` returns the file name for a content type."""
    path: Path | None = None
    uri: str | None = None
    with _named(operation), core.with_deadline_from_now().within_deadline(operation):
        if isinstance(to, str) and is_object(to):
            from imgwire_async.downloads.objects import object_target

            async with object_target(to, overwrite=overwrite, name=name) as (transfer, uri_of):
                await fetch_into(transfer)
            uri = uri_of()
        elif isinstance(to, str | os.PathLike):
            head = FileHead()
            async with atomic_file(to, overwrite=overwrite, name=lambda: name(head.content_type)) as (
                sink,
                output,
            ):
                transfer = Transfer(sink)
                head = transfer.head
                await fetch_into(transfer)
            path = output.target
        else:
            thread = ExclusiveThread(patience=CLOSING_SECONDS)
            sink = FileSink(await open_target(to, thread))
            transfer = Transfer(sink)
            async with exclusive_target(to, thread):
                await fetch_into(transfer)
                await sink.flush()
    return DownloadedFile(path=path, size=transfer.received, content_type=transfer.head.content_type, uri=uri)


async def _to_folder(
    core: Core,
    fetch_into: _FetchInto,
    to: PathTarget | FileTarget | None,
    limits: ArchiveLimits,
    operation: str,
    *,
    overwrite: bool,
) -> ExtractedFiles:
    from imgwire_async.downloads.archives import extraction

    with _named(operation), core.with_deadline_from_now().within_deadline(operation):
        if not isinstance(to, str | os.PathLike):
            raise InvalidArgumentError("extract=True needs to=, the path of a folder")
        if is_object(os.fsdecode(to)):
            raise InvalidArgumentError("extract=True needs a folder of this machine, not a bucket")
        async with extraction(to, limits, overwrite=overwrite) as (sink, extract):
            await fetch_into(Transfer(sink))
            await sink.flush()
            return await extract()


@contextmanager
def _named(operation: str) -> Generator[None, None, None]:
    """Add the name of the call to errors of the file system."""
    try:
        yield
    except (DownloadError, InvalidArgumentError) as error:
        error.operation = error.operation or operation
        raise


def _id_of(job: ImageDownloadJob | str | UUID, name: str, operation: str) -> UUID:
    return job.id if isinstance(job, ImageDownloadJob) else as_uuid(job, name, operation)


def _link(job: ImageDownloadJob, operation: str) -> Secret | None:
    """The URL of the archive, or None while the service is still building it."""
    if job.status == ImageDownloadStatus.FAILED:
        raise BulkDownloadFailedError(
            f"the service could not make the archive of job {job.id}; perhaps none of its images exists",
            job_id=str(job.id),
            operation=operation,
        )
    if job.status != ImageDownloadStatus.READY or not job.download_url:
        return None
    return Secret(job.download_url)
