"""What every source of an upload has in common, and the threads in which slow ones are read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import PureWindowsPath
from typing import Final, Protocol, TypeVar

import anyio
from anyio import to_thread
from anyio.lowlevel import RunVar

from imgwire_async.core.body import Body
from imgwire_async.errors import UploadSourceError

CHUNK_SIZE: Final = 512 * 1024
"""Bytes that are read from a source at a time, and so what one upload holds in memory."""

T = TypeVar("T")


class Source(Body, Protocol):
    """A body that also knows what it is called and how it begins."""

    @property
    def file_name(self) -> str | None:
        """Name without folders, or None when the source has none."""
        ...

    @property
    def head(self) -> bytes:
        """The first bytes, enough to tell the image type."""
        ...


class ExclusiveThread:
    """Worker threads for one object that only one of them may use at a time, and none after the end.

    A task that is cancelled does not wait for what it left running in a thread. `end` does.

    Args:
        limited: whether it is one of the few threads that read files by their path. What else reads may take
            any time, such as an iterator over a network, and gets one of the threads of the event loop.
    """

    def __init__(self, *, limited: bool = False) -> None:
        self._limited = limited
        self._lock = threading.Lock()
        self._ended = False

    async def run(self, work: Callable[[], T]) -> T:
        """Call `work` in a thread."""
        limiter = _file_reading() if self._limited else None
        return await to_thread.run_sync(self._guarded, work, limiter=limiter)

    def _guarded(self, work: Callable[[], T]) -> T:
        with self._lock:
            if self._ended:
                raise RuntimeError("the task that wanted this has gone")
            return work()

    async def end(self, close: Callable[[], object] | None = None) -> None:
        """Wait for what still runs, begin nothing further, and call `close` in a thread."""
        if close is None and self._lock.acquire(blocking=False):
            self._ended = True
            self._lock.release()
            return
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(self._end, close)

    def _end(self, close: Callable[[], object] | None) -> None:
        with self._lock:
            self._ended = True
            if close is not None:
                close()


_FILE_READERS: Final = 8
"""With more threads the event loop waits for the interpreter longer than files are read sooner: 64 uploads at
once held it up for 92 ms with the default of 40 threads, and for 20 ms with these."""

_file_reading_limit: RunVar[anyio.CapacityLimiter] = RunVar("imgwire_async_file_reading")


def _file_reading() -> anyio.CapacityLimiter:
    try:
        return _file_reading_limit.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(_FILE_READERS)
        _file_reading_limit.set(limiter)
        return limiter


def checked_chunk(chunk: object, what: str) -> bytes:
    """One piece of content as bytes.

    Raises:
        UploadSourceError: it is no bytes. Text is told apart, because that mistake is common.
    """
    if isinstance(chunk, bytes):
        return chunk
    if isinstance(chunk, bytearray | memoryview):
        return bytes(chunk)
    if isinstance(chunk, str):
        raise refused(f"{what} gives text instead of bytes; open files with mode 'rb'")
    raise refused(f"{what} gives {type(chunk).__name__} instead of bytes")


def base_name(name: object) -> str | None:
    """The last part of a path, be it a browser's on Windows; None for anything that names no file."""
    if not isinstance(name, str) or (name.startswith("<") and name.endswith(">")):
        return None
    # What is not UTF-8 is replaced: JSON cannot carry it.
    printable = name.encode("utf-8", "surrogateescape").decode("utf-8", errors="replace")
    return PureWindowsPath(printable).name or None


def refused(problem: str) -> UploadSourceError:
    """The error for a source that cannot be uploaded."""
    return UploadSourceError(problem, operation="images.upload")
