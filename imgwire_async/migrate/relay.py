"""Images whose bytes pass through this machine: a sink that fetches a URL itself and uploads what it gets."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Final

import anyio
from anyio import to_thread

from imgwire_async.core.call import Core
from imgwire_async.core.fetch import Transfer, fetch
from imgwire_async.core.values.redaction import Secret
from imgwire_async.errors import CallContext, ConfigurationError, UploadSourceError
from imgwire_async.imgwire.lowlevel.models import Image
from imgwire_async.imgwire.sink import SINK, open_sink
from imgwire_async.ingest.sink import Destination, Sink, SinkAddress, StoredImage, Upload, patient

RELAY: Final = SinkAddress(
    opener="imgwire_async.migrate.relay:open_relay", secret_variables=SINK.secret_variables
)
IN_MEMORY: Final = 1024 * 1024
"""Bytes of an image that are kept in memory; a larger one goes through a temporary file."""


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
            return await self._sink.store(
                replace(upload, source=fetched.content, is_url=False, sha256=fetched.sha256), seconds=seconds
            )

    async def confirm(self, image: StoredImage[Image]) -> StoredImage[Image]:
        """As the inner sink."""
        return await self._sink.confirm(image)

    async def wait_until_ready(self, image_id: str) -> StoredImage[Image]:
        """As the inner sink."""
        return await self._sink.wait_until_ready(image_id)

    @asynccontextmanager
    async def _fetched(self, url: str, seconds: float | None) -> AsyncGenerator[_Fetched, None]:
        core = self._core
        if seconds is not None:
            core = core.with_options(replace(core.options, deadline=seconds))
        fetched = _Fetched()
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


class _Fetched:
    """What has arrived of an image: a small one in memory, a large one in a temporary file."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._digest = hashlib.sha256()
        self._file: IO[bytes] | None = None

    @property
    def content(self) -> bytes | Path:
        """The bytes, or the file that holds them."""
        return b"".join(self._parts) if self._file is None else Path(self._file.name)

    @property
    def sha256(self) -> bytes:
        """Of all bytes."""
        return self._digest.digest()

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._digest.update(chunk)
        self._size += len(chunk)
        if self._file is None and self._size <= IN_MEMORY:
            self._parts.append(chunk)
        else:
            await to_thread.run_sync(self._write, chunk)

    def _write(self, chunk: bytes) -> None:
        if self._file is None:
            # Not deleted when it is closed: Windows opens such a file only once.
            self._file = tempfile.NamedTemporaryFile(prefix="imgwire-", buffering=0, delete=False)  # noqa: SIM115
            self._file.write(b"".join(self._parts))
            self._parts.clear()
        self._file.write(chunk)

    async def restart(self) -> bool:
        """Forget what has arrived."""
        await self.discard()
        self._parts, self._size, self._digest = [], 0, hashlib.sha256()
        return True

    async def discard(self) -> None:
        """Delete the temporary file."""
        file, self._file = self._file, None
        if file is not None:
            file.close()
            await to_thread.run_sync(partial(Path(file.name).unlink, missing_ok=True))
