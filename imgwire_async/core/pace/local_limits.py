"""Local resource limits, such as file descriptors, which are neither the service's fault nor a file's.

They bound the concurrency, and operations that run into a limit nevertheless wait and retry.
"""

from __future__ import annotations

import errno
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

T = TypeVar("T")

LONGEST_WAIT: Final = 60.0
"""The longest wait for a lacking resource, in seconds."""
PAUSE: Final = 0.1
"""Seconds between two attempts."""
_RESERVE: Final = 24
"""Descriptors for everything else in the process: standard streams, event loop, journal."""
_EXHAUSTED: Final = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EADDRNOTAVAIL, errno.EAGAIN}
)
_NO_THREAD: Final = "can't start new thread"

logger = logging.getLogger("imgwire_async")
_said: dict[str, None] = {}
_listeners: list[Callable[[str], object]] = []


def most_at_once() -> int | None:
    """How many requests the process has descriptors for, each with a connection and a file.

    None if there is no limit, as on Windows.
    """
    if sys.platform == "win32":
        return None
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else max(1, (soft - _RESERVE) // 2)


def within_descriptors(concurrency: int) -> int:
    """`concurrency`, or less if the process cannot open that many files and connections."""
    most = most_at_once()
    if most is None or concurrency <= most:
        return concurrency
    say_once(
        f"at most {most} requests run at once instead of {concurrency}, limited by the process's open "
        "files (ulimit -n)"
    )
    return most


def lacking(error: BaseException | None) -> str | None:
    """The resource that the process or machine lacked, if `error` or one of its causes says so."""
    seen = 0
    while error is not None and seen < 10:
        for one in (error, getattr(error, "os_error", None)):
            if isinstance(one, OSError) and one.errno in _EXHAUSTED:
                return one.strerror or errno.errorcode[one.errno]
        if lacks_thread(error):
            return _NO_THREAD
        error, seen = error.__cause__ or error.__context__, seen + 1
    return None


def lacks_thread(error: BaseException) -> bool:
    """Whether the process cannot start another thread, for which Python has no specific exception."""
    return isinstance(error, RuntimeError) and _NO_THREAD in str(error)


def say_once(problem: str) -> None:
    """Log a warning about a limit of the process, once per problem."""
    if problem in _said:
        return
    _said[problem] = None
    if _listeners:
        _listeners[-1](problem)
    else:
        logger.warning("%s", problem)


@contextmanager
def said_to(listener: Callable[[str], object]) -> Iterator[None]:
    """Pass warnings from any thread to `listener` instead of logging them; another process logs them."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def said() -> tuple[str, ...]:
    """The warnings so far about limits of this process."""
    return tuple(_said)


def say_waiting(lack: str) -> None:
    """Log once that we wait for a lacking resource."""
    say_once(f"{lack}: waiting for other requests to end; raise the limit (ulimit -n) or run fewer at once")


def patiently(work: Callable[[], T]) -> T:
    """Call `work`, and retry for up to a minute while the process or machine lacks a resource. Blocks.

    Raises:
        OSError: the error of `work`.
    """
    end = time.monotonic() + LONGEST_WAIT
    while True:
        try:
            return work()
        except OSError as error:
            lack = lacking(error)
            if lack is None or time.monotonic() >= end:
                raise
            say_waiting(lack)
        time.sleep(PAUSE)
