"""Temporary files for sources that can be read only once, and handling of a full disk."""

from __future__ import annotations

import errno
import io
import tempfile
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO, Final

import anyio

from imgwire_async.bodies.base import CHUNK_SIZE, refused
from imgwire_async.core.concurrency.threads import ExclusiveThread
from imgwire_async.core.pace.local_limits import LONGEST_WAIT, PAUSE, lacking, say_once, say_waiting

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

# Of this process, whatever the event loop: they share the folder.
_on_disk: set[Spool] = set()
_waiting: set[Spool] = set()
_in_memory: set[Spool] = set()
"""At most one: an upload that continues in memory while all others wait for disk space."""


class Spool:
    """Buffers bytes in order: a few in memory, more in an unnamed temporary file.

    Nothing is lost when a write fails: `write` keeps what it could not write, and `drain` tries again.
    """

    def __init__(self) -> None:
        self.file: BinaryIO | io.FileIO = io.BytesIO()
        """The file to read from, once everything is written."""
        self._unwritten = memoryview(b"")

    def write(self, piece: bytes) -> None:
        """Add `piece`. If this fails, `drain` has to succeed before the next one."""
        self._unwritten = memoryview(piece)
        self.drain()

    def drain(self) -> None:
        """Write the remaining bytes."""
        in_memory = isinstance(self.file, io.BytesIO) and self not in _in_memory
        if in_memory and self.file.tell() + len(self._unwritten) > CHUNK_SIZE:
            # Unbuffered, so that an error belongs to the bytes at hand and closing writes nothing.
            on_disk = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by `discard`
            self.file.seek(0)
            self._unwritten = memoryview(self.file.read() + self._unwritten)
            self.file = on_disk
            _on_disk.add(self)
        while self._unwritten:
            self._unwritten = self._unwritten[self.file.write(self._unwritten) :]

    def move_to_memory(self) -> None:
        """Free the space in the folder, and use none from now on."""
        on_disk, self.file = self.file, io.BytesIO()
        on_disk.seek(0)
        while piece := on_disk.read(CHUNK_SIZE):
            self.file.write(piece)
        _on_disk.discard(self)
        on_disk.close()
        self.drain()

    def rewind(self) -> None:
        """Stand at the beginning."""
        self.file.seek(0)

    def discard(self) -> None:
        """Give the room back."""
        _on_disk.discard(self)
        _waiting.discard(self)
        _in_memory.discard(self)
        self._unwritten = memoryview(b"")
        with suppress(OSError):  # the bytes are no longer needed
            self.file.close()

    async def patiently(
        self, thread: ExclusiveThread, work: Callable[[], None], again: Callable[[], None]
    ) -> None:
        """Call `work` in a thread, and `again` while there is no disk space or file descriptor for it.

        Waits for space in a full folder as long as another upload of this process has a temporary file,
        because that will be freed. If all uploads wait for each other, one of them continues in memory. Waits
        up to a minute for file descriptors.

        Raises:
            UploadSourceError: the folder is full for other reasons, or cannot be written to.
        """
        end = anyio.current_time() + LONGEST_WAIT
        try:
            while True:
                try:
                    return await thread.run(work)
                except OSError as error:
                    full = error.errno in _NO_ROOM
                    lack = None if full else lacking(error)
                    if full:
                        _waiting.add(self)
                        may_change = bool((_on_disk | _in_memory) - {self})
                    else:
                        may_change = lack is not None and anyio.current_time() < end
                    if not may_change:
                        raise _unwritable(error, full=full) from error
                work = again
                if full:
                    say_once(
                        f"the folder for temporary files, {tempfile.gettempdir()!r}, is full: waiting for "
                        "other uploads to free space; set TMPDIR to a folder with more space"
                    )
                elif lack:
                    say_waiting(lack)
                if full and not _in_memory and self in _on_disk <= _waiting:
                    _in_memory.add(self)
                    work = self.move_to_memory
                else:
                    await anyio.sleep(PAUSE)
        finally:
            _waiting.discard(self)


def _unwritable(error: OSError, *, full: bool) -> Exception:
    problem = f"cannot write a temporary file: {error.strerror or error}"
    if full:
        problem += (
            f"; the folder {tempfile.gettempdir()!r} is full: free some space, set TMPDIR to another folder, "
            "or pass a file, which needs none"
        )
    return refused(problem)
