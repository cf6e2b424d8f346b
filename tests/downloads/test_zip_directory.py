"""Forged directories of archives are rejected before the sizes they declare are read or allocated."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zipfile

import pytest

from imgwire_async import ArchiveError, ArchiveLimits
from imgwire_async.downloads.archives import Extraction
from imgwire_async.downloads.zip_directory import TooManyFilesError, count_entries
from tests.downloads.test_extraction import PHOTOS, zipped

MANY = 300_000
ENTRY = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"


def end(count: int, length: int, start: int, comment: bytes = b"") -> bytes:
    return struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, length, start, len(comment)) + comment


def end_64(count: int, length: int, start: int, record: int | None = None, rest: int = 44) -> bytes:
    at = start + length if record is None else record
    return struct.pack(
        "<4sQ2H2L4Q", b"PK\6\6", rest, 45, 45, 0, 0, count, count, length, start
    ) + struct.pack("<4sLQL", b"PK\6\7", 0, at, 1)


LIST = ENTRY * MANY
ALL_ONES = end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
TRAP = struct.unpack("<L", b"PK\5\6")[0]

FORGED = {
    "ZIP64 that tells": LIST + end_64(MANY, len(LIST), 0) + ALL_ONES,
    "ZIP64 that lies about the number": LIST + end_64(1, len(LIST), 0) + ALL_ONES,
    "ZIP64 behind a harmless end": LIST + end_64(1, len(LIST), 0) + end(1, 47, 0),
    "ZIP64 and a comment": LIST + end_64(1, len(LIST), 0) + end(1, 47, 0, b"c" * 60_000),
    "ZIP64 and the longest comment": LIST + end_64(1, len(LIST), 0) + end(1, 47, 0, b"c" * 65_535),
    "something before it": b"x" * 1000 + LIST + end_64(1, len(LIST), 0) + ALL_ONES,
    "a signature in the end": LIST + end_64(1, len(LIST), 0) + end(1, 47, TRAP),
    "a signature in the sizes": LIST + end_64(1, len(LIST), 0) + end(1, TRAP, 0),
    "without ZIP64": LIST + end(1, len(LIST), 0),
    "a comment without ZIP64": LIST + end(MANY % 65_536, len(LIST), 0, b"comment"),
    "a number without entries": end_64(2**40, 0, 0) + ALL_ONES,
    "a length without entries": end_64(1, 2**40, 0) + ALL_ONES,
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_forged_archive_is_rejected_at_once_and_without_memory(forged: bytes) -> None:
    file = io.BytesIO(forged)
    tracemalloc.start()
    started = time.thread_time()
    try:
        with pytest.raises((TooManyFilesError, zipfile.BadZipFile)):
            count_entries(file, 10_000)
        taken, peak = time.thread_time() - started, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 4 * 1024 * 1024
    assert taken < 2, "counting to the limit takes a tenth of a second, reading everything seven"


@pytest.mark.parametrize(
    "damaged",
    [
        LIST[:4700] + end_64(100, 4700, 0, record=9999) + ALL_ONES,
        LIST[:4700] + end_64(100, 4700, 0, rest=45) + ALL_ONES,
        LIST[:4700] + end_64(2, 94, 0) + end_64(100, 4700, 0, record=4700) + ALL_ONES,
        LIST[:4700] + end_64(100, 4700, 0)[56:] + ALL_ONES,
        LIST[:4700] + end(99, 4700, 0),
        LIST[:4690] + end(100, 4700, 0),
        LIST[:4700] + end(100, 4710, 0),
        LIST[:4700] + end(100, 4700, 0)[:-1],
    ],
    ids=range(8),
)
def test_an_ambiguous_end_record_counts_as_damage(damaged: bytes) -> None:
    with pytest.raises(zipfile.BadZipFile):
        count_entries(io.BytesIO(damaged), 100_000)


@pytest.mark.parametrize("comment", [b"", b"c", b"c" * 65_535, b"PK\5\6", b"PK\5\6" + bytes(18)])
@pytest.mark.parametrize("before", [b"", b"x" * 1000])
def test_entries_are_counted_as_zipfile_counts_them(comment: bytes, before: bytes) -> None:
    buffer = io.BytesIO(before + zipped(PHOTOS))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("folder/", b"")
        archive.comment = comment
    try:
        with zipfile.ZipFile(buffer) as archive:
            expected = len(archive.infolist())
    except zipfile.BadZipFile:
        with pytest.raises(zipfile.BadZipFile):
            count_entries(buffer, 3)
    else:
        assert count_entries(buffer, 3) == expected


def test_zip64_written_by_zipfile_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 2)

    assert b"PK\6\7" in (content := zipped(PHOTOS))
    assert count_entries(io.BytesIO(content), 100) == 3


def test_more_than_65535_entries_without_zip64_are_counted() -> None:
    number = 70_000
    content = ENTRY * number + end(number % 65_536, 47 * number, 0)

    assert count_entries(io.BytesIO(content), 100_000) == number


def test_the_limits_are_checked_before_the_extraction(tmp_path: object) -> None:
    work = Extraction(str(tmp_path) + "/new", ArchiveLimits(max_files=1000), overwrite=False)
    try:
        work.start().write(FORGED["ZIP64 behind a harmless end"])
        with pytest.raises(ArchiveError, match="more than 1000 files"):
            work.extract()
    finally:
        work.discard()
