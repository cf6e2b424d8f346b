"""Checks an archive's central directory before `zipfile` reads all of it.

The end of an archive states how many entries there are and how long the directory is. `zipfile` trusts the
length, reads it into memory and creates an object for every entry, which takes half a minute for a forged
archive. So the records are located here in the same way as there, and the entries are counted without keeping
them.

Python versions differ in where they look for the ZIP64 record. An archive where this makes a difference is
rejected as damaged.
"""

from __future__ import annotations

import os
import struct
import zipfile
from dataclasses import dataclass
from typing import BinaryIO, Final

_END: Final = struct.Struct("<4s4H2LH")
_LOCATOR: Final = struct.Struct("<4sLQL")
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_ENTRY: Final = struct.Struct("<4s24x3H12x")

_LONGEST_COMMENT = 65_536
_BLOCK = 256 * 1024
_BYTES_PER_FILE = 512  # 46, a name, and fields of the program that made the archive
_LEAST_BYTES = 65_536
_FOLDERS_PER_FILE = 1
_LEAST_ENTRIES = 1000


class TooManyFilesError(Exception):
    """The archive has, or claims to have, more files than allowed."""


@dataclass(frozen=True, slots=True)
class _Directory:
    start: int
    length: int
    count: int
    exact: bool
    """Whether `count` is exact; without ZIP64 it is the number of entries modulo 65,536."""


def count_entries(file: BinaryIO, max_files: int) -> int:
    """How many entries an archive has, including folders. Takes milliseconds and little memory.

    Args:
        file: the archive.
        max_files: how many files are allowed. Folders do not count, as long as there are no more of them.

    Raises:
        TooManyFilesError: there are more, or the end of the archive claims so.
        zipfile.BadZipFile: the list is damaged.
    """
    directory = _find(file, file.seek(0, os.SEEK_END))
    if directory.length > max(_LEAST_BYTES, max_files * _BYTES_PER_FILE):
        raise TooManyFilesError
    allowed = max(_LEAST_ENTRIES, max_files * (1 + _FOLDERS_PER_FILE))
    if directory.count > allowed:
        raise TooManyFilesError
    found = _count(file, directory, max_files, allowed)
    if (found if directory.exact else found % 65_536) != directory.count:
        raise zipfile.BadZipFile(f"its end record declares {directory.count} entries, but it has {found}")
    return found


def _find(file: BinaryIO, size: int) -> _Directory:
    end, record = _end_record(file, size)
    _, _, _, _, count, length, _, _ = record
    larger = _zip64_record(file, end)
    if larger is not None:
        count, length = larger
        end -= _LOCATOR.size + _END_64.size
    if length > end:
        raise zipfile.BadZipFile("its list of entries is longer than the archive")
    return _Directory(end - length, length, count, exact=larger is not None)


def _end_record(file: BinaryIO, size: int) -> tuple[int, tuple[bytes, int, int, int, int, int, int, int]]:
    """The position and contents of the end record."""
    last = _read(file, max(0, size - _END.size), _END.size)
    if len(last) == _END.size and last.startswith(b"PK\5\6") and last.endswith(b"\0\0"):
        return size - _END.size, _END.unpack(last)
    start = max(0, size - _LONGEST_COMMENT - _END.size)
    tail = _read(file, start, size - start)
    found = tail.rfind(b"PK\5\6")
    if found < 0 or found + _END.size > len(tail):
        raise zipfile.BadZipFile("its end is missing")
    return start + found, _END.unpack_from(tail, found)


def _zip64_record(file: BinaryIO, end: int) -> tuple[int, int] | None:
    """Count and length in 64 bits, or None if the archive has none."""
    at = end - _LOCATOR.size
    if at < 0:
        return None
    signature, _, offset, _ = _LOCATOR.unpack(_read(file, at, _LOCATOR.size))
    if signature != b"PK\6\7":
        return None
    at -= _END_64.size
    if at < 0:
        raise zipfile.BadZipFile("its ZIP64 record is missing")
    signature, rest, _, _, _, _, _, count, length, _ = _END_64.unpack(_read(file, at, _END_64.size))
    if signature != b"PK\6\6" or rest != _END_64.size - 12:
        raise zipfile.BadZipFile("its ZIP64 record is misplaced")
    # If there is data before the archive, the offset does not point to a record.
    if offset > at or (offset != at and _read(file, offset, 4) == b"PK\6\6"):
        raise zipfile.BadZipFile("it has several ZIP64 records")
    return count, length


def _count(file: BinaryIO, directory: _Directory, max_files: int, allowed: int) -> int:
    entries = files = position = at = 0
    block = b""
    while position < directory.length:
        if len(block) - at < _ENTRY.size:
            block, at = _read(file, directory.start + position, _BLOCK), 0
            if len(block) < _ENTRY.size:
                raise zipfile.BadZipFile("its list of entries is cut off")
        signature, name, extra, comment = _ENTRY.unpack_from(block, at)
        if signature != b"PK\1\2":
            raise zipfile.BadZipFile("its list of entries is damaged")
        last = at + _ENTRY.size + name - 1
        if last >= len(block):
            block, at = _read(file, directory.start + position, _BLOCK), 0
            last = _ENTRY.size + name - 1
        entries += 1
        files += block[last : last + 1] not in {b"/", b"\\"}
        if files > max_files or entries > allowed:
            raise TooManyFilesError
        length = _ENTRY.size + name + extra + comment
        position, at = position + length, at + length
    return entries


def _read(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)
