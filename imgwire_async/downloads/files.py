"""Writing a download to disk: in worker threads, in large blocks, and to a path atomically."""

from __future__ import annotations

import errno
import math
import os
import stat
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias, cast
from uuid import uuid4

import anyio

from imgwire_async.core.concurrency.descriptors import while_lacking
from imgwire_async.core.concurrency.loops import PerRun
from imgwire_async.core.concurrency.threads import ExclusiveThread
from imgwire_async.core.pace.local_limits import most_at_once
from imgwire_async.core.values.pickles import reads_older_pickles
from imgwire_async.downloads.file_objects import FileSink, OutputFile, target_error
from imgwire_async.errors import DownloadTargetError, InvalidArgumentError

PathTarget: TypeAlias = "str | os.PathLike[str]"
"""A path to write to."""

_FOLDERS_CANNOT_BE_SYNCED: Final = frozenset(
    {errno.EACCES, errno.EBADF, errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM}
)


@reads_older_pickles
@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadedFile:
    """The result of a download."""

    path: Path | None
    """Path of the file, or None if it was written to a file object or a bucket."""
    size: int
    """Length in bytes."""
    content_type: str | None
    """MIME type as the host declared it, or None."""
    uri: str | None = None
    """URI of the object, or None if it was not written to a bucket."""


@asynccontextmanager
async def atomic_file(
    path: PathTarget, *, overwrite: bool, name: Callable[[], str] = lambda: "download"
) -> AsyncGenerator[tuple[FileSink, AtomicFile], None]:
    """Yield a sink whose file appears at `path` if the block succeeds, and leaves no trace otherwise.

    Args:
        path: the file; for a folder, or text that ends with a slash, a file in it. A missing folder is
            created.
        overwrite: whether to replace an existing file. Its permissions are kept.
        name: returns the name of the file in a folder; called when the first bytes have arrived.

    Raises:
        InvalidArgumentError: the path is empty.
        DownloadTargetError: the file cannot be written, or exists and must not be overwritten.
    """
    thread = ExclusiveThread()
    output = AtomicFile(path_text(path), name, overwrite=overwrite)
    async with place_for_file():
        try:
            opened = await while_lacking(lambda: thread.run(output.open))
            sink = FileSink(OutputFile(opened, repr(output.name), thread, before=output.settle))
            yield sink, output
            await sink.flush()
            await while_lacking(lambda: thread.run(output.publish))
        finally:
            await thread.end(output.discard)


@asynccontextmanager
async def place_for_file() -> AsyncGenerator[None, None]:
    """Wait until the process has a file descriptor for one more download, in addition to its connection."""
    places, borrower = _places.get(), object()
    await places.acquire_on_behalf_of(borrower)
    try:
        yield
    finally:
        places.release_on_behalf_of(borrower)


_places = PerRun(lambda: anyio.CapacityLimiter(most_at_once() or math.inf))


def path_text(path: PathTarget) -> str:
    """A path as text.

    Raises:
        InvalidArgumentError: it is none.
    """
    try:
        return os.fsdecode(path)
    except TypeError as error:
        raise InvalidArgumentError(f"to= must be a path: {error}") from error


def check_folder(path: str) -> None:
    """Check that a file can be written into a folder, which need not exist. Blocks.

    Raises:
        DownloadTargetError: it cannot.
    """
    file = AtomicFile(path if path.endswith(("/", os.sep)) else path + os.sep, str, overwrite=False)
    try:
        file.open()
    finally:
        file.discard()


class AtomicFile:
    """A temporary file beside its target."""

    def __init__(self, name: str, choose: Callable[[], str], *, overwrite: bool) -> None:
        self.name = name
        self._choose = choose
        self._overwrite = overwrite
        self._file: BinaryIO | None = None
        self._made: list[Path] = []
        self._folder: Path | None = None
        self._replaced: os.stat_result | None = None
        self._settled = False
        self._is_published = False

    def open(self) -> BinaryIO:
        """Make the temporary file."""
        if not self.name:
            raise InvalidArgumentError("to= is an empty path")
        try:
            # A link stays, and what it points to is replaced.
            self.target = Path(os.path.realpath(self.name))
            if self.name.endswith(("/", os.sep)) or self.target.is_dir():
                self._folder = self.target
                make_folders(self._folder, self._made)
                self.target = self._folder / "download"
            else:
                self._check_target()
            self._temporary = temporary_beside(self.target)
            self._file = cast(BinaryIO, self._temporary.open("xb", buffering=0))
            self._usual_mode = stat.S_IMODE(self._temporary.stat().st_mode)
            if self._overwrite:
                # The replaced file may be readable by its owner only.
                self._temporary.chmod(0o600)
        except (OSError, ValueError) as error:
            raise target_error(repr(self.name), error) from error
        if self._folder is None:
            self._settled = True
        return self._file

    def settle(self) -> None:
        """Set the name of the file in a folder, now that it is known.

        Raises:
            DownloadTargetError: the file exists and must not be overwritten.
        """
        if self._settled or self._folder is None:
            return
        self._settled = True
        self.target = self._folder / self._choose()
        try:
            self._check_target()
        except (OSError, ValueError) as error:
            raise target_error(repr(str(self.target)), error) from error

    def _check_target(self) -> None:
        try:
            found = self.target.lstat()
        except FileNotFoundError:
            return
        shown = self.name if self._folder is None else str(self.target)
        if self._folder is not None and stat.S_ISLNK(found.st_mode):
            # The caller did not choose this name, so a link is not followed.
            raise DownloadTargetError(f"cannot write {shown!r}: it exists and is a link", errno=errno.EEXIST)
        if not stat.S_ISREG(found.st_mode):
            raise DownloadTargetError(
                f"cannot write {shown!r}: it exists and is not a regular file", errno=errno.EEXIST
            )
        if not self._overwrite:
            raise _exists(shown)
        self._replaced = found

    def publish(self) -> None:
        """Sync the file to disk, then move it into place."""
        assert self._file is not None  # noqa: S101 - it was opened
        self.settle()
        shown = self.name if self._folder is None else str(self.target)
        try:
            if self._is_published:  # before a lack of descriptors
                sync_folder(self.target.parent)
                return
            if self._replaced is not None:
                take_over(self._replaced, self._temporary)
            elif self._overwrite:
                self._temporary.chmod(self._usual_mode)
            os.fsync(self._file.fileno())
            self._file.close()
            place(self._temporary, self.target, overwrite=self._overwrite)
            self._made.clear()
            self._is_published = True
            sync_folder(self.target.parent)
        except FileExistsError:
            raise _exists(shown) from None
        except OSError as error:
            raise target_error(repr(shown), error) from error

    def discard(self) -> None:
        """Remove what has not been published."""
        if self._file is not None:
            # The original error counts, not this one.
            with suppress(OSError):
                self._file.close()
            with suppress(OSError):
                self._temporary.unlink(missing_ok=True)
        for folder in reversed(self._made):
            with suppress(OSError):
                folder.rmdir()


def take_over(replaced: os.stat_result, file: Path) -> None:
    """Give `file` the permissions, and if possible the owner, of the file that it replaces."""
    if os.name == "nt":
        return
    if (replaced.st_uid, replaced.st_gid) != (os.geteuid(), os.getegid()):
        with suppress(OSError):  # only a superuser may change the owner of a file
            os.chown(file, replaced.st_uid, replaced.st_gid)
    file.chmod(stat.S_IMODE(replaced.st_mode))


def temporary_beside(target: Path) -> Path:
    """An unused name on the same file system."""
    return target.with_name(f".download-{uuid4().hex}.part")


def place(source: Path, target: Path, *, overwrite: bool) -> None:
    """Move a file atomically within its file system.

    Raises:
        FileExistsError: the target exists and must not be overwritten.
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


def make_folders(folder: Path, made: list[Path]) -> None:
    """Create a folder and its parents, and append those created to `made`, the outermost first."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir()
        made.append(path)


def sync_folder(folder: Path) -> None:
    """Sync the entries of a folder to disk, if the system supports it."""
    if os.name == "nt":
        return  # folders cannot be opened there
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _FOLDERS_CANNOT_BE_SYNCED:
            raise


def _exists(name: str) -> DownloadTargetError:
    problem = f"cannot write {name!r}: the file already exists; pass overwrite=True to replace it"
    return DownloadTargetError(problem, errno=errno.EEXIST)
