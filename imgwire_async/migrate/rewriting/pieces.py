"""Reading a text file in pieces of whole lines, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

from imgwire_async.migrate.rewriting.encodings import Encoding

SIZE: Final = 4 * 1024 * 1024
"""Minimum bytes of a piece, if it has a line ending."""
LONGEST_LINE: Final = 64 * 1024 * 1024
"""Bytes after which a line is cut at a character that no URL contains."""


def pieces_of(file: BinaryIO, encoding: Encoding, *, records: bool = False) -> Iterator[bytes]:
    """The rest of a file. Each piece ends with a line ending, or after a character that no URL contains.

    Args:
        file: The file.
        encoding: Its encoding.
        records: Whether it is CSV, where a quoted cell may span several lines: such a line is not cut.
    """
    end, quote = encoding.line_feed, '"'.encode(encoding.name or "ascii")
    parts: list[bytes] = []
    size = 0
    while block := file.read(SIZE):
        cut = _after_last(block, end, encoding.width)
        if records and cut and (sum(part.count(quote) for part in parts) + block[:cut].count(quote)) % 2:
            cut = 0  # the cell may end in the next block
        if not cut and size + len(block) > LONGEST_LINE and encoding.width == 1:
            cut = max(block.rfind(b">"), block.rfind(b"}")) + 1
        if not cut:
            parts.append(block)
            size += len(block)
            continue
        yield b"".join((*parts, block[:cut]))
        parts, size = ([block[cut:]] if block[cut:] else []), len(block) - cut
    if parts:
        yield b"".join(parts)


def _after_last(block: bytes, end: bytes, width: int) -> int:
    at = block.rfind(end)
    while at >= 0 and at % width:  # bytes of two characters
        at = block.rfind(end, 0, at + len(end) - 1)
    return at + len(end) if at >= 0 else 0
