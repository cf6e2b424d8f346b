"""One upload at a time for each open file and iterator, and one download at a time into each open file.

Two uploads reading the same file at the same time would both store mixed bytes, and two downloads into one
file would mix theirs, so the second one waits. An upload does not wait for a download, because the file may
be a pipe from one to the other.
"""

from __future__ import annotations

import io
import math
import os
import sys
import tempfile
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final, TypeGuard

import anyio

from imgwire_async.bodies.base import Patience, refused
from imgwire_async.core.concurrency.loops import current_loop, is_closed
from imgwire_async.core.concurrency.threads import ExclusiveThread
from imgwire_async.core.pace.local_limits import LONGEST_WAIT, PAUSE
from imgwire_async.errors import APITimeoutError, DownloadTargetError

if sys.platform != "win32":
    import fcntl

_INNER: Final = ("wrapped", "_file", "file", "stream", "fileobj", "fp", "_fp")
"""Attributes in which wrappers keep the file they read (anyio, aiofiles, tempfile, gzip, http)."""
_DEEPEST: Final = 3

_DESCRIPTOR: Final = "descriptor"

_guard = threading.RLock()  # the garbage collector may end a lost upload at any moment


class _Use:
    """An upload or a download with exclusive use of a file.

    Args:
        thread: uses the file, perhaps for longer than the call that has begun this; None for async files.
    """

    def __init__(self, thread: ExclusiveThread | None) -> None:
        self.ended = anyio.Event()
        """Set when the call has ended."""
        self._loop = current_loop()
        self._file: object = None
        self._thread = thread

    def is_here(self) -> bool:
        return self._loop is current_loop()

    def is_left(self) -> bool:
        """Whether at most a thread still uses the file, because the call or its event loop has ended."""
        return self.ended.is_set() or is_closed(self._loop)

    def leave(self, file: object) -> None:
        """End the call, which has used `file`."""
        self._file = file
        self.ended.set()

    def is_over(self, key: Hashable) -> bool:
        """Whether the file that had this key is no longer used."""
        if not self.is_left():
            return False
        if self._thread is None or not self._thread.is_used:
            return True
        # The caller may have closed the file, and the system has given its descriptor to another one.
        return self.ended.is_set() and _is_descriptor(key) and key not in _identities(self._file, _DEEPEST)


@dataclass(frozen=True)
class _Transfers:
    """All uploads, or all downloads."""

    uses: dict[Hashable, _Use]
    elsewhere: Callable[[], Exception]
    """The error if another event loop has the file."""
    stuck: Callable[[float], Exception]
    """The error if a thread that was abandoned has it, and does not return in this many seconds."""


_UPLOADS: Final = _Transfers(
    {},
    lambda: refused(
        "another event loop is uploading from the same source; open the file once for each upload"
    ),
    lambda seconds: APITimeoutError(
        f"the source produced no data for {seconds:g} s: a thread of an earlier upload, which has ended, "
        "still uses it",
        may_have_acted=False,
        operation="images.upload",
    ),
)
_DOWNLOADS: Final = _Transfers(
    {},
    lambda: DownloadTargetError(
        "another event loop is downloading to the same file; open a file for each download"
    ),
    lambda seconds: DownloadTargetError(
        "cannot write to the file: a thread of an earlier download, which has ended, still uses it after "
        f"{seconds:g} s"
    ),
)


async def _nothing() -> None:
    """Do nothing."""


def exclusive(
    source: object,
    patience: Patience,
    thread: ExclusiveThread | None = None,
    end: Callable[[], Awaitable[None]] = _nothing,
) -> AbstractAsyncContextManager[None]:
    """Wait until no other upload reads `source` or a file that it wraps, and make later ones wait.

    Args:
        source: the source.
        patience: how long to wait for a thread that an earlier upload has abandoned.
        thread: reads a sync source. It keeps the source until it no longer uses it, even after this block.
        end: ends `thread`; called at the end of the block, and also if that cannot begin.

    Raises:
        UploadSourceError: the other upload runs in another event loop, which cannot be waited for.
        APITimeoutError: the thread of an earlier upload still reads it.
    """
    return _alone(source, _UPLOADS, patience.seconds, thread, end)


def exclusive_target(file: object, thread: ExclusiveThread) -> AbstractAsyncContextManager[None]:
    """Wait until no other download writes to `file` or a file that it wraps, and make later ones wait.

    Args:
        file: the target.
        thread: writes to it; it ends with the block, and keeps the file until it no longer uses it.

    Raises:
        DownloadTargetError: the other download runs in another event loop, which cannot be waited for; or the
            thread of an earlier one still writes.
    """
    return _alone(file, _DOWNLOADS, LONGEST_WAIT, thread, thread.end)


@asynccontextmanager
async def _alone(
    file: object,
    transfers: _Transfers,
    patience: float | None,
    thread: ExclusiveThread | None,
    end: Callable[[], Awaitable[None]],
) -> AsyncGenerator[None, None]:
    """Wait until `file` is not in use, and use it until `thread` has ended."""
    keys = set(_identities(file, _DEEPEST))
    use = _Use(thread)

    def release() -> None:
        with _guard:
            for key in keys:
                if transfers.uses.get(key) is use:
                    del transfers.uses[key]

    try:
        await _claimed(keys, use, transfers, patience)
        yield
    except BaseException:
        with suppress(Exception):  # the first error counts
            await end()
        raise
    else:
        await end()
    finally:
        use.leave(file)
        if thread is None:
            release()
        else:
            thread.when_free(release)


async def _claimed(keys: set[Hashable], use: _Use, transfers: _Transfers, patience: float | None) -> None:
    """Wait until nothing else uses a file with these keys, and register `use`."""
    while (found := _claim(keys, use, transfers)) is not None:
        key, other = found
        if other.is_left():
            with anyio.move_on_after(math.inf if patience is None else patience):
                while not other.is_over(key):  # noqa: ASYNC110 - a thread cannot set an event of the loop
                    await anyio.sleep(PAUSE)
            if not other.is_over(key):
                assert patience is not None  # noqa: S101 - it has ended
                raise transfers.stuck(patience)
        elif other.is_here():
            await other.ended.wait()
        else:
            raise transfers.elsewhere()


def _claim(keys: set[Hashable], use: _Use, transfers: _Transfers) -> tuple[Hashable, _Use] | None:
    """Register `use`, or return a key in use and the use that blocks it."""
    with _guard:
        # The flag that finds duplicates has an effect on writers.
        for key in (*keys, *(_duplicates(keys) if transfers is _UPLOADS else ())):
            other = transfers.uses.get(key)
            if other is not None and not other.is_over(key):
                return key, other
        transfers.uses.update(dict.fromkeys(keys, use))
    return None


def _duplicates(keys: set[Hashable]) -> Iterator[Hashable]:
    """Descriptors being read that are duplicates of one in `keys`, and so share its file position.

    Duplicates also share their flags, so a flag that has no effect on readers is switched for a moment.
    """
    if sys.platform == "win32":
        return
    others = [key for key in list(_UPLOADS.uses) if _is_descriptor(key) and key not in keys]
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
