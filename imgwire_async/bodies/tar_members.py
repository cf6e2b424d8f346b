"""Members of tar archives, as returned by `TarFile.extractfile`.

All members of an archive share its file and position, and so does code that looks for the next member. Read
concurrently in threads, they would get each other's bytes. So members are read without using that position if
the file allows it, and otherwise one after the other. Members of zip archives do not need this: `zipfile`
does its own locking.

Before Python 3.13 a member has the archive's name; its own name is in the blocks before its content.
"""

from __future__ import annotations

import io
import os
import sys
import tarfile
from typing import Any, Final, TypeGuard

_BLOCK: Final = tarfile.BLOCKSIZE
_LONGEST_EXTRA_HEADER: Final = 64
"""How many blocks before the member's header are searched for headers with a long name."""

_EXTRA_HEADERS: Final = frozenset({tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK})


def is_tar_member(file: object) -> TypeGuard[tarfile.ExFileObject]:
    """Whether `file` is a member of a tar archive that `TarMember` can read."""
    if not isinstance(file, tarfile.ExFileObject):
        return False
    raw: Any = file.raw
    return all(hasattr(raw, name) for name in ("fileobj", "offset", "size", "map")) and len(raw.map) == 1


class TarMember:
    """A binary file with the content of a member from its current position, which does not move.

    Use it in a thread. Data missing at the end of a truncated archive is missing here as well.
    """

    def __init__(self, member: tarfile.ExFileObject) -> None:
        raw: Any = member.raw
        self._member = member
        self._archive: Any = raw.fileobj
        self._is_independent = _reads_anywhere(self._archive)
        if not self._is_independent:
            self.fileobj: object = self._archive  # which `exclusive` finds
        self._offset: int = raw.offset
        self._size: int = raw.size
        self._position = member.tell()
        self.name = self._own_name(raw)

    def tell(self) -> int:
        """The position, from the start of the member."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Seek to an offset from the start, or from the end with `io.SEEK_END`."""
        self._position = offset + (self._size if whence == io.SEEK_END else 0)
        return self._position

    def read(self, size: int) -> bytes:
        """At most `size` bytes; none at the end.

        Raises:
            ValueError: the member or its archive is closed.
        """
        if self._member.closed:
            raise ValueError("the member of the archive is closed")
        data = self._read_at(self._offset + self._position, min(size, self._size - self._position))
        self._position += len(data)
        return data

    def _read_at(self, start: int, length: int) -> bytes:
        if length <= 0:
            return b""
        file = self._archive
        if getattr(file, "closed", False):
            raise ValueError("the archive is closed")
        if isinstance(file, io.BytesIO):
            with file.getbuffer() as view:
                return bytes(view[start : start + length])
        if self._is_independent:
            return os.pread(file.fileno(), length, start)
        file.seek(start)
        data: bytes = file.read(length)
        return data

    def _own_name(self, raw: Any) -> str | None:  # noqa: ANN401 - private to tarfile
        name: object = raw.name
        if name != getattr(self._archive, "name", None):
            return name if isinstance(name, str) else None
        if not self._is_independent:
            return None  # decompressing the whole archive again would be too slow
        header = self._offset - _BLOCK
        start = header
        while (earlier := self._extra_header_before(start)) is not None:
            start = earlier
        try:
            blocks = io.BytesIO(self._read_at(start, header + _BLOCK - start))
            with tarfile.TarFile(fileobj=blocks) as archive:
                found = archive.firstmember  # type: ignore[attr-defined]
                return None if found is None else found.name
        except (tarfile.TarError, OSError, ValueError):
            return None

    def _extra_header_before(self, end: int) -> int | None:
        first = max(0, end - _LONGEST_EXTRA_HEADER * _BLOCK)
        blocks = self._read_at(first, end - first)
        for start in range(len(blocks) - 2 * _BLOCK, -1, -_BLOCK):
            try:
                info = tarfile.TarInfo.frombuf(blocks[start : start + _BLOCK], "utf-8", "surrogateescape")
            except tarfile.HeaderError:
                continue
            content = -(-info.size // _BLOCK) * _BLOCK
            if info.type in _EXTRA_HEADERS and start + _BLOCK + content == len(blocks):
                return first + start
        return None


def _reads_anywhere(file: object) -> bool:
    """Whether bytes of `file` can be read without moving its position."""
    if isinstance(file, io.BytesIO):
        return True
    if sys.platform == "win32" or not isinstance(file, io.FileIO | io.BufferedReader | io.BufferedRandom):
        return False
    try:
        file.fileno()
    except (OSError, ValueError):  # a buffer around something in memory, or closed
        return False
    return True
