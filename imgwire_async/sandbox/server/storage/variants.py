"""A cache of variants: files in a folder, the least recently used removed first."""

from __future__ import annotations

import asyncio
import uuid
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from imgwire_async.sandbox.server.requests.bodies import BlockFileResponse


@dataclass(slots=True, eq=False)
class Variant:
    """A file in the cache."""

    path: Path
    size: int
    """Bytes."""
    format: str
    not_rendered: tuple[str, ...]
    readers: int = 0
    """Responses that are being sent from the file, which keep it on disk."""


@dataclass(slots=True, eq=False)
class _Making:
    """A variant that is being made, and how many requests wait for it."""

    task: asyncio.Task[Variant]
    waiting: int = 0


class VariantCache:
    """Variants by key; used on one event loop.

    Its index is in memory and the folder is emptied at the start, so no run sees the variants of another one.

    Args:
        folder: The folder of the files, which exists.
        maximum_bytes: How many bytes are kept, not counting files that are being sent.
    """

    def __init__(self, folder: Path, maximum_bytes: int) -> None:
        self._folder = folder
        self._maximum = maximum_bytes
        self._kept: OrderedDict[str, Variant] = OrderedDict()
        self._making: dict[str, _Making] = {}
        self._bytes = 0

    def find(self, key: str) -> Variant | None:
        """A cached variant, with its reader count increased; `release` it."""
        variant = self._kept.get(key)
        if variant is not None:
            self._kept.move_to_end(key)
            variant.readers += 1
        return variant

    async def make(self, key: str, work: Callable[[Path], Awaitable[Variant]]) -> tuple[Variant, bool]:
        """Make a variant, or wait for another request that is making it; `release` it.

        Args:
            key: Its key.
            work: Writes the file and describes it.

        Returns:
            The variant, and whether this call made it.
        """
        first = key not in self._making
        if first:
            task = asyncio.get_running_loop().create_task(self._make(key, work))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, if nobody waits
            self._making[key] = _Making(task)
        making = self._making[key]
        making.waiting += 1
        try:
            # The disconnect of one caller must not cancel the picture for the others.
            return await asyncio.shield(making.task), first
        except asyncio.CancelledError:
            if making.task.done() and not making.task.cancelled() and making.task.exception() is None:
                self.release(making.task.result())
            making.waiting -= 1
            raise

    def release(self, variant: Variant) -> None:
        """Release a variant after its response has been sent."""
        variant.readers -= 1
        self._shrink()

    def clear(self) -> None:
        """Remove all variants that are not being sent."""
        self._shrink(to=0)

    async def _make(self, key: str, work: Callable[[Path], Awaitable[Variant]]) -> Variant:
        path = self._folder / uuid.uuid4().hex
        try:
            variant = await work(path)
        except BaseException:
            path.unlink(missing_ok=True)
            del self._making[key]
            raise
        variant.readers = self._making.pop(key).waiting
        self._kept[key] = variant
        self._bytes += variant.size
        return variant

    def _shrink(self, to: int | None = None) -> None:
        limit = self._maximum if to is None else to
        for key, variant in list(self._kept.items()):
            if self._bytes <= limit:
                return
            if variant.readers == 0:
                del self._kept[key]
                self._bytes -= variant.size
                variant.path.unlink(missing_ok=True)


class VariantResponse(BlockFileResponse):
    """A variant, kept on disk until it has been sent."""

    def __init__(
        self, cache: VariantCache, variant: Variant, headers: dict[str, str], media_type: str
    ) -> None:
        super().__init__(variant.path, headers=headers, media_type=media_type)
        self._cache = cache
        self._variant = variant

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._cache.release(self._variant)


def is_current(request: Request, etag: str) -> bool:
    """Whether `If-None-Match` names an ETag."""
    header = request.headers.get("if-none-match", "")
    tags = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return etag in tags or "*" in tags
