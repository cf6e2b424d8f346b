"""What every source of an upload has in common, and the threads in which files are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PureWindowsPath
from typing import Final, Protocol

import anyio
from anyio import CapacityLimiter
from anyio.lowlevel import RunVar

from imgwire_async.core.body import Body
from imgwire_async.core.concurrency.cancellation import is_failure, running_task
from imgwire_async.core.concurrency.threads import ExclusiveThread
from imgwire_async.errors import APITimeoutError, UploadSourceError

CHUNK_SIZE: Final = 512 * 1024
"""Bytes that are read from a source at a time, and so what one upload holds in memory."""


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


_DISK_THREADS: Final = 8
"""With more threads the event loop waits for the interpreter longer than files are read sooner: 64 uploads at
once held it up for 92 ms with the default of 40 threads, and for 20 ms with these. What else is read may take
any time, such as an iterator over a network, and gets one of the 40."""

_limiter: RunVar[anyio.CapacityLimiter] = RunVar("imgwire_async_disk_threads")


def disk_threads() -> anyio.CapacityLimiter:
    """The few threads of the running event loop for files given by their path, and for temporary ones."""
    try:
        return _limiter.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(_DISK_THREADS)
        _limiter.set(limiter)
        return limiter


CLOSING_SECONDS: Final = 0.5
"""How long the end of an upload waits for a source that is still busy. One that hangs is left behind."""


def source_thread(limiter: Callable[[], CapacityLimiter | None] = lambda: None) -> ExclusiveThread:
    """A thread for one source, which a call that ends does not wait for if it hangs."""
    return ExclusiveThread(limiter, patience=CLOSING_SECONDS)


class Patience:
    """How long a source may give nothing before its bytes are sent; from then on the write timeout holds.

    Args:
        seconds: None means without limit.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = seconds

    @contextmanager
    def step(self) -> Iterator[None]:
        """Limit one step: opening the source, or reading its next bytes.

        Raises:
            APITimeoutError: it took too long.
        """
        if self._seconds is None:
            yield
            return
        with anyio.move_on_after(self._seconds) as scope:
            yield
        if scope.cancelled_caught:
            raise APITimeoutError(
                f"the source gave nothing for {self._seconds:g} s",
                may_have_acted=False,
                operation="images.upload",
            )


@contextmanager
def source_errors(problem: str) -> Iterator[None]:
    """Raise what the caller's own source raises as an `UploadSourceError` with the original as its cause.

    All but `KeyboardInterrupt`, `SystemExit` and cancellations.
    """
    task = running_task()
    try:
        yield
    except (UploadSourceError, APITimeoutError):
        raise
    except BaseException as error:  # code of the caller may raise anything
        if not is_failure(error, task):
            raise
        raise refused(f"{problem}: {_in_words(error)}") from error


def _in_words(error: BaseException) -> str:
    if isinstance(error, OSError | ValueError) and str(error):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


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
