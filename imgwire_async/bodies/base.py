"""The base of all upload sources, and the threads in which files are read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import PureWindowsPath
from typing import Final, Protocol, TypeVar

import anyio
from anyio import CapacityLimiter

from imgwire_async.core.body import Body
from imgwire_async.core.concurrency.cancellation import CallingTask, is_failure, running_task
from imgwire_async.core.concurrency.loops import PerRun, current_time
from imgwire_async.core.concurrency.threads import ExclusiveThread
from imgwire_async.core.pace.local_limits import LONGEST_WAIT
from imgwire_async.errors import APITimeoutError, UploadSourceError

T = TypeVar("T")

CHUNK_SIZE: Final = 512 * 1024
"""Bytes that are read from a source at a time, and so the memory that one upload takes."""


class Source(Body, Protocol):
    """A body that also knows its name and its first bytes."""

    @property
    def file_name(self) -> str | None:
        """Name without folders, or None if the source has none."""
        ...

    @property
    def head(self) -> bytes:
        """The first bytes, enough to detect the image type."""
        ...


_DISK_THREADS: Final = 8
"""More threads delay the event loop more than they speed up reading: 64 concurrent uploads blocked it for 92
ms with the default of 40 threads, and for 20 ms with these. Other sources may take any time, such as an
iterator over a network, and use the default threads."""

_limiter = PerRun(lambda: anyio.CapacityLimiter(_DISK_THREADS))


def disk_threads() -> anyio.CapacityLimiter:
    """The running event loop's threads for reading files by path and temporary files."""
    return _limiter.get()


CLOSING_SECONDS: Final = 0.5
"""How long the end of an upload waits for a source that still reads. One that hangs is abandoned."""


def source_thread(limiter: Callable[[], CapacityLimiter | None] = lambda: None) -> ExclusiveThread:
    """A thread for one source; the end of a call does not wait for it if it hangs."""
    return ExclusiveThread(limiter, patience=CLOSING_SECONDS)


async def close_source(close: Callable[[], Awaitable[object]], task: CallingTask) -> None:
    """Close an async source. A cancelled call waits for `CLOSING_SECONDS`, any other for up to a minute.

    Args:
        close: closes the source; a later cancellation reaches it.
        task: the task of the call.
    """
    if task.is_lost():
        return
    is_cancelled = task.is_cancelled()
    with anyio.move_on_after(CLOSING_SECONDS if is_cancelled else LONGEST_WAIT, shield=is_cancelled):
        await close()


class Patience:
    """How long a source may yield nothing before its bytes are sent; after that the write timeout applies.

    Args:
        seconds: None means without limit.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = seconds

    @contextmanager
    def step(self) -> Iterator[None]:
        """Limit one step: opening the source, or reading its next bytes.

        Raises:
            APITimeoutError: the step took too long.
        """
        if self.seconds is None:
            yield
            return
        with anyio.CancelScope(deadline=current_time() + self.seconds) as scope:
            yield
        if scope.cancelled_caught:
            raise APITimeoutError(
                f"the source produced no data for {self.seconds:g} s",
                may_have_acted=False,
                operation="images.upload",
            )


async def opened_in_thread(open_it: Callable[[], T], close: Callable[[T], object], patience: Patience) -> T:
    """Call `open_it` in a thread. Nothing stays open if the task is cancelled or its patience ends.

    Args:
        open_it: may block.
        close: closes what it has returned; called in a thread as well.
        patience: how long `open_it` may take.

    Raises:
        APITimeoutError: it did not return in time.
    """
    thread = source_thread()
    returned: list[T] = []
    try:
        with patience.step():
            await thread.run(lambda: returned.append(open_it()))
    except BaseException:
        with suppress(Exception):  # the first error counts
            await thread.end(lambda: [close(one) for one in returned])
        raise
    return returned.pop()


@contextmanager
def source_errors(problem: str) -> Iterator[None]:
    """Wrap exceptions of the caller's source in an `UploadSourceError` with the original as its cause.

    Does not wrap `KeyboardInterrupt`, `SystemExit` and cancellations.
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
    """Convert one piece of content to bytes.

    Raises:
        UploadSourceError: it is not bytes. The message for text differs, because that mistake is common.
    """
    if isinstance(chunk, bytes):
        return chunk
    if isinstance(chunk, bytearray | memoryview):
        return bytes(chunk)
    if isinstance(chunk, str):
        raise refused(f"{what} returned text instead of bytes; open files with mode 'rb'")
    raise refused(f"{what} returned {type(chunk).__name__} instead of bytes")


def base_name(name: object) -> str | None:
    """The last segment of a path, including Windows paths from browsers; None if it does not name a file."""
    if not isinstance(name, str) or (name.startswith("<") and name.endswith(">")):
        return None
    # Replace anything that is not UTF-8, which JSON cannot represent.
    printable = name.encode("utf-8", "surrogateescape").decode("utf-8", errors="replace")
    return PureWindowsPath(printable).name or None


def refused(problem: str) -> UploadSourceError:
    """The error for a source that cannot be uploaded."""
    return UploadSourceError(problem, operation="images.upload")
