"""Distinguishing text from binary files, and encodings of text that round-trip without changing a byte."""

from __future__ import annotations

import codecs
from typing import Final, NamedTuple

HEAD: Final = 8192
"""Number of bytes used to detect the encoding."""

_MARKS: Final = (  # that of UTF-32-LE begins with that of UTF-16-LE
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BINARY_STARTS: Final = (
    b"%PDF-",
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"\x89PNG",
    b"GIF8",
    b"\xff\xd8\xff",
    b"SQLite f",
)
_CONTROLS: Final = bytes({*range(32), 127} - set(b"\t\n\v\f\r\x1b\b"))
_LARGEST_SHARE: Final = 0.02  # of control characters in a text, such as a dump that quotes binary columns


class Encoding(NamedTuple):
    """The encoding of a text file."""

    name: str | None
    """Name of the codec; None for UTF-8 or Latin-1, detected for each piece."""
    mark: bytes = b""
    """Byte order mark at its start."""
    width: int = 1
    """Bytes of one line feed."""

    @property
    def line_feed(self) -> bytes:
        """The encoded line feed."""
        return "\n".encode(self.name or "ascii")

    def decode(self, data: bytes) -> tuple[str, str] | None:
        """The text and a codec that encodes it to exactly these bytes; None if there is none."""
        if self.name is not None:
            try:
                text = data.decode(self.name, "surrogatepass")
                return (text, self.name) if text.encode(self.name, "surrogatepass") == data else None
            except UnicodeError:
                return None
        try:
            return data.decode("utf-8"), "utf-8"
        except UnicodeDecodeError:
            # Any bytes decode as Latin-1, and characters of URLs are the same in Windows-1252 and similar.
            return data.decode("latin-1"), "latin-1"


def encoding_of(head: bytes) -> Encoding | None:
    """The encoding of a file by its first bytes; None for a binary file."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            width = {"utf-16": 2, "utf-32": 4}.get(name[:6], 1)
            return Encoding(None if width == 1 else name, mark, width)
    if head.startswith(_BINARY_STARTS):
        return None
    if b"\0" in head:
        return _unmarked_utf16(head)
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return None if controls > len(head) * _LARGEST_SHARE else Encoding(None)


def _unmarked_utf16(head: bytes) -> Encoding | None:
    """UTF-16 without a mark, if nearly all of it is ASCII: every second byte is 0."""
    even = head[: len(head) // 2 * 2]
    for name, zeros, letters in (("utf-16-le", even[1::2], even[::2]), ("utf-16-be", even[::2], even[1::2])):
        if zeros.count(0) >= 0.9 * len(zeros) and letters.translate(None, _CONTROLS) == letters:
            return Encoding(name, b"", 2)
    return None
