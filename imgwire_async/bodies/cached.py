"""Reads from the page cache of the operating system."""

from __future__ import annotations

import os
import sys


def read_cached(descriptor: int, offset: int, size: int) -> memoryview | None:
    """Read bytes that the operating system has cached, without waiting for a disk. Linux only.

    Args:
        descriptor: of a regular file.
        offset: where to start.
        size: the largest number of bytes to read.

    Returns:
        At least one byte, or none at the end of the file; None on other systems.

    Raises:
        BlockingIOError: the bytes are not cached.
        OSError: the file system does not support this, or reading failed.
    """
    if sys.platform != "linux":
        return None
    buffer = bytearray(size)  # never reused: a connection may still hold what it could not send yet
    return memoryview(buffer)[: os.preadv(descriptor, [buffer], offset, os.RWF_NOWAIT)]
