"""Temporary files that are being written, or that a killed process has left behind.

A process locks the file that it writes, and the lock ends with the process, so a lockable file is a leftover.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_PREFIX: Final = ".imgwire-rewrite-"
_NAME: Final = re.compile(re.escape(_PREFIX) + r"[0-9a-f]{32}\.tmp")
_CREATING: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_LOCKING: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def is_temporary(path: Path) -> bool:
    """Whether this is the name of a temporary file, in use or left behind."""
    return path.name.startswith(_PREFIX) and _NAME.fullmatch(path.name) is not None


class Temporary:
    """A new, empty file beside another one, readable only by its owner.

    Args:
        beside: The file to replace.

    Raises:
        OSError: the file cannot be created.
    """

    def __init__(self, beside: Path) -> None:
        self.path = beside.with_name(f"{_PREFIX}{uuid4().hex}.tmp")
        self.file = os.fdopen(os.open(self.path, _CREATING, 0o600), "wb")
        self._lock: int | None = None
        if fcntl is not None:
            # A separate descriptor, so that the lock lasts until the file has its new name.
            self._lock = os.dup(self.file.fileno())
            with suppress(OSError):  # a file system without locks
                fcntl.flock(self._lock, fcntl.LOCK_EX)

    def replace(self, target: Path) -> None:
        """Replace another file with this one, which is closed."""
        self.path.replace(target)

    def discard(self) -> None:
        """Remove the file if it still has its own name."""
        with suppress(OSError):
            self.file.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def remove_leftover(path: Path) -> None:
    """Remove the temporary file of a process that has ended; keep that of a running one."""
    with suppress(OSError), os.fdopen(os.open(path, _LOCKING), "rb") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()  # fails on Windows, as the file is open: there it stays
