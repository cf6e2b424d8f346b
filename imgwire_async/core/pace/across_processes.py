"""Usage of the stated limits, shared by all processes of a user on this machine.

A small file holds, for each limit in use, the instant of the machine's monotonic clock at which its bucket
will be full again. A full bucket needs no record, so records in the past can be replaced, and nothing has to
be cleaned up. Without such a file (no file locks, a read-only disk), every process counts on its own.
Machines that share a folder for temporary files have separate records, because their clocks differ.
"""

from __future__ import annotations

import math
import os
import platform
import stat
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final, TypeAlias

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

Change: TypeAlias = Callable[[float], float | None]
"""Called with the recorded instant (-inf if none); returns the new one, or None to leave it unchanged."""

_RECORD: Final = struct.Struct("=8sd")
_RECORDS: Final = 4096
_PLACES: Final = 8
"""Number of places at which the record of a limit may be."""
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_TRIES: Final = 50
"""Attempts to get a lock that another process holds. It is held for microseconds, so one that stays held
belongs to a process that was stopped while holding it, and is not waited for."""


class SharedInstants:
    """Instants by name, in a file. Safe to share between processes and threads.

    Args:
        path: the file; created if it does not exist. Its folder must belong to the user.

    Raises:
        OSError: the file cannot be used, or belongs to another user.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        folder = path.parent.lstat()
        if not stat.S_ISDIR(folder.st_mode) or folder.st_uid != os.getuid() or folder.st_mode & 0o022:
            raise PermissionError(f"{path.parent} must belong to this user and be writable by no one else")
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._lock = threading.Lock()
        self._clock = _clock()

    def get(self, name: bytes) -> float:
        """The instant of a name; -inf if there is none."""
        try:
            return self._find(name)[1]
        except OSError:
            return -math.inf

    def change(self, name: bytes, change: Change) -> bool:
        """Change the instant of a name while holding the lock.

        Returns:
            Whether `change` returned a new instant.
        """
        with self._alone():
            try:
                offset, instant = self._find(name)
            except OSError:
                offset, instant = -1, -math.inf
            changed = change(instant)
            if changed is not None and offset >= 0:
                # On a full disk, continue with this process's own records.
                with suppress(OSError):
                    os.pwrite(self._file, _RECORD.pack(self._key(name), changed), offset)
            return changed is not None

    def _find(self, name: bytes) -> tuple[int, float]:
        """The place of a name's record, existing or new, and its instant."""
        key = self._key(name)
        start = int.from_bytes(key[:4]) % (_RECORDS - _PLACES) * _RECORD.size
        found = os.pread(self._file, _PLACES * _RECORD.size, start).ljust(_PLACES * _RECORD.size, b"\0")
        oldest, oldest_instant = start, math.inf
        for number, (theirs, instant) in enumerate(_RECORD.iter_unpack(found)):
            offset = start + number * _RECORD.size
            if theirs == key:
                return offset, -math.inf if math.isnan(instant) else instant
            if not instant >= oldest_instant:
                oldest, oldest_instant = offset, instant
        return oldest, -math.inf

    def _key(self, name: bytes) -> bytes:
        return blake2b(name, digest_size=8, key=self._clock[:64]).digest()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        # If another thread held the lock when the process was forked, it is never released.
        ours = self._lock.acquire(timeout=0.01)
        locked = False
        try:
            for _ in range(_TRIES):
                try:
                    fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    time.sleep(0)
                else:
                    locked = True
                    break
            yield
        finally:
            if locked:
                fcntl.lockf(self._file, fcntl.LOCK_UN)
            if ours:
                self._lock.release()


def _clock() -> bytes:
    """Identifies the machine's monotonic clock, which restarts with every boot."""
    with suppress(OSError):
        return _BOOT.read_bytes()
    return platform.node().encode()


_opened: list[SharedInstants | None] = []
_opening = threading.Lock()


def shared_instants() -> SharedInstants | None:
    """The instants of this user on this machine; None if processes cannot share them."""
    with _opening:
        if not _opened:
            found = None
            if fcntl is not None:
                with suppress(OSError):
                    found = SharedInstants(
                        Path(tempfile.gettempdir(), f"imgwire-async-{os.getuid()}", "limits")
                    )
            _opened.append(found)
        return _opened[0]
