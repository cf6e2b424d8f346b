"""Writing a download to disk: in worker threads, in large blocks, and to a path all or nothing."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias, cast
from uuid import uuid4

from imgwire_async.core.threads import ExclusiveThread
from imgwire_async.errors import DownloadTargetError, InvalidArgumentError

BLOCK_SIZE: Final = 1024 * 1024
"""Bytes that are collected before a thread writes them, and so about what one download holds in memory."""

PathTarget: TypeAlias = "str | os.PathLike[str]"
"""A path to write to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadedFile:
    """What a download has written."""

    path: Path | None
    """Where it is, or None when it went into a file object."""
    size: int
    """Length in bytes."""
    content_type: str | None
    """MIME type as the host declared it, or None."""


class FileSink:
    """Writes to a binary file that somebody else closes.

    Args:
        file: the file, positioned where the download begins.
        name: what errors call it.
        thread: where it is used.
    """

    def __init__(self, file: BinaryIO, name: str, thread: ExclusiveThread) -> None:
        self._file = file
        self._name = name
        self._thread = thread
        self._start: int | None = None
        self._opened = False
        self._waiting: list[bytes] = []
        self._size = 0

    async def write(self, chunk: bytes) -> None:
        """Take some bytes, and write them once there are enough for a block."""
        self._waiting.append(chunk)
        self._size += len(chunk)
        if self._size >= BLOCK_SIZE:
            await self.flush()

    async def flush(self) -> None:
        """Write what has been collected.

        Raises:
            DownloadTargetError: the file does not take it.
        """
        chunks, self._waiting, self._size = self._waiting, [], 0
        await self._thread.run(lambda: self._write(chunks))

    async def restart(self) -> bool:
        """Cut the file back to where the download began; False when it cannot be cut."""
        self._waiting, self._size = [], 0
        return await self._thread.run(self._cut_back)

    def _write(self, chunks: list[bytes]) -> None:
        try:
            self._note_start()
            write_all(self._file, b"".join(chunks))
            self._file.flush()
        except OSError as error:
            raise target_error(self._name, error) from error

    def _cut_back(self) -> bool:
        try:
            self._note_start()
            if self._start is None:
                return False
            self._file.seek(self._start)
            self._file.truncate()
        except OSError as error:
            raise target_error(self._name, error) from error
        return True

    def _note_start(self) -> None:
        if not self._opened:
            self._opened = True
            self._start = self._file.tell() if self._file.seekable() else None


@asynccontextmanager
async def atomic_file(path: PathTarget, *, overwrite: bool) -> AsyncGenerator[tuple[FileSink, Path], None]:
    """A sink whose file appears at `path` when the block has ended well, and leaves no trace otherwise.

    Raises:
        DownloadTargetError: the file cannot be written, or exists and must not be overwritten.
    """
    thread = ExclusiveThread()
    output = _AtomicFile(os.fsdecode(path), overwrite)
    try:
        sink = FileSink(await thread.run(output.open), repr(output.name), thread)
        yield sink, output.target
        await sink.flush()
        await thread.run(output.publish)
    finally:
        await thread.end(output.discard)


class _AtomicFile:
    """A temporary file beside the target."""

    def __init__(self, name: str, overwrite: bool) -> None:
        self.name = name
        self._overwrite = overwrite
        self._file: BinaryIO | None = None

    def open(self) -> BinaryIO:
        """Make the temporary file."""
        try:
            # A link stays, and what it points to is replaced.
            self.target = Path(os.path.realpath(self.name))
            self._check_target()
            self._temporary = temporary_beside(self.target)
            self._file = cast(BinaryIO, self._temporary.open("xb", buffering=0))
        except (OSError, ValueError) as error:
            raise target_error(repr(self.name), error) from error
        return self._file

    def _check_target(self) -> None:
        try:
            mode = self.target.lstat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISREG(mode):
            raise DownloadTargetError(f"cannot write {self.name!r}: it exists and is not a regular file")
        if not self._overwrite:
            raise _exists(self.name)

    def publish(self) -> None:
        """Put the file in its place, after the disk has it."""
        assert self._file is not None  # noqa: S101 - it was opened
        try:
            os.fsync(self._file.fileno())
            self._file.close()
            place(self._temporary, self.target, overwrite=self._overwrite)
            _sync_folder(self.target.parent)
        except FileExistsError:
            raise _exists(self.name) from None
        except OSError as error:
            raise target_error(repr(self.name), error) from error

    def discard(self) -> None:
        """Remove what has not been published."""
        if self._file is not None:
            self._file.close()
            self._temporary.unlink(missing_ok=True)


def write_all(file: BinaryIO, data: bytes) -> None:
    """Write all of `data`, also to a raw file, which may take a part of it at a time.

    Raises:
        OSError: the file takes no more.
    """
    rest = memoryview(data)
    while rest:
        written = file.write(rest)
        if not written:
            raise BlockingIOError("the file takes no more bytes")
        rest = rest[written:]


def temporary_beside(target: Path) -> Path:
    """A name on the same file system that nobody else uses."""
    return target.with_name(f".imgwire-{uuid4().hex}.part")


def place(source: Path, target: Path, *, overwrite: bool) -> None:
    """Move a file within its file system, in one step.

    Raises:
        FileExistsError: there is a target, and it must not be overwritten.
        OSError: the move failed.
    """
    if overwrite:
        source.replace(target)
        return
    try:
        target.hardlink_to(source)  # unlike a rename, never replaces anything
    except FileExistsError:
        raise
    except OSError:  # no hard links on this file system
        if os.path.lexists(target):
            raise FileExistsError(str(target)) from None
        source.replace(target)
    else:
        source.unlink()


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # folders cannot be opened there
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_file(file: object) -> BinaryIO:
    """`file` itself when it can be written bytes to.

    Raises:
        InvalidArgumentError: it cannot.
    """
    if isinstance(file, io.TextIOBase):
        problem = "to= is a file in text mode; open it in binary mode ('wb')"
    elif not callable(getattr(file, "write", None)):
        problem = f"to= must be a path or a binary file, got {type(file).__name__}"
    elif getattr(file, "closed", False):
        problem = "to= is a closed file"
    elif isinstance(file, io.IOBase) and not file.writable():
        problem = "to= is a file that was opened for reading only"
    else:
        return cast(BinaryIO, file)
    raise InvalidArgumentError(problem)


def target_error(name: str, error: OSError | ValueError) -> DownloadTargetError:
    """The error for a target that the operating system refuses."""
    number = error.errno if isinstance(error, OSError) else None
    reason = getattr(error, "strerror", None) or str(error)
    return DownloadTargetError(f"cannot write {name}: {reason}", errno=number)


def _exists(name: str) -> DownloadTargetError:
    return DownloadTargetError(f"cannot write {name!r}: it exists; overwrite=True replaces it")
