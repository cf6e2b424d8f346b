"""The state that the routes of a running local service share: records, files, faults, background work."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sqlite3
import time
import uuid
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ClassVar, TypedDict

from imgwire_async.sandbox.server.requests.faults import FaultScript
from imgwire_async.sandbox.server.requests.rate_limits import RateLimiter
from imgwire_async.sandbox.server.requests.request_log import RequestJournal
from imgwire_async.sandbox.server.storage.database import Database
from imgwire_async.sandbox.server.storage.variants import VariantCache

logger = logging.getLogger("imgwire_async.sandbox")

IMAGE_THREADS = 2
"""Threads that decode images. libvips has its own threads in addition."""


@dataclass(frozen=True, slots=True)
class Files:
    """The folders that contain the bytes."""

    folder: Path

    KEPT: ClassVar[tuple[str, ...]] = ("originals",)
    """Folders that are kept for the next start."""
    SCRATCH: ClassVar[tuple[str, ...]] = ("incoming", "variants")
    """Folders that every start empties."""

    @property
    def incoming(self) -> Path:
        """Bodies that are being received."""
        return self.folder / "incoming"

    @property
    def originals(self) -> Path:
        """Stored images."""
        return self.folder / "originals"

    @property
    def variants(self) -> Path:
        """Transformed images."""
        return self.folder / "variants"

    def prepare(self) -> None:
        """Create the folders; remove files that an earlier run left incomplete or another version wrote."""
        for name in self.SCRATCH:
            shutil.rmtree(self.folder / name, ignore_errors=True)
        for name in (*self.SCRATCH, *self.KEPT):
            make_folder(self.folder / name)

    def clear(self) -> None:
        """Remove all stored bytes."""
        for name in self.KEPT:
            shutil.rmtree(self.folder / name, ignore_errors=True)
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def incoming_file(self) -> Path:
        """A new path for a body that is being received."""
        return self.incoming / uuid.uuid4().hex

    def original(self, image_id: str) -> Path:
        """The file of an image; two levels, because folders with 10⁵ entries are slow."""
        return self.originals / image_id[:2] / image_id


def make_folder(folder: Path) -> None:
    """Create a folder if it does not exist.

    Raises:
        OSError: something else has its name.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise OSError(error.errno, "it is not a folder", str(folder)) from error


class CommonParts(TypedDict):
    """The parts of every local service, created by `LocalService`."""

    clock: Callable[[], float]
    database: Database
    base_url: str
    faults: FaultScript
    requests: RequestJournal
    rate_limiter: RateLimiter
    variants: VariantCache


@dataclass(slots=True, kw_only=True)
class ServerRuntime:
    """A running local service, made of `CommonParts`. Used on its own loop only."""

    clock: Callable[[], float]
    database: Database
    base_url: str
    faults: FaultScript
    requests: RequestJournal
    rate_limiter: RateLimiter
    variants: VariantCache
    files: Files
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the service stops, which also ends scripted waits."""
    inspecting_threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(IMAGE_THREADS, thread_name_prefix="sandbox-inspecting")
    )
    rendering_threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(IMAGE_THREADS, thread_name_prefix="sandbox-rendering")
    )
    """Separate from inspection, so that a burst of pictures does not delay uploads."""
    background: set[asyncio.Task[None]] = field(default_factory=set)
    work_on: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    """Background work that takes real time, by the id of what it is for."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.clock()

    def start_background(
        self,
        work: Coroutine[None, None, None],
        *,
        name: str,
        failed: Callable[[], None],
        subject: str | None = None,
    ) -> None:
        """Run `work` until it ends or the sandbox stops.

        Args:
            work: what to do.
            name: what the log calls it.
            failed: records that it has failed, whatever `work` has raised, so that nobody waits for its end.
            subject: id of what it is for, if `work_ends` may wait for it.
        """
        task = asyncio.get_running_loop().create_task(work, name=name)
        self.background.add(task)
        if subject is not None:
            self.work_on[subject] = task
            task.add_done_callback(partial(self._work_ended, subject))
        task.add_done_callback(partial(self._background_ended, failed))

    async def work_ends(self, subject: str) -> None:
        """Under a simulated clock, wait for the end of the background work on something.

        A client that polls would use up all its simulated time before the work, which takes real time, has
        ended.
        """
        while self.clock is not time.time and (task := self.work_on.get(subject)) is not None:
            await asyncio.wait([task])

    def _work_ended(self, subject: str, task: asyncio.Task[None]) -> None:
        if self.work_on.get(subject) is task:  # and not the work that it has started
            del self.work_on[subject]

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
            logger.error("The failure could not be recorded (%s); the next start tries it again.", damage)  # noqa: TRY400
