"""Rows of delimited text, as written by spreadsheets, databases and people.

The standard library's reader is not used, because its limit on cells is a setting of the whole process, and
because one stray quote swallows the rest of the file.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterator
from typing import Final

from imgwire_async.ingest.sources.lines import LONGEST_LINE, Line

_DELIMITERS: Final = ",;\t|"
_SEPARATOR_LINE: Final = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # how Excel names the delimiter
_LINE_ENDS: Final = "\r\n"
_PADDING: Final = " \t\r\n\0\x1a"  # DOS ends a text with 0x1A, and some disks fill a file up with zeros


class MalformedError(Exception):
    """Text that is not in the format, with its line number; the message is the rest of a sentence."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line


class CsvTable:
    """A header and the rows below it.

    Args:
        lines: Lines of the file.
        expected: Names of columns in lower case, used to detect the delimiter.

    Raises:
        MalformedError: the header cannot be read.
    """

    def __init__(self, lines: Iterator[Line], expected: Collection[str]) -> None:
        self._lines = _Lines(lines)
        self.delimiter = ","
        """What separates the cells."""
        self.header, self.header_line = self._read_header(expected)

    def rows(self) -> Iterator[tuple[int, dict[str, object] | str]]:
        """The number of each row's first line, with its cells by column, or with its problem."""
        width = len(self.header)
        while (line := self._lines.take()) is not None:
            try:
                row = self._record(line)
            except MalformedError as error:
                yield error.line, str(error)
                continue
            if not any(cell.strip().strip(_PADDING) for cell in row):
                continue
            if len(row) < width:
                missing = self.header[len(row)]
                yield line.number, f"has {_cells(len(row))}, but the header has {width}: none for {missing!r}"
            elif any(cell.strip() for cell in row[width:]):
                yield line.number, f"has {_cells(len(row))}, but the header has {width}"
            else:
                yield line.number, {name: row[at] for at, name in enumerate(self.header) if name}

    def _read_header(self, expected: Collection[str]) -> tuple[list[str], int]:
        separator = None
        while (line := self._lines.take()) is not None:
            if named := _SEPARATOR_LINE.fullmatch(line.text):
                separator = named[1]
            elif line.text.strip() or line.problem:
                break
        if line is None:
            raise MalformedError(1, "has no header")
        self.delimiter = separator or _recognised(line.text, expected)
        header = [name.strip().lstrip("\ufeff").strip() for name in self._record(line)]
        return header, line.number

    def _record(self, line: Line) -> list[str]:
        if '"' not in line.text:
            if line.problem:
                raise MalformedError(line.number, line.problem)
            return line.text.rstrip(_LINE_ENDS).split(self.delimiter)
        taken = [line]
        try:
            cells = self._quoted_record(taken)
        except MalformedError:
            # Only the first line is lost: the lines taken as part of the cell may be good rows.
            self._lines.put_back(taken[1:])
            raise
        for part in taken:
            if part.problem:
                raise MalformedError(part.number, part.problem)
        return cells

    def _quoted_record(self, taken: list[Line]) -> list[str]:
        cells: list[str] = []
        text, at = taken[0].text.rstrip(_LINE_ENDS), 0
        while True:
            opening = self._after_blanks(text, at)
            if not text.startswith('"', opening):
                end = text.find(self.delimiter, at)
                end = len(text) if end < 0 else end
                cells.append(text[at:end])
            else:
                cell, text, end = self._quoted_cell(taken, text, opening)
                cells.append(cell)
            if end == len(text):
                return cells
            at = end + 1

    def _quoted_cell(self, taken: list[Line], text: str, opening: int) -> tuple[str, str, int]:
        """The cell whose quote opens at `opening`, the line it ends on, and where."""
        place = _place(taken, opening)
        parts: list[str] = []
        size, at = 0, opening + 1
        while True:
            quote = text.find('"', at)
            if quote < 0:
                ending = taken[-1].text[len(text) :]
                parts += text[at:], ending
                size += len(taken[-1].text)
                line = self._lines.take() if size <= LONGEST_LINE else None
                if line is None:
                    problem = f"opens a quote at {place} that is never closed"
                    raise MalformedError(taken[0].number, problem)
                taken.append(line)
                text, at = line.text.rstrip(_LINE_ENDS), 0
            elif text.startswith('""', quote):
                parts.append(text[at : quote + 1])
                at = quote + 2
            else:
                parts.append(text[at:quote])
                end = self._after_blanks(text, quote + 1)
                if end < len(text) and text[end] != self.delimiter:
                    problem = f"has text after a closing quote, at {_place(taken, quote)}"
                    raise MalformedError(taken[0].number, f"{problem}; the cell opens at {place}")
                return "".join(parts), text, end

    def _after_blanks(self, text: str, at: int) -> int:
        while at < len(text) and text[at] in " \t" and text[at] != self.delimiter:
            at += 1
        return at


class _Lines:
    """Lines of which some can be put back."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._put_back: deque[Line] = deque()

    def take(self) -> Line | None:
        return self._put_back.popleft() if self._put_back else next(self._lines, None)

    def put_back(self, lines: list[Line]) -> None:
        self._put_back.extendleft(reversed(lines))


def _recognised(header: str, expected: Collection[str]) -> str:
    """The delimiter that results in the most expected columns, then in the most columns."""

    def fitness(delimiter: str) -> tuple[int, int]:
        names = [name.strip("\ufeff\"' \t\r\n").lower() for name in header.split(delimiter)]
        return sum(name in expected for name in names), len(names)

    return max(_DELIMITERS, key=fitness)


def _place(taken: list[Line], at: int) -> str:
    line = f"line {taken[-1].number}, " if len(taken) > 1 else ""
    return f"{line}character {at + 1}"


def _cells(count: int) -> str:
    return f"{count} cell{'' if count == 1 else 's'}"
