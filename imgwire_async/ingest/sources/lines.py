"""The lines of a text file, read as a stream in any encoding that spreadsheets and scripts write."""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

BLOCK: Final = 64 * 1024
"""Bytes per read; the first block decides the encoding."""
LONGEST_LINE: Final = 16 * 1024 * 1024
"""Maximum bytes of a line. A longer line is reported and skipped, so that memory stays bounded."""

_PACKED: Final = {
    b"\x1f\x8b": "compressed with gzip; unpack it first",
    b"BZh": "compressed with bzip2; unpack it first",
    b"\xfd7zXZ\0": "compressed with xz; unpack it first",
    b"(\xb5/\xfd": "compressed with Zstandard; unpack it first",
    b"PK\3\4": "a ZIP file or a workbook; unpack it, or save it as CSV",
    b"PAR1": "a Parquet file; its name must end in .parquet",
}
LONGEST_START: Final = max(map(len, _PACKED))
"""Bytes that `packed` needs."""

_BYTE_ORDER_MARKS: Final = (  # that of UTF-32-LE begins with that of UTF-16-LE
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LONGEST_MARK: Final = 4


class Line(NamedTuple):
    """One line of a file."""

    number: int
    """Counted from 1."""
    text: str
    """With its line ending."""
    problem: str | None = None
    """Why the text differs from the file, as the rest of a sentence about the line."""


class TextFile:
    """Lines from blocks of bytes: UTF-8, UTF-16 or UTF-32, detected from the first bytes, or Windows-1252.

    Args:
        blocks: The content. Blocks may have any size.
        legacy: Whether text that is not UTF-8 may be Windows-1252. The first non-ASCII characters decide;
            in a UTF-8 file, a line that is not UTF-8 has a problem.

    Raises:
        UnicodeDecodeError: while iterating, UTF-16 or UTF-32 that ends within a character.
    """

    def __init__(self, blocks: Iterable[bytes], *, legacy: bool) -> None:
        blocks = iter(blocks)
        head = b""
        for block in blocks:
            head += block
            if len(head) >= _LONGEST_MARK:
                break
        encoding, mark = marked_encoding(head)
        chunks = itertools.chain([head[len(mark) :]], blocks)
        self._encoding: str | None = "utf-8" if encoding or not legacy else None
        if encoding not in {None, "utf-8"}:
            # A lone surrogate is passed on, and its line is reported as bad.
            decoded = codecs.iterdecode(chunks, encoding, "surrogatepass")
            chunks = (text.encode("utf-8", "surrogatepass") for text in decoded)  # type: ignore[assignment]
        self.head = next(chunks, b"")
        """The first bytes, as UTF-8 where they were UTF-16."""
        self._chunks = itertools.chain([self.head], chunks)

    def lines(self) -> Iterator[Line]:
        """All lines, each once."""
        if self._encoding is None:
            self._encoding = _guess(self.head.splitlines(keepends=True)[:-1])
        for number, line in enumerate(_byte_lines(self._chunks), 1):
            if line is None:
                yield Line(number, "", f"is longer than {LONGEST_LINE // 1024 // 1024} MiB")
                continue
            if self._encoding is None:
                self._encoding = _guess([line])
            try:
                yield Line(number, line.decode(self._encoding or "ascii"))
            except UnicodeDecodeError as error:
                text = line.decode(self._encoding or "ascii", "replace")
                before = len(line[: error.start].decode(self._encoding or "ascii", "replace"))
                name = "Windows-1252" if self._encoding == "cp1252" else "UTF-8"
                problem = f"is not {name} text: byte 0x{line[error.start]:02x} at character {before + 1}"
                yield Line(number, text, problem)


def packed(head: bytes) -> str | None:
    """What a file is that is not text, and what to do, by its first bytes; None if they may be text."""
    return next((what for mark, what in _PACKED.items() if head.startswith(mark)), None)


def marked_encoding(head: bytes) -> tuple[str | None, bytes]:
    """The encoding that the first 4 bytes show, if any, and its byte order mark, which may be empty."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return encoding, mark
    if len(head) >= 2 and (head[0] == 0) != (head[1] == 0):  # an ASCII character in UTF-16
        return ("utf-16-le" if head[0] else "utf-16-be"), b""
    return None, b""


def _guess(lines: Iterable[bytes]) -> str | None:
    """The encoding of lines: UTF-8 if a non-ASCII line is valid UTF-8; None if all lines are ASCII."""
    found = None
    for line in lines:
        if not line.isascii():
            try:
                line.decode()
            except UnicodeDecodeError:
                found = "cp1252"
            else:
                return "utf-8"
    return found


def _byte_lines(blocks: Iterable[bytes]) -> Iterator[bytes | None]:
    """Lines that end in LF, CRLF or CR; None for one that is too long."""
    parts: list[bytes] = []
    size = 0
    held_back = b""
    for block in itertools.chain(filter(None, blocks), [b""]):
        last = not block
        data = held_back + block
        # A CR at the end of a block may be the first half of a CRLF.
        held_back = b"\r" if data.endswith(b"\r") and not last else b""
        for piece in data[: len(data) - len(held_back)].splitlines(keepends=True):
            size += len(piece)
            if size <= LONGEST_LINE:
                parts.append(piece)
            else:
                parts.clear()
            if piece[-1] in b"\r\n":
                yield b"".join(parts) if size <= LONGEST_LINE else None
                parts.clear()
                size = 0
        if last:
            break
    if size:
        yield b"".join(parts) if size <= LONGEST_LINE else None
