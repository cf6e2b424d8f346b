"""Temporary files for sources that can be read only once, and what happens when there is no room for them."""

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
"""At most one: what all others would wait for while each holds a part of the room."""


class Spool:
    """Bytes in the order in which they came: a few in memory, more in a file without a name.

    Nothing is lost when a write fails: `write` keeps what it could not write, and `drain` tries again.
    """

    def __init__(self) -> None:
        self.file: BinaryIO | io.FileIO = io.BytesIO()
        """What to read from, once everything is written."""
        self._unwritten = memoryview(b"")

    def write(self, piece: bytes) -> None:
        """Add `piece`. If this fails, `drain` has to succeed before the next one."""
        self._unwritten = memoryview(piece)
        self.drain()

    def drain(self) -> None:
        """Write what is not written yet."""
        in_memory = isinstance(self.file, io.BytesIO) and self not in _in_memory
        if in_memory and self.file.tell() + len(self._unwritten) > CHUNK_SIZE:
            # Without a buffer, so that an error is that of the bytes at hand and closing writes nothing.
            on_disk = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by `discard`
            self.file.seek(0)
            self._unwritten = memoryview(self.file.read() + self._unwritten)
            self.file = on_disk
            _on_disk.add(self)
        while self._unwritten:
            self._unwritten = self._unwritten[self.file.write(self._unwritten) :]

    def move_to_memory(self) -> None:
        """Give the room in the folder back, and need none from now on."""
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
        with suppress(OSError):  # nobody needs the bytes any more
            self.file.close()

    async def patiently(
        self, thread: ExclusiveThread, work: Callable[[], None], again: Callable[[], None]
    ) -> None:
        """Call `work` in a thread, and `again` while this machine has no room or descriptor for it.

        A full folder is waited for as long as another upload of this process has a temporary file, because
        that will be given back. When they all wait for one another, one of them goes on in memory. A lack of
        descriptors is waited for up to a minute.

        Raises:
            UploadSourceError: the folder is full of what others keep there, or cannot be written to.
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
                        "other uploads to give their room back; set TMPDIR to a folder with more room"
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
            f"; the folder {tempfile.gettempdir()!r} is full: make room there, set TMPDIR to another folder, "
            "or pass a file, which needs none"
        )
    return refused(problem)
