"""The folder of a report, which never overwrites anything else."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from imgwire_async.errors import InvalidArgumentError
from imgwire_async.ingest.results.outputs import check_writable
from imgwire_async.ingest.sources.own_files import COMPARED, is_written_by_a_job

PAGE: Final = "index.html"
PICTURES, RESULTS = COMPARED
_PICTURE: Final = re.compile(r"([0-9a-f]{24})-(?:old|new|difference)\.webp")


def prepare(folder: Path) -> None:
    """Create the folder of a report, after checking what already exists. Blocks.

    Raises:
        InvalidArgumentError: it cannot be written, or contains files with these names from elsewhere.
    """
    page, results = folder / PAGE, folder / RESULTS
    try:
        (folder / PICTURES).mkdir(parents=True, exist_ok=True)
        for file in (page, results):
            check_writable(file)
        known = results.exists()
    except OSError as error:
        raise _refused(f"that can be written, and {str(folder)!r} cannot: {error.strerror}") from error
    except InvalidArgumentError as error:
        raise _refused(f"that can be written: {error.message}") from error
    foreign = results if known else page
    if foreign.exists() and not is_written_by_a_job(str(foreign), foreign.suffix):
        raise _refused(f"for nothing else, and {str(foreign)!r} is not from a report")


def _refused(problem: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"report must be a folder {problem}", operation="verify_urls")


def remove_others(pictures: Path, shown: Collection[str]) -> None:
    """Remove the pictures of pairs that are not shown; keep other files. Blocks."""
    for path in pictures.iterdir():
        found = _PICTURE.fullmatch(path.name)
        if found is not None and found[1] not in shown:
            path.unlink(missing_ok=True)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add the name of the file to an error of writing it.

    Raises:
        OSError: with `path` as its `filename`.
    """
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
