"""Images whose bytes pass through this machine: a sink that fetches a URL itself and uploads what it gets."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

import anyio

from imgwire_async.core.call import Core
from imgwire_async.core.fetch import Transfer, fetch
from imgwire_async.core.values.redaction import Secret
from imgwire_async.downloads.spool import Spool
from imgwire_async.errors import CallContext, ConfigurationError, UploadSourceError
from imgwire_async.imgwire.lowlevel.models import Image
from imgwire_async.imgwire.sink import SINK, open_sink
from imgwire_async.ingest.sink import Destination, Sink, SinkAddress, StoredImage, Upload, patient

RELAY: Final = SinkAddress(
    opener="imgwire_async.migrate.relay:open_relay",
    secret_variables=SINK.secret_variables,
    relays_urls=True,
)


def open_relay(core: Core) -> RelaySink:
    """The sink of `imgwire_async.imgwire.sink`, with the bytes of URLs instead of the URLs."""
    return RelaySink(core, open_sink(core))


class RelaySink:
    """Fetches the images of URLs and hands them to a sink. See `imgwire_async.ingest.sink.Sink`.

    Args:
        core: makes the requests that fetch. They carry no API key.
        sink: where the images go.
    """

    def __init__(self, core: Core, sink: Sink[Image]) -> None:
        self._core = patient(core)
        self._sink = sink

    @property
    def destination(self) -> Destination:
        """Where the inner sink stores."""
        return self._sink.destination

    async def locate(self, image_ids: Sequence[str]) -> Destination | None:
        """As the inner sink."""
        return await self._sink.locate(image_ids)

    async def store(self, upload: Upload, *, seconds: float | None) -> StoredImage[Image]:
        """Fetch the image, then store it.

        Raises:
            DownloadRejectedError: the host of the image answered with an error status.
            UploadSourceError: the image cannot be fetched without being seen by others, or it is empty.
            ImgwireError: what the inner sink raises.
        """
        if not upload.is_url:
            return await self._sink.store(upload, seconds=seconds)
        async with self._fetched(str(upload.source), seconds) as fetched:
            content = await fetched.content()
            upload = replace(upload, source=content, is_url=False, sha256=fetched.sha256)
            return await self._sink.store(upload, seconds=seconds)

    async def confirm(self, image: StoredImage[Image]) -> StoredImage[Image]:
        """As the inner sink."""
        return await self._sink.confirm(image)

    async def wait_until_ready(self, image_id: str) -> StoredImage[Image]:
        """As the inner sink."""
        return await self._sink.wait_until_ready(image_id)

    @asynccontextmanager
    async def _fetched(self, url: str, seconds: float | None) -> AsyncGenerator[Spool, None]:
        core = self._core
        if seconds is not None:
            core = core.with_options(replace(core.options, deadline=seconds))
        fetched = Spool()
        try:
            await fetch(core, Secret(url), Transfer(fetched), CallContext(operation="migrate_from_imgix"))
            yield fetched
        except ConfigurationError as error:
            # Of this image only: it must not stop the job.
            problem = f"{error.message}; transfer it by URL, so that Imgwire fetches it"
            raise UploadSourceError(problem, operation="migrate_from_imgix") from error
        finally:
            with anyio.CancelScope(shield=True):
                await fetched.discard()
