"""One upload at a time for each open file and iterator, and one download at a time into each open file.

Two uploads reading the same file at the same time would both store mixed bytes, and two downloads into one
file would mix theirs, so the second one waits. An upload does not wait for a download, because the file may
be a pipe from one to the other.
"""

from __future__ import annotations

import asyncio
import io
import os
import sys
import tempfile
import threading
from collections.abc import AsyncGenerator, Hashable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeGuard

import anyio

from imgwire_async.bodies.base import refused
from imgwire_async.core.concurrency.loops import current_loop
from imgwire_async.errors import DownloadTargetError

if sys.platform != "win32":
    import fcntl

_INNER: Final = ("wrapped", "_file", "file", "stream", "fileobj", "fp", "_fp")
"""Attributes in which wrappers keep the file they read (anyio, aiofiles, tempfile, gzip, http)."""
_DEEPEST: Final = 3

_DESCRIPTOR: Final = "descriptor"

_guard = threading.Lock()
_readers: dict[Hashable, _Use] = {}
_writers: dict[Hashable, _Use] = {}


class _Use:
    """An upload or a download with exclusive use of a file."""

    def __init__(self) -> None:
        self.ended = anyio.Event()
        self._loop = current_loop()

    def is_here(self) -> bool:
        return self._loop is current_loop()

    def is_stale(self) -> bool:
        """Whether its event loop was closed before the transfer could end."""
        return isinstance(self._loop, asyncio.AbstractEventLoop) and self._loop.is_closed()


@asynccontextmanager
async def exclusive(source: object) -> AsyncGenerator[None, None]:
    """Wait until no other upload reads `source` or a file that it wraps, and make later ones wait.

    Raises:
        UploadSourceError: the other upload runs in another event loop, which cannot be waited for.
    """
    async with _alone(source, _readers) as other:
        if other is not None:
            raise refused(
                "another event loop is uploading from the same source; open the file once for each upload"
            )
        yield


@asynccontextmanager
async def exclusive_target(file: object) -> AsyncGenerator[None, None]:
    """Wait until no other download writes to `file` or a file that it wraps, and make later ones wait.

    Raises:
        DownloadTargetError: the other download runs in another event loop, which cannot be waited for.
    """
    async with _alone(file, _writers) as other:
        if other is not None:
            raise DownloadTargetError(
                "another event loop is downloading to the same file; open a file for each download"
            )
        yield


@asynccontextmanager
async def _alone(file: object, uses: dict[Hashable, _Use]) -> AsyncGenerator[_Use | None, None]:
    """Wait until `file` is not in `uses`, and add it; yields a use that cannot be waited for, or None."""
    keys = set(_identities(file, _DEEPEST))
    mine = _Use()
    while (other := _claim(keys, mine, uses)) is not None and other.is_here():
        await other.ended.wait()
    try:
        yield other
    finally:
        with _guard:
            for key in keys:
                if uses.get(key) is mine:
                    del uses[key]
        mine.ended.set()


def _claim(keys: set[Hashable], use: _Use, uses: dict[Hashable, _Use]) -> _Use | None:
    """Register `use`, or return the one that blocks it."""
    with _guard:
        # The flag that finds duplicates has an effect on writers.
        for key in (*keys, *(_duplicates(keys) if uses is _readers else ())):
            other = uses.get(key)
            if other is not None and not other.is_stale():
                return other
        uses.update(dict.fromkeys(keys, use))
    return None


def _duplicates(keys: set[Hashable]) -> Iterator[Hashable]:
    """Descriptors in use that are duplicates of one in `keys`, and so share its file position.

    Duplicates also share their flags, so a flag that has no effect on readers is switched for a moment.
    """
    if sys.platform == "win32":
        return
    others = [key for key in _readers if _is_descriptor(key) and key not in keys]
    if not others:
        return
    for _, mine in filter(_is_descriptor, keys):
        with suppress(OSError):
            flags = fcntl.fcntl(mine, fcntl.F_GETFL)
            if flags & os.O_APPEND:
                continue  # another thread may be writing at this moment
            fcntl.fcntl(mine, fcntl.F_SETFL, flags | os.O_APPEND)
            try:
                found = [other for other in others if _appends(other[1])]
            finally:
                fcntl.fcntl(mine, fcntl.F_SETFL, flags)
            yield from (other for other in found if not _appends(other[1]))


def _is_descriptor(key: Hashable) -> TypeGuard[tuple[str, int]]:
    return isinstance(key, tuple) and key[0] == _DESCRIPTOR


def _appends(descriptor: int) -> bool:
    if sys.platform == "win32":
        return False
    with suppress(OSError):  # it is closed
        return bool(fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND)
    return False


def _identities(source: object, depth: int) -> Iterator[Hashable]:
    """Keys shared by two files if using one moves the position of the other."""
    # The id stays unique as long as the transfer holds this object.
    yield id(source)
    descriptor = _descriptor(source)
    if descriptor is not None:
        yield _DESCRIPTOR, descriptor
    for name in ("raw",) if isinstance(source, io.BufferedIOBase) and hasattr(source, "raw") else _INNER:
        try:
            inner = getattr(source, name, None)
            readable = hasattr(inner, "read") and not isinstance(inner, type)
        except Exception:  # noqa: BLE001, S112 - attributes of any class; reading it will show what is wrong
            continue
        if readable and depth:
            yield from _identities(inner, depth - 1)


def _descriptor(source: object) -> int | None:
    """The descriptor of a file, if it has one."""
    if isinstance(source, tempfile.SpooledTemporaryFile):
        return None  # fileno() would roll it over to disk
    try:
        descriptor = source.fileno() if hasattr(source, "fileno") else None
    except Exception:  # noqa: BLE001 - it has none, is closed, or of any class; reading it will show what is wrong
        return None
    return descriptor if isinstance(descriptor, int) and descriptor >= 0 else None
