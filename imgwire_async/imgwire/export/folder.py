"""A local folder as the target of an export: files appear complete, and replace others only on request."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

from imgwire_async.core.concurrency.descriptors import while_lacking
from imgwire_async.core.concurrency.threads import in_thread
from imgwire_async.downloads.file_objects import BLOCK_SIZE, target_error
from imgwire_async.downloads.files import make_folders, place, sync_folder
from imgwire_async.downloads.spool import Spool
from imgwire_async.errors import DownloadTargetError
from imgwire_async.imgwire.export.records import COLUMNS, row_as_text
from imgwire_async.ingest.results.outputs import write_table, write_text

STAGING: Final = ".imgwire-export-"
"""Prefix of the job's folder for incomplete files. Names of exported files never start with a dot."""


class FolderTarget:
    """Writes below one folder. See `imgwire_async.imgwire.export.targets.Target`.

    Args:
        folder: the folder; created if it does not exist.
        mark: identifies the job, which may run only once at a time.
        overwrite: whether to replace files that exist.
    """

    is_local = True

    def __init__(self, folder: str, mark: str, *, overwrite: bool) -> None:
        self._root = Path(os.path.abspath(folder))  # noqa: PTH100 - keeps symbolic links
        self._staging = self._root / f"{STAGING}{mark}"
        self._overwrite = overwrite
        self.name = str(self._root)

    def spool(self) -> Spool:
        """Where a file is received: on the same file system as the target."""
        return Spool(self._staging)

    def location(self, path: str) -> str:
        """The full path of a file."""
        return str(self._root.joinpath(*path.split("/")))

    async def begin(self) -> None:
        """Create the folder, and remove incomplete files of a killed run.

        Raises:
            DownloadTargetError: the folder cannot be created.
        """
        await in_thread(self._begin)

    def _begin(self) -> None:
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(self._staging, ignore_errors=True)
        except OSError as error:
            raise target_error(repr(self.name), error) from error

    async def end(self) -> None:
        """Remove incomplete files."""
        await in_thread(lambda: shutil.rmtree(self._staging, ignore_errors=True))

    async def exists(self, path: str) -> bool:
        """Whether anything with this name exists."""
        return await in_thread(lambda: os.path.lexists(self.location(path)))

    async def holds(self, path: str, size: int, sha256: bytes) -> bool:
        """Whether there is a file with this content."""
        file = Path(self.location(path))
        with suppress(OSError):  # writing will report the error
            return await while_lacking(lambda: in_thread(lambda: _holds(file, size, sha256)))
        return False

    async def put(self, path: str, spool: Spool) -> None:
        """Move a complete file into place, after it has been synced to disk.

        Raises:
            DownloadTargetError: it cannot be written, or (`errno` is `EEXIST`) the name is taken.
        """
        content = await spool.content()
        target, made = Path(self.location(path)), list[Path]()
        temporary = content if isinstance(content, Path) else self._staging / uuid4().hex
        is_placed = False

        def put() -> None:
            nonlocal is_placed
            if not is_placed:  # before a lack of descriptors
                self._place(target, content, temporary, made)
                is_placed = True
            sync_folder(target.parent)

        await while_lacking(lambda: in_thread(lambda: _typed(target, put)))

    def _place(self, target: Path, content: bytes | Path, temporary: Path, made: list[Path]) -> None:
        self._make_folder(target.parent, made)
        _check_no_link(target)
        if isinstance(content, bytes):
            self._staging.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(content)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        place(temporary, target, overwrite=self._overwrite)

    def _make_folder(self, folder: Path, made: list[Path]) -> None:
        with suppress(FileExistsError):  # created for another file at the same time
            make_folders(folder, made)
        for one in made:
            sync_folder(one.parent)
        # A link below the target must not lead outside it.
        root = os.path.realpath(self._root)
        if os.path.commonpath((root, os.path.realpath(folder))) != root:
            raise OSError(errno.EACCES, "a link leads out of the target")

    async def write_manifest(self, path: str, notes: Iterable[str]) -> None:
        """Write the manifest of these rows in one step.

        Raises:
            DownloadTargetError: it cannot be written.
        """
        await in_thread(lambda: self._write_manifest(path, notes))

    def _write_manifest(self, path: str, notes: Iterable[str]) -> None:
        target = Path(self.location(path))
        try:
            # A killed process leaves nothing next to the exported files.
            self._staging.mkdir(parents=True, exist_ok=True)
            temporary = self._staging / path
            write_rows(str(temporary), notes)
            temporary.replace(target)
            sync_folder(target.parent)
        except OSError as error:
            raise target_error(repr(str(target)), error) from error


def write_rows(path: str, notes: Iterable[str]) -> None:
    """Write a manifest, as JSON Lines or Parquet by its name. Blocks.

    Raises:
        OSError: it cannot be written; an existing one is then kept.
    """
    if path.endswith(".parquet"):
        write_table(path, COLUMNS, map(row_as_text, notes))
    else:
        write_text(path, notes)


def _typed(target: Path, put: Callable[[], None]) -> None:
    try:
        put()
    except FileExistsError:
        raise DownloadTargetError(
            f"cannot write {str(target)!r}: it exists and is another file; pass overwrite=True to "
            "replace files",
            errno=errno.EEXIST,
            operation="export",
        ) from None
    except (OSError, ValueError) as error:
        raise target_error(repr(str(target)), error) from error


def _check_no_link(target: Path) -> None:
    if target.is_symlink() or target.is_dir():
        raise FileExistsError(errno.EEXIST, "it is a link or a folder")


def _holds(file: Path, size: int, sha256: bytes) -> bool:
    digest = hashlib.sha256()
    if file.is_symlink() or not file.is_file() or file.stat().st_size != size:
        return False
    with file.open("rb", buffering=0) as opened:
        while chunk := opened.read(BLOCK_SIZE):
            digest.update(chunk)
    return digest.digest() == sha256
