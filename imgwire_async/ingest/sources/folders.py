"""The files below a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from imgwire_async.core.pace.local_limits import patiently
from imgwire_async.errors import UploadSourceError
from imgwire_async.ingest.items import Entry, IngestItem, Stamp, key_text
from imgwire_async.ingest.sources.own_files import OwnFiles


@dataclass(frozen=True, slots=True)
class Folder:
    """All files below a folder, except those that bulk jobs have written. Keys are paths in it, with `/`.

    A pattern without a slash, such as `*.jpg`, is compared with names, and one with a slash, such as
    `2024/*`, with paths in the folder; `*` also matches slashes. Excluded folders are not entered.
    """

    path: str | os.PathLike[str]
    include: tuple[str, ...] = ()
    """Only files that match one of these patterns; empty for all files."""
    exclude: tuple[str, ...] = ()
    """Skip files and folders that match one of these patterns."""
    hidden: bool = False
    """Whether to include files and folders whose names start with a dot."""
    follow_symlinks: bool = False
    """Whether to follow symbolic links. A folder that several links lead to is entered once, so loops end."""

    def entries(self, own: OwnFiles | None = None) -> Iterator[Entry]:
        """The files, in no particular order; of each folder, only the names of its subfolders are in memory.

        A folder that cannot be read yields an entry with a problem.

        Args:
            own: recognises the files that bulk jobs have written, which are left out.
        """
        own = own or OwnFiles()
        top = os.fsdecode(self.path)
        waiting = [(top, "")]
        entered = {_identity(top)} if self.follow_symlinks else set()
        while waiting:
            folder, prefix = waiting.pop()
            try:
                with patiently(partial(os.scandir, folder)) as found:
                    for one in found:
                        relative = prefix + one.name
                        if not self._wanted(one, relative):
                            continue
                        if one.is_dir(follow_symlinks=self.follow_symlinks):
                            if own.hold_all_in(one.path, one.name):
                                continue
                            if not self.follow_symlinks or _enter(one.path, entered):
                                waiting.append((one.path, f"{relative}/"))
                        elif self._included(one.name, relative) and not own.hold(one.path, one.name):
                            yield from self._entry(one, relative)
            except OSError as error:
                problem = UploadSourceError(f"cannot read the folder {folder!r}: {error.strerror or error}")
                yield Entry(key_text(prefix) or "./", None, problem)

    def _wanted(self, one: os.DirEntry[str], relative: str) -> bool:
        if not self.hidden and one.name.startswith("."):
            return False
        if not self.follow_symlinks and one.is_symlink():
            return False
        return not any(_fits(pattern, one.name, relative) for pattern in self.exclude)

    def _included(self, name: str, relative: str) -> bool:
        return not self.include or any(_fits(pattern, name, relative) for pattern in self.include)

    def _entry(self, one: os.DirEntry[str], relative: str) -> Iterator[Entry]:
        key = key_text(relative)
        try:
            if one.is_file(follow_symlinks=self.follow_symlinks):
                looked = one.stat(follow_symlinks=self.follow_symlinks)
                stamp = Stamp.of(looked)
                yield Entry(key, IngestItem(one.path, relative), stamp=stamp, from_folder=True)
        except OSError as error:
            problem = UploadSourceError(f"cannot inspect {one.path!r}: {error.strerror or error}")
            yield Entry(key, None, problem)


def _fits(pattern: str, name: str, relative: str) -> bool:
    return fnmatchcase(relative if "/" in pattern else name, pattern)


def _identity(path: str) -> tuple[int, int]:
    looked = Path(path).stat()
    return looked.st_dev, looked.st_ino


def _enter(path: str, entered: set[tuple[int, int]]) -> bool:
    try:
        identity = _identity(path)
    except OSError:
        return True  # reading it reports the error
    if identity in entered:
        return False
    entered.add(identity)
    return True
