"""Preparing an item: its content, hash and stamp, also of files that changed since a folder listed them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from imgwire_async.errors import UploadSourceError
from imgwire_async.ingest.items import IngestItem, Stamp
from imgwire_async.ingest.options import WHOLE
from imgwire_async.ingest.shards.preparing import Task, prepare, stamp_of

JPEG = b"\xff\xd8\xff" + bytes(97)


def listed(path: Path) -> Task:
    """The task of a file as a folder lists it."""
    return Task(path.name, IngestItem(str(path)), Stamp.of(path.stat()), True, None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(JPEG)
    return path


def test_a_listed_file_is_read_and_hashed(path: Path) -> None:
    task = listed(path)
    assert prepare(task, "job", recreate=False) is None
    assert task.content == JPEG
    assert task.sha256 == hashlib.sha256(JPEG).digest()
    assert task.stamp == stamp_of(task.item)


@pytest.mark.parametrize("size", [WHOLE - 1, WHOLE, WHOLE + 1])
def test_listed_files_of_any_size_are_hashed(path: Path, size: int) -> None:
    path.write_bytes(JPEG.ljust(size, b"x"))
    task = listed(path)
    assert prepare(task, "job", recreate=False) is None
    assert task.sha256 == hashlib.sha256(JPEG.ljust(size, b"x")).digest()
    assert task.content == (JPEG.ljust(size, b"x") if size <= WHOLE else None)


@pytest.mark.parametrize("now", [JPEG[:50], JPEG + b"more"], ids=["shorter", "longer"])
def test_a_file_that_has_another_size_than_listed_is_read_as_it_is_now(path: Path, now: bytes) -> None:
    task = listed(path)
    path.write_bytes(now)
    assert prepare(task, "job", recreate=False) is None
    assert task.content == now
    assert task.sha256 == hashlib.sha256(now).digest()
    assert task.stamp == stamp_of(task.item)


def test_the_stamp_of_a_file_that_was_written_since_it_was_listed_is_that_of_its_content(path: Path) -> None:
    task = listed(path)
    listed_stamp = task.stamp
    path.write_bytes(now := JPEG[:-1] + b"!")
    os.utime(path, ns=(1, 1))
    assert prepare(task, "job", recreate=False) is None
    assert task.content == now
    # Else a file that is put back as it was listed would count as stored.
    assert task.stamp == stamp_of(task.item)
    assert task.stamp != listed_stamp


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_that_has_replaced_a_listed_file_is_not_waited_for(path: Path) -> None:
    task = listed(path)
    path.unlink()
    os.mkfifo(path)
    problem = prepare(task, "job", recreate=False)
    assert isinstance(problem, UploadSourceError)
    assert "not a regular file" in str(problem)


def test_a_folder_that_has_replaced_a_listed_file_is_no_regular_file(path: Path) -> None:
    task = listed(path)
    path.unlink()
    path.mkdir()
    problem = prepare(task, "job", recreate=False)
    assert isinstance(problem, UploadSourceError)
    assert "not a regular file" in str(problem)


def test_a_listed_file_that_is_gone_says_so(path: Path) -> None:
    task = listed(path)
    path.unlink()
    problem = prepare(task, "job", recreate=False)
    assert isinstance(problem, UploadSourceError)
    assert "No such file" in str(problem)
