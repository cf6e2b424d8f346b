"""The target of an export as the sink of a job: fetches files, verifies them and moves them into place."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import anyio

from imgwire_async.core.call import Core
from imgwire_async.core.fetch import Transfer, fetch
from imgwire_async.core.values.redaction import Secret
from imgwire_async.downloads.spool import Spool
from imgwire_async.errors import CallContext, DownloadTargetError, DownloadVerificationError
from imgwire_async.imgwire.environments import area_of, destination_of, locate
from imgwire_async.imgwire.export.records import ExportedImage, ExportItem
from imgwire_async.imgwire.export.targets import Target, open_target
from imgwire_async.imgwire.lowlevel.models import Image
from imgwire_async.imgwire.resources.images import Images
from imgwire_async.ingest.sink import Destination, SinkAddress, StoredImage, Upload, patient

_OPERATION: Final = "export"


def address(to: str, mark: str, options: Mapping[str, str] | None, *, overwrite: bool) -> SinkAddress:
    """How a job opens the sink; arguments as for `open_target`."""
    settings = {"to": to, "mark": mark, "options": options, "overwrite": overwrite}
    return SinkAddress(opener="imgwire_async.imgwire.export.sink:open_sink", settings=settings)


def open_sink(
    core: Core, *, to: str, mark: str, options: Mapping[str, str] | None, overwrite: bool
) -> ExportSink:
    """The sink that writes to `to`."""
    return ExportSink(core, open_target(to, mark, options, overwrite=overwrite))


class ExportSink:
    """See `imgwire_async.ingest.sink.Sink`.

    Args:
        core: makes the requests. Requests that fetch files carry no API key.
        target: the destination of the files.
    """

    def __init__(self, core: Core, target: Target) -> None:
        self._core = patient(core)
        self._target = target
        self._images = Images(core)
        self.destination = destination_of(core)

    async def locate(self, image_ids: Sequence[str]) -> Destination | None:
        """The location of the first of these images, or None if none is visible to the key."""
        return await locate(self._images, self.destination, image_ids)

    async def store(self, upload: Upload, *, seconds: float | None) -> StoredImage[ExportedImage]:
        """Fetch an original into the target, unless it is already there.

        Raises:
            DownloadRejectedError: the CDN responded with an error status.
            DownloadVerificationError: the fetched file is not the original.
            DownloadTargetError: the target cannot be written, or has another file of this name.
            ImgwireError: any other error of a fetch.
        """
        item = upload.item
        assert isinstance(item, ExportItem)  # noqa: S101 - from our source, in this process
        assert item.image is not None  # noqa: S101 - and complete
        image = item.image
        known = _hash_of(image) if self._target.is_local else None
        if known is not None and await self._target.holds(item.path, image.size_bytes, known):
            return self._stored(image, item.path, image.size_bytes, known, fetched=False)
        core = self._core
        if seconds is not None:
            core = core.with_options(replace(core.options, deadline=seconds))
        spool = self._target.spool()
        try:
            await fetch(core, Secret(image.cdn_url), Transfer(spool), CallContext(operation=_OPERATION))
            _compare(spool, image)
            fetched = await self._put(item.path, spool)
            return self._stored(image, item.path, spool.size, spool.sha256, fetched=fetched)
        finally:
            with anyio.CancelScope(shield=True):
                await spool.discard()

    async def _put(self, path: str, spool: Spool) -> bool:
        """Move a file into place; return False if a run that was killed just afterwards already did."""
        try:
            await self._target.put(path, spool)
        except DownloadTargetError as error:
            if error.errno == errno.EEXIST and await self._target.holds(path, spool.size, spool.sha256):
                return False
            raise
        return True

    async def confirm(self, image: StoredImage[ExportedImage]) -> StoredImage[ExportedImage]:
        """Return the image unchanged, because there is nothing to wait for."""
        return image

    async def wait_until_ready(self, image_id: str) -> StoredImage[ExportedImage]:
        """Never called: an export does not wait for images to be ready."""
        raise NotImplementedError(image_id)

    def _stored(
        self, image: Image, path: str, size: int, sha256: bytes, *, fetched: bool
    ) -> StoredImage[ExportedImage]:
        exported = ExportedImage(
            image=image,
            path=path,
            location=self._target.location(path),
            size=size,
            sha256=sha256.hex(),
            fetched=fetched,
        )
        return StoredImage(id=str(image.id), url=image.cdn_url, record=exported, area=area_of(image))


def _compare(spool: Spool, image: Image) -> None:
    known = _hash_of(image)
    if spool.size != image.size_bytes:
        problem = f"{spool.size} bytes instead of {image.size_bytes}"
    elif known is not None and spool.sha256 != known:
        problem = "another SHA-256"
    else:
        return
    raise DownloadVerificationError(
        f"the CDN did not deliver the original of image {image.id}: the file has {problem}; nothing was kept",
        image_id=str(image.id),
        operation=_OPERATION,
    )


def _hash_of(image: Image) -> bytes | None:
    try:
        known = bytes.fromhex(image.hash_sha256 or "")
    except ValueError:
        return None
    return known if len(known) == 32 else None
