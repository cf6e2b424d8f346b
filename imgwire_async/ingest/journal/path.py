"""Validation of the paths of journals."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from pathlib import Path
from typing import Final

from imgwire_async.errors import InvalidArgumentError, JournalError
from imgwire_async.ingest.journal.file_systems import network_file_system

_URI: Final = re.compile(r"([a-z][a-z0-9+.-]+):/", re.IGNORECASE)  # a Path turns two slashes into one


def journal_path(given: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> Path:
    """Validate the path of a journal.

    Raises:
        InvalidArgumentError: `given` is not the path of a file on this machine.
        JournalError: the path cannot be accessed, or it is on a network file system.
    """
    try:
        name = os.fsdecode(given)
    except TypeError:
        raise _refused(f"must be a path or None, got {type(given).__name__}") from None
    scheme = _URI.match(name)
    if not name:
        raise _refused("is an empty path; name a file, or omit it for a temporary one")
    if name == ":memory:":
        raise _refused("must be a file; omit it for a temporary one")
    if scheme is not None:
        raise _refused(f"must be a file on this machine, not a URI of {scheme[1]}")
    if "\0" in name:
        raise _refused("contains a NUL character, which is not allowed in a path")
    path = Path(name)
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        mode = stat.S_IFREG
    except OSError as error:
        raise JournalError(f"cannot open the journal {name!r}: {error.strerror}") from error
    if stat.S_ISDIR(mode) or name.endswith(("/", os.sep)):
        raise _refused(f"{name!r} is a folder; name a file, such as {str(path / 'ingest.journal')!r}")
    if not stat.S_ISREG(mode):
        raise _refused(f"{name!r} is not a regular file")
    _check_disk(path, f"the journal {name!r}", "keep it on a local disk")
    return path


def temporary_folder() -> Path:
    """The folder for temporary journals, which are deleted with their job.

    Raises:
        JournalError: it is on a network file system.
    """
    folder = Path(tempfile.gettempdir())
    _check_disk(
        folder,
        f"the journal, in the folder for temporary files {str(folder)!r},",
        "set TMPDIR to a local disk, or name a journal on one",
    )
    return folder


def _check_disk(path: Path, what: str, remedy: str) -> None:
    if (kind := network_file_system(path)) is not None:
        raise JournalError(
            f"{what} would be on a network file system ({kind}), where SQLite may damage it; {remedy}"
        )


def _refused(problem: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"the journal {problem}", operation="ingest")
