"""Replacing old files with finished ones, so that no failure leaves a mixture."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = ".regenerate-"
_ABANDONED_AFTER = 3600.0  # seconds; no run takes that long


@contextmanager
def workspace(root: Path, name: str) -> Iterator[Path]:
    """A temporary folder for the service `name`, on the file system of the targets, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{name}-", dir=root))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def recover(root: Path, name: str, targets: list[Path]) -> list[str]:
    """Put back what a run that was killed between two renames had moved away.

    Returns:
        A sentence for each thing put back.
    """
    repaired = []
    for folder in sorted(root.glob(f"{_PREFIX}{name}-*")):
        for target in targets:
            saved = folder / "previous" / target.name
            if saved.exists() and not target.exists():
                saved.rename(target)
                repaired.append(f"put back {target.name}, which an interrupted run had moved away")
        if time.time() - folder.stat().st_mtime > _ABANDONED_AFTER:
            shutil.rmtree(folder, ignore_errors=True)
    return repaired


def replace(folder: Path, pairs: list[tuple[Path, Path]]) -> None:
    """Move every new file or folder to its target, or on any failure put all old ones back.

    Args:
        folder: a workspace, where the old ones wait until all the moves are done.
        pairs: new path and target path, all on one file system.
    """
    previous = folder / "previous"
    previous.mkdir()
    done: list[tuple[Path, Path]] = []
    try:
        for new, target in pairs:
            done.append((new, target))
            if target.exists():
                target.rename(previous / target.name)
            new.rename(target)
    except BaseException:
        for new, target in reversed(done):
            saved = previous / target.name
            if not new.exists():
                target.rename(new)
            if saved.exists():
                saved.rename(target)
        raise


def differing_files(new: Path, target: Path) -> list[str]:
    """Relative paths of the files that two folders do not have in common, byte for byte."""
    ours, theirs = _contents(new), _contents(target)
    return sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
