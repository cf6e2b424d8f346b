"""Extracting an archive of images: everything that is in it and nothing besides, or nothing at all.

An archive is not trusted. Names that lead elsewhere, links, devices and archives that unpack to far more than
they should are refused, and a refused archive leaves no file behind.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final, cast

from anyio import from_thread

from imgwire_async.core.threads import ExclusiveThread
from imgwire_async.downloads.files import FileSink, PathTarget, place, target_error, temporary_beside
from imgwire_async.errors import ArchiveError, DownloadTargetError

MEBIBYTE: Final = 1024 * 1024

HARMLESS: Final = 100 * MEBIBYTE
"""Up to so many bytes an archive may unpack to whatever its own size: drawings compress very well."""

_BLOCK = MEBIBYTE
_DIRECTORY_BYTES_PER_FILE = 512  # 46, a name, and fields of the program that made the archive
_LEAST_DIRECTORY_BYTES = 65_536
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # others may ask for gigabytes of memory
# What zipfile raises for nonsense; `OSError` is for places before the beginning of the file.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError, struct.error)

_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])[ .]*(\..*)?", re.IGNORECASE)
_NOT_ON_WINDOWS = re.compile(r'[<>:"|?*]|[. ]$')


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """How much an archive may hold before it is refused.

    Raises:
        ValueError: a number is not positive.
    """

    max_files: int = 100_000
    max_bytes: int = 32 * 1024 * MEBIBYTE
    """All files together, unpacked, in bytes."""
    max_ratio: float = 100.0
    """Unpacked bytes for each byte of the archive. Not looked at up to 100 MiB in all."""

    def __post_init__(self) -> None:
        for name in ("max_files", "max_bytes", "max_ratio"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")


class Extraction:
    """An archive on its way into a folder, by way of a hidden folder inside of it."""

    def __init__(self, folder: PathTarget, limits: ArchiveLimits, overwrite: bool) -> None:
        self._name = os.fsdecode(folder)
        self._limits = limits
        self._overwrite = overwrite
        self._made: list[Path] = []
        self._archive: BinaryIO | None = None
        self._staging: Path | None = None
        self._given_up = False

    def start(self) -> BinaryIO:
        """Make the folder and, in it, the file for the archive, which is returned."""
        try:
            self._folder = Path(self._name).resolve()
            self._staging = temporary_beside(self._folder / "images")
            self._made = _make_folders(self._folder)
            self._staging.mkdir()
            self._archive = cast(BinaryIO, (self._staging / "archive").open("xb+"))
        except (OSError, ValueError) as error:
            raise target_error(repr(self._name), error) from error
        return self._archive

    def extract(self) -> list[Path]:
        """Unpack the archive, which has been written by now, and move its files to their places.

        Takes as long as the archive is large, so call it in a thread of anyio's; there it ends early when
        the calling task is cancelled.

        Returns:
            The files, in the order of the archive.

        Raises:
            ArchiveError: the archive is damaged, or not safe.
            DownloadTargetError: the folder cannot be written, or has a file that must not be overwritten.
        """
        assert self._staging is not None  # noqa: S101 - it was started
        assert self._archive is not None  # noqa: S101
        unpacked = self._staging / "files"
        try:
            names = self._unpack(self._archive, unpacked)
        except _DAMAGE as error:
            raise ArchiveError(f"the archive is damaged: {error}") from error
        return self._publish(unpacked, names)

    def give_up(self) -> None:
        """Let `extract` end early, in whatever thread it still runs."""
        self._given_up = True

    def discard(self) -> None:
        """Remove what is not in its place, and the folders that were made for nothing."""
        if self._archive is not None:
            self._archive.close()
        if self._staging is not None:
            shutil.rmtree(self._staging, ignore_errors=True)
        for folder in self._made:
            try:
                folder.rmdir()
            except OSError:
                return  # no longer empty: it holds what was extracted

    def _check_wanted(self) -> None:
        from_thread.check_cancelled()
        if self._given_up:
            raise RuntimeError("the task that wanted this has gone")

    def _unpack(self, file: BinaryIO, folder: Path) -> list[PurePosixPath]:
        size = file.seek(0, os.SEEK_END)
        _check_directory(file, size, self._limits)
        with zipfile.ZipFile(file) as archive:
            entries = [(_checked_name(entry), entry) for entry in archive.infolist()]
            files = [(name, entry) for name, entry in entries if not entry.is_dir()]
            _check_total(sum(entry.file_size for _, entry in files), size, self._limits)
            if len(files) > self._limits.max_files:
                raise ArchiveError(f"the archive holds more than {self._limits.max_files} files")
            total = 0
            for name, entry in files:
                path = folder.joinpath(*name.parts)
                _make_place(path, entry)
                with archive.open(entry) as source, _new_file(path) as target:
                    while block := source.read(_BLOCK):
                        self._check_wanted()
                        # What the archive says about itself may be wrong.
                        total += len(block)
                        _check_total(total, size, self._limits)
                        _write(target, block, name)
        return [name for name, _ in files]

    def _publish(self, unpacked: Path, names: list[PurePosixPath]) -> list[Path]:
        targets = [self._folder.joinpath(*name.parts) for name in names]
        for target in targets:
            self._check_target(target)
        added: list[Path] = []
        made: list[Path] = []
        try:
            for name, target in zip(names, targets, strict=True):
                self._check_wanted()
                made += _make_folders(target.parent)
                place(unpacked.joinpath(*name.parts), target, overwrite=self._overwrite)
                if not self._overwrite:
                    added.append(target)
        except OSError as error:
            _take_back(added, made)
            raise target_error(repr(self._name), error) from error
        except BaseException:
            _take_back(added, made)
            raise
        return targets

    def _check_target(self, target: Path) -> None:
        for parent in target.relative_to(self._folder).parents:
            if (self._folder / parent).is_symlink() and parent.parts:
                raise DownloadTargetError(
                    f"cannot extract into {self._name!r}: {str(parent)!r} is a link that leads elsewhere"
                )
        if os.path.lexists(target) and not (self._overwrite and target.is_file()):
            raise DownloadTargetError(
                f"cannot extract into {self._name!r}: {target.name!r} exists; pass overwrite=True to replace "
                "files"
            )


@asynccontextmanager
async def extraction(
    folder: PathTarget, limits: ArchiveLimits, *, overwrite: bool
) -> AsyncGenerator[tuple[FileSink, Callable[[], Awaitable[list[Path]]]], None]:
    """A sink for an archive, and what extracts it once it is complete. Nothing but the images remains.

    Raises:
        DownloadTargetError: the folder cannot be written.
    """
    thread = ExclusiveThread()
    work = Extraction(folder, limits, overwrite)
    try:
        sink = FileSink(await thread.run(work.start), repr(os.fsdecode(folder)), thread)
        yield sink, lambda: thread.run(work.extract)
    finally:
        work.give_up()
        await thread.end(work.discard)


def _checked_name(entry: zipfile.ZipInfo) -> PurePosixPath:
    """Where an entry goes, relative to the folder; zipfile's own reading of a name hides what is wrong."""
    raw = entry.orig_filename
    parts = [part for part in re.split(r"[/\\]", raw.rstrip("/\\")) if part != "."]
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if not parts or "" in parts or _DRIVE.match(raw):
        problem = "its name is empty or absolute, or names a drive"
    elif ".." in parts:
        problem = "its name leads out of the folder"
    elif _CONTROL.search(raw):
        problem = "its name holds control characters"
    elif any(_DEVICES.fullmatch(part) for part in parts):
        problem = "its name is that of a device"
    elif os.name == "nt" and any(_NOT_ON_WINDOWS.search(part) for part in parts):
        problem = "its name is not possible on Windows"
    elif kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        problem = "it is a link or a special file"
    elif entry.flag_bits & 1:
        problem = "it is encrypted"
    elif entry.compress_type not in _METHODS:
        problem = f"it is compressed by method {entry.compress_type}"
    else:
        return PurePosixPath(*parts)
    raise ArchiveError(f"the archive holds {raw!r:.200}, which is refused: {problem}", entry=raw)


def _check_total(unpacked: int, packed: int, limits: ArchiveLimits) -> None:
    if unpacked > limits.max_bytes:
        raise ArchiveError(f"the archive holds more than {limits.max_bytes} bytes")
    if unpacked > HARMLESS and unpacked > packed * limits.max_ratio:
        raise ArchiveError(
            f"the archive of {packed} bytes unpacks to more than {limits.max_ratio:g} times its size"
        )


def _check_directory(file: BinaryIO, size: int, limits: ArchiveLimits) -> None:
    """Refuse a list of entries that would fill the memory, because zipfile reads it whole before counting."""
    allowed = max(_LEAST_DIRECTORY_BYTES, limits.max_files * _DIRECTORY_BYTES_PER_FILE)
    file.seek(max(0, size - 65_535 - 22 - 20 - 56))
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    sizes = [struct.unpack_from("<L", tail, end + 12)[0]] if 0 <= end <= len(tail) - 22 else []
    if end >= 76 and tail[end - 76 :].startswith(b"PK\x06\x06"):
        sizes = [struct.unpack_from("<Q", tail, end - 76 + 40)[0]]  # ZIP64
    if any(claimed > allowed for claimed in sizes):
        raise ArchiveError(f"the archive holds more than {limits.max_files} files")


def _make_place(path: Path, entry: zipfile.ZipInfo) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise _clash(entry.filename) from None
    except OSError as error:
        raise target_error(repr(entry.filename), error) from error


def _new_file(path: Path) -> BinaryIO:
    try:
        return cast(BinaryIO, path.open("xb"))
    except FileExistsError:
        raise _clash(path.name) from None
    except OSError as error:
        raise target_error(repr(path.name), error) from error


def _write(target: BinaryIO, block: bytes, name: PurePosixPath) -> None:
    try:
        target.write(block)
        target.flush()  # here and not when it is closed, where it would look like damage
    except OSError as error:
        raise target_error(repr(str(name)), error) from error


def _clash(name: str) -> ArchiveError:
    return ArchiveError(f"the archive holds {name!r:.200} twice, or as a file and as a folder", entry=name)


def _make_folders(folder: Path) -> list[Path]:
    """Make a folder and those above it; returns what was made, the innermost first."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir()
    return missing


def _take_back(files: list[Path], folders: list[Path]) -> None:
    for path in reversed(files):
        path.unlink(missing_ok=True)
    for path in sorted(folders, key=lambda folder: -len(folder.parts)):
        if not any(path.iterdir()):
            path.rmdir()
