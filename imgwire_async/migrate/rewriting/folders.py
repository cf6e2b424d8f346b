"""The files to rewrite below the given paths."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from imgwire_async.migrate.rewriting.temporaries import is_temporary

VENDORED: Final = frozenset(
    {
        *(".git", ".hg", ".svn", ".bzr", "CVS", ".jj"),
        *("node_modules", "bower_components", "jspm_packages", ".yarn", ".pnpm-store", ".npm"),
        *("vendor", "vendors", "third_party", "third-party", "Pods", "Carthage", ".bundle"),
        *("site-packages", "dist-packages", "__pycache__", ".venv", "venv", ".tox", ".nox", ".eggs"),
        *(".mypy_cache", ".pytest_cache", ".ruff_cache", ".terraform", ".gradle", ".cargo"),
    }
)
"""Names of folders that belong to other programs."""

_BINARY_EXTENSIONS: Final = frozenset(
    """
    .7z .a .avi .avif .bin .bmp .br .bz2 .class .db .dll .doc .docx .dylib .eot .exe .flac .gif .gz .heic
    .heif .ico .jar .jpeg .jpg .jxl .lz4 .m4a .m4v .mkv .mo .mov .mp3 .mp4 .node .o .ogg .otf .parquet .pdf
    .png .ppt .pptx .psd .pyc .pyo .rar .so .sqlite .sqlite3 .tar .tgz .tif .tiff .ttf .wasm .wav .webm .webp
    .woff .woff2 .xls .xlsx .xz .zip .zst
    """.split()  # noqa: SIM905 - a quarter of the length
)


class Skipped(NamedTuple):
    """A path that is left alone."""

    path: Path
    reason: str
    failed: bool = False
    """Whether it should have been read, but could not be."""


class Leftover(NamedTuple):
    """A temporary file, perhaps of a process that was killed."""

    path: Path


def files_below(
    paths: Iterable[str | os.PathLike[str]], excluded: Iterable[Path] = ()
) -> Iterator[Path | Skipped | Leftover]:
    """Regular files at and below the paths, each once, in order; and skipped paths, with the reason.

    Symbolic links are never followed, because they may point elsewhere. Temporary files are found in folders,
    and beside files that were passed.

    Args:
        paths: Files and folders.
        excluded: Files to leave alone.
    """
    all_given = [Path(path) for path in paths]
    seen: set[str] = set()
    left = {identity for path in excluded if (identity := _identity(path)) is not None}
    searched: set[Path] = set()
    for given in all_given:
        if given.parent not in searched and given.is_file():
            searched.add(given.parent)
            yield from _leftovers(given.parent)
        for found in _below(given, named=True):
            if isinstance(found, Path):
                if len(all_given) > 1:
                    name = os.path.join(os.path.realpath(found.parent), found.name)  # noqa: PTH118
                    if name in seen:
                        continue
                    seen.add(name)
                if left and _identity(found) in left:
                    yield Skipped(found, "the file of URLs itself")
                    continue
            yield found


def _leftovers(folder: Path) -> Iterator[Leftover]:
    with suppress(OSError):
        yield from [Leftover(path) for path in folder.iterdir() if is_temporary(path)]


def _below(path: Path, *, named: bool) -> Iterator[Path | Skipped | Leftover]:
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            yield Skipped(path, "a symbolic link")
        elif stat.S_ISREG(mode):
            if named and (folder := _vendored_part(path.parent)) is not None:
                yield Skipped(path, f"in the vendored folder {folder}")
            elif path.suffix.lower() in _BINARY_EXTENSIONS:
                yield Skipped(path, "a binary file")
            elif is_temporary(path):
                yield Leftover(path)
            else:
                yield path
        elif not stat.S_ISDIR(mode):
            yield Skipped(path, "not a regular file")
        elif path.name in VENDORED or (named and _vendored_part(path) is not None):
            yield Skipped(path, "a vendored folder")
        else:
            for below in sorted(path.iterdir()):
                yield from _below(below, named=False)
    except (OSError, ValueError) as error:  # ValueError: a NUL character
        reason = getattr(error, "strerror", None) or error
        yield Skipped(path, f"cannot be read: {reason}", failed=True)


def _vendored_part(path: Path) -> str | None:
    """The vendored folder in a path that was passed; the current folder itself may be inside one."""
    if path.is_absolute():
        try:
            path = path.relative_to(Path.cwd())
        except (ValueError, OSError):
            return path.name if path.name in VENDORED else None
    return next((part for part in path.parts if part in VENDORED), None)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino
