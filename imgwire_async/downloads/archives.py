"""Extracting an archive of images: either all of its files or none.

Archives are not trusted. Names that lead out of the folder, links, and archives that unpack to far more than
they should are rejected, and a rejected archive leaves no file behind. Names that are merely not portable, or
that occur twice, come from the people who uploaded the images; their files are renamed.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final, Self, cast

from anyio import from_thread

from imgwire_async.core.concurrency.threads import ExclusiveThread
from imgwire_async.core.pace.local_limits import patiently
from imgwire_async.downloads.archive_limits import MEBIBYTE, ArchiveLimits
from imgwire_async.downloads.file_objects import FileSink, OutputFile, target_error
from imgwire_async.downloads.files import (
    PathTarget,
    make_folders,
    path_text,
    place,
    place_for_file,
    take_over,
    temporary_beside,
)
from imgwire_async.downloads.names import Places
from imgwire_async.downloads.zip_directory import TooManyFilesError, count_entries
from imgwire_async.errors import ArchiveError, DownloadTargetError

HARMLESS: Final = 100 * MEBIBYTE
"""An archive may unpack to this many bytes whatever its own size: drawings compress very well."""

_BLOCK = MEBIBYTE
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # others may ask for gigabytes of memory
# What zipfile raises for invalid data; `OSError` is for offsets before the start of the file.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError, struct.error)

_DRIVE = re.compile(r"[A-Za-z]:(?:[/\\]|$)")  # others, such as a:b.jpg, are names on most systems


@dataclass(frozen=True, slots=True)
class RenamedFile:
    """A file of an archive that had to be renamed."""

    entry: str
    """Its name in the archive."""
    path: Path
    """Where it is."""


class ExtractedFiles(list[Path]):
    """The extracted files, in archive order."""

    renamed: tuple[RenamedFile, ...] = ()
    """Files that were renamed, because some file system would reject the name or confuse it with another
    one."""


class Extraction:
    """Extracts an archive into a folder, through a hidden folder inside it."""

    def __init__(self, folder: PathTarget, limits: ArchiveLimits, overwrite: bool) -> None:
        self._name = path_text(folder)
        self._limits = limits
        self._overwrite = overwrite
        self._made: list[Path] = []
        self._archive: BinaryIO | None = None
        self._staging: Path | None = None
        self._given_up = False

    def start(self) -> BinaryIO:
        """Create the folder and, in it, the file for the archive, which is returned."""
        try:
            self._folder = Path(self._name).resolve()
            self._staging = temporary_beside(self._folder / "images")
            make_folders(self._folder, self._made)
            self._staging.mkdir(mode=0o700)  # replaced files may be readable by their owner only
            self._archive = cast(BinaryIO, patiently(partial((self._staging / "archive").open, "xb+")))
        except (OSError, ValueError) as error:
            raise target_error(repr(self._name), error) from error
        return self._archive

    def extract(self) -> ExtractedFiles:
        """Unpack the archive, which must be complete, and move its files into place.

        Large archives take a while, so call this in a thread of anyio, where it ends early if the calling
        task is cancelled.

        Returns:
            The files, in the order of the archive.

        Raises:
            ArchiveError: the archive is damaged, or not safe.
            DownloadTargetError: the folder cannot be written, or contains a file that must not be
                overwritten.
        """
        assert self._staging is not None  # noqa: S101 - it was started
        assert self._archive is not None  # noqa: S101
        unpacked = self._staging / "files"
        try:
            files = self._unpack(self._archive, unpacked)
        except _DAMAGE as error:
            raise ArchiveError(f"the archive is damaged: {error}") from error
        extracted = ExtractedFiles(self._publish(unpacked, [file.place for file in files]))
        extracted.renamed = tuple(
            RenamedFile(file.entry.orig_filename, path)
            for file, path in zip(files, extracted, strict=True)
            if file.is_renamed
        )
        return extracted

    def give_up(self) -> None:
        """Make a running `extract` end early, in whatever thread it runs."""
        self._given_up = True

    def discard(self) -> None:
        """Remove files that were not moved into place, and folders that turned out to be unnecessary."""
        if self._archive is not None:
            with suppress(OSError):  # closing tries to write buffered data again
                self._archive.close()
        if self._staging is not None:
            shutil.rmtree(self._staging, ignore_errors=True)
        for folder in reversed(self._made):
            try:
                folder.rmdir()
            except OSError:
                return  # no longer empty: it holds what was extracted

    def _check_wanted(self) -> None:
        from_thread.check_cancelled()
        if self._given_up:
            raise RuntimeError("the task that requested this has ended")

    def _unpack(self, file: BinaryIO, folder: Path) -> list[_File]:
        size = file.seek(0, os.SEEK_END)
        try:
            count = count_entries(file, self._limits.max_files)
        except TooManyFilesError:
            raise ArchiveError(f"the archive contains more than {self._limits.max_files} files") from None
        with zipfile.ZipFile(file) as archive:
            if len(archive.infolist()) != count:
                raise zipfile.BadZipFile("its list of entries is ambiguous")
            files = _files_in(archive)
            _check_total(sum(file.entry.file_size for file in files), size, self._limits)
            total = 0
            for each in files:
                path = folder.joinpath(*each.place.parts)
                _make_place(path)
                with archive.open(each.entry) as source, _NewFile(path) as target:
                    while block := source.read(_BLOCK):
                        self._check_wanted()
                        # What the archive says about itself may be wrong.
                        total += len(block)
                        _check_total(total, size, self._limits)
                        target.write(block)
        return files

    def _publish(self, unpacked: Path, names: list[PurePosixPath]) -> list[Path]:
        targets = [self._folder.joinpath(*name.parts) for name in names]
        for target in targets:
            self._check_target(target)
        changes = _Changes(unpacked.with_name("replaced"))
        try:
            for name, target in zip(names, targets, strict=True):
                self._check_wanted()
                changes.make_folders(target.parent)
                changes.place(unpacked.joinpath(*name.parts), target, overwrite=self._overwrite)
        except OSError as error:
            changes.take_back()
            raise target_error(repr(self._name), error) from error
        except BaseException:
            changes.take_back()
            raise
        return targets

    def _check_target(self, target: Path) -> None:
        for parent in target.relative_to(self._folder).parents:
            if (self._folder / parent).is_symlink() and parent.parts:
                raise DownloadTargetError(
                    f"cannot extract into {self._name!r}: {str(parent)!r} is a link that points elsewhere"
                )
        if os.path.lexists(target) and not (self._overwrite and target.is_file()):
            raise DownloadTargetError(
                f"cannot extract into {self._name!r}: {target.name!r} exists; pass overwrite=True to replace "
                "files"
            )


@asynccontextmanager
async def extraction(
    folder: PathTarget, limits: ArchiveLimits, *, overwrite: bool
) -> AsyncGenerator[tuple[FileSink, Callable[[], Awaitable[ExtractedFiles]]], None]:
    """Yield a sink for an archive, and a function that extracts it once it is complete.

    Only the images remain.

    Raises:
        DownloadTargetError: the folder cannot be written.
    """
    thread = ExclusiveThread()
    work = Extraction(folder, limits, overwrite)
    async with place_for_file():
        try:
            file = OutputFile(await thread.run(work.start), repr(path_text(folder)), thread)
            yield FileSink(file), lambda: thread.run(work.extract)
        finally:
            work.give_up()
            await thread.end(work.discard)


@dataclass(frozen=True, slots=True)
class _File:
    entry: zipfile.ZipInfo
    place: PurePosixPath
    """The path of an entry, relative to the folder."""
    is_renamed: bool


def _files_in(archive: zipfile.ZipFile) -> list[_File]:
    """What is to be extracted.

    Raises:
        ArchiveError: an entry is not safe.
    """
    places = Places()
    files = []
    for entry in archive.infolist():
        parts = _checked_parts(entry)
        if entry.orig_filename.endswith(("/", "\\")) and not entry.file_size:
            continue  # a folder; folders are made for the files in them
        place = places.claim(parts)
        files.append(_File(entry, PurePosixPath(*place), is_renamed=list(place) != parts))
    return files


def _checked_parts(entry: zipfile.ZipInfo) -> list[str]:
    """The path of an entry. zipfile normalises names, which would hide invalid ones."""
    raw = entry.orig_filename
    parts = [part for part in re.split(r"[/\\]", raw.rstrip("/\\")) if part != "."]
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if not parts or "" in parts or _DRIVE.match(raw):
        problem = "its name is empty or absolute, or names a drive"
    elif ".." in parts:
        problem = "its name points outside the folder"
    elif kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        problem = "it is a link or a special file"
    elif entry.flag_bits & 1:
        problem = "it is encrypted"
    elif entry.compress_type not in _METHODS:
        problem = f"it is compressed by method {entry.compress_type}"
    else:
        return parts
    raise ArchiveError(f"the archive contains {raw!r:.200}, which is rejected: {problem}", entry=raw)


def _check_total(unpacked: int, packed: int, limits: ArchiveLimits) -> None:
    if unpacked > limits.max_bytes:
        raise ArchiveError(f"the archive contains more than {limits.max_bytes} bytes")
    if unpacked > HARMLESS and unpacked > packed * limits.max_ratio:
        raise ArchiveError(
            f"the archive of {packed} bytes unpacks to more than {limits.max_ratio:g} times its size"
        )


def _make_place(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise target_error(repr(path.name), error) from error


class _NewFile:
    """A file that is written once. Its errors, including on closing, are not errors of the archive."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        with self._typed():
            self._file = patiently(lambda: self._path.open("xb", buffering=0))
        return self

    def write(self, block: bytes) -> None:
        with self._typed():
            rest = memoryview(block)
            while rest:
                rest = rest[self._file.write(rest) :]

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            with suppress(OSError):  # if both fail, the first error counts
                self._file.close()
            return
        with self._typed():
            self._file.close()

    @contextmanager
    def _typed(self) -> Generator[None, None, None]:
        try:
            yield
        except OSError as error:
            raise target_error(repr(self._path.name), error) from error


class _Changes:
    """A record of changes to a folder, so that they can be undone."""

    def __init__(self, replaced: Path) -> None:
        self._replaced = replaced
        self._files: list[tuple[Path, Path | None]] = []
        self._folders: list[Path] = []

    def make_folders(self, folder: Path) -> None:
        make_folders(folder, self._folders)

    def place(self, source: Path, target: Path, *, overwrite: bool) -> None:
        former = self._keep(target) if overwrite and os.path.lexists(target) else None
        if former is not None:
            self._files.append((target, former))
            take_over(target.stat(), source)
        place(source, target, overwrite=overwrite)
        if former is None:
            self._files.append((target, None))

    def _keep(self, target: Path) -> Path:
        self._replaced.mkdir(exist_ok=True)
        former = self._replaced / str(len(self._files))
        try:
            os.link(target, former, follow_symlinks=False)
        except OSError:  # no hard links on this file system
            shutil.copy2(target, former, follow_symlinks=False)
        return former

    def take_back(self) -> None:
        for target, former in reversed(self._files):
            # Restore each of them, even if another one cannot be restored.
            with suppress(OSError):
                if former is None:
                    target.unlink(missing_ok=True)
                else:
                    former.replace(target)
        for folder in reversed(self._folders):
            with suppress(OSError):
                folder.rmdir()
