"""What the routes of one running sandbox share: settings, records, files, threads and background work."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from imgwire_async.sandbox.imgwire.cdn.variants import VariantCache
from imgwire_async.sandbox.server.database import Database, Identity
from imgwire_async.sandbox.server.faults import FaultScript
from imgwire_async.sandbox.server.rate_limits import RateLimiter
from imgwire_async.sandbox.server.request_log import RequestJournal
from imgwire_async.sandbox.server.settings import SandboxSettings

logger = logging.getLogger("imgwire_async.sandbox")

IMAGE_THREADS = 2
"""Threads that decode images. libvips brings threads of its own."""


@dataclass(frozen=True, slots=True)
class Files:
    """Where the bytes lie."""

    folder: Path

    @property
    def incoming(self) -> Path:
        """Bodies on their way in; nothing in it survives a start."""
        return self.folder / "incoming"

    @property
    def originals(self) -> Path:
        """Stored images."""
        return self.folder / "originals"

    @property
    def archives(self) -> Path:
        """Archives of bulk download jobs."""
        return self.folder / "archives"

    @property
    def variants(self) -> Path:
        """Transformed images; nothing in it survives a start."""
        return self.folder / "variants"

    def prepare_folder(self) -> None:
        """Create the folder itself.

        Raises:
            OSError: it cannot be one.
        """
        _make_folder(self.folder)

    def prepare(self) -> None:
        """Create the folders; remove what an earlier run left half received or may have made differently."""
        for folder in (self.incoming, self.variants):
            shutil.rmtree(folder, ignore_errors=True)
        for folder in (self.incoming, self.variants, self.originals, self.archives):
            _make_folder(folder)

    def clear(self) -> None:
        """Remove all stored bytes."""
        for folder in (self.originals, self.archives):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True, exist_ok=True)

    def incoming_file(self) -> Path:
        """A fresh name for a body on its way in."""
        return self.incoming / uuid.uuid4().hex

    def original(self, image_id: str) -> Path:
        """The file of an image; two levels, because folders with 10⁵ entries are slow."""
        return self.originals / image_id[:2] / image_id

    def archive(self, job_id: str) -> Path:
        """The archive of a bulk download job."""
        return self.archives / f"{job_id}.zip"


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise OSError(error.errno, "it is not a folder", str(folder)) from error


@dataclass(slots=True)
class Processing:
    """An image whose bytes are about to be examined."""

    due: float
    """Seconds since the epoch before which they are not."""
    reads: int
    """How many more reads find the image PROCESSING."""
    released: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Runtime:
    """A running sandbox, as its routes see it. Used on the sandbox's own loop only."""

    settings: SandboxSettings
    database: Database
    identity: Identity
    files: Files
    base_url: str
    faults: FaultScript
    requests: RequestJournal
    rate_limiter: RateLimiter
    variants: VariantCache
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the sandbox stops; scripted waits end with it."""
    inspecting_threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(IMAGE_THREADS, thread_name_prefix="sandbox-inspecting")
    )
    rendering_threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(IMAGE_THREADS, thread_name_prefix="sandbox-rendering")
    )
    """Apart from inspection, so that a burst of pictures does not hold back uploads from being READY."""
    processing: dict[str, Processing] = field(default_factory=dict)
    """By the id of the image."""
    background: set[asyncio.Task[None]] = field(default_factory=set)

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.settings.clock()

    def start_background(
        self, work: Coroutine[None, None, None], *, name: str, failed: Callable[[], None]
    ) -> None:
        """Run `work` until it ends or the sandbox stops.

        Args:
            work: what to do.
            name: what the log calls it.
            failed: records that it has failed, whatever `work` has raised, so that nobody waits for its end.
        """
        task = asyncio.get_running_loop().create_task(work, name=name)
        self.background.add(task)
        task.add_done_callback(partial(self._background_ended, failed))

    async def cancel_background(self) -> None:
        """Cancel all background work and wait for its end."""
        tasks = list(self.background)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _background_ended(self, failed: Callable[[], None], task: asyncio.Task[None]) -> None:
        self.background.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        logger.error("%s failed: %r", task.get_name(), error, exc_info=error)
        try:
            failed()
        except sqlite3.Error as damage:
            logger.error("That cannot be recorded: %s. The next start tries it again.", damage)  # noqa: TRY400


def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC with whole seconds, as the service's documentation shows it."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def timestamp_or_none(seconds: float | None) -> str | None:
    """`timestamp`, with null for null."""
    return None if seconds is None else timestamp(seconds)
