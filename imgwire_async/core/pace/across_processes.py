"""How far the stated limits are used up, kept by all processes that a user runs on this machine.

A small file holds, for each limit in use, the instant of the machine's monotonic clock at which its bucket is
full again. A bucket that is full needs no record, so records of the past are free to be replaced, and nothing
has to be cleaned up. Without such a file (no file locks, a read-only disk), every process counts for
itself. Where machines share the folder of temporary files, each has records of its own: their clocks differ.
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
"""Gets the instant that is recorded (-inf: none), and returns the one to record, or None to leave it."""

_RECORD: Final = struct.Struct("=8sd")
_RECORDS: Final = 4096
_PLACES: Final = 8
"""How many records one limit may be found at."""
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_TRIES: Final = 50
"""How often a lock that another process holds is tried. It is held for microseconds, so one that stays held
belongs to a process that was stopped meanwhile; nobody waits for that."""


class SharedInstants:
    """Instants by name, in a file. Safe between processes, and between the threads of one.

    Args:
        path: the file; made if it does not exist. Its folder must be the user's own.

    Raises:
        OSError: the file cannot be used, or belongs to somebody else.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        folder = path.parent.lstat()
        if not stat.S_ISDIR(folder.st_mode) or folder.st_uid != os.getuid() or folder.st_mode & 0o022:
            raise PermissionError(f"{path.parent} does not belong to this user alone")
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._lock = threading.Lock()
        self._clock = _clock()

    def get(self, name: bytes) -> float:
        """The instant of a name; -inf without one."""
        try:
            return self._find(name)[1]
        except OSError:
            return -math.inf

    def change(self, name: bytes, change: Change) -> bool:
        """Change the instant of a name, with all others kept out.

        Returns:
            Whether `change` gave another instant.
        """
        with self._alone():
            try:
                offset, instant = self._find(name)
            except OSError:
                offset, instant = -1, -math.inf
            changed = change(instant)
            if changed is not None and offset >= 0:
                # On a full disk, what this process knows of itself has to do.
                with suppress(OSError):
                    os.pwrite(self._file, _RECORD.pack(self._key(name), changed), offset)
            return changed is not None

    def _find(self, name: bytes) -> tuple[int, float]:
        """Where the record of a name is or can be put, and its instant."""
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
        # A thread that held the lock when the process was forked never gives it back.
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
    """What names the machine's monotonic clock: it begins anew with every start of the system."""
    with suppress(OSError):
        return _BOOT.read_bytes()
    return platform.node().encode()


_opened: list[SharedInstants | None] = []
_opening = threading.Lock()


def shared_instants() -> SharedInstants | None:
    """The instants of this user on this machine; None where processes cannot share any."""
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
