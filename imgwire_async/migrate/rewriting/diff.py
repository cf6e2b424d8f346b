"""A unified diff of texts with the same number of lines, created while they are read."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

CONTEXT: Final = 3
"""Lines around a change."""


class UnifiedDiff:
    """A unified diff.

    Replacing URLs changes lines but never adds or removes any, so no matching of lines is needed.

    Args:
        path: The file's name, in the header.
        show: Called with the text of the header and of each hunk.
    """

    def __init__(self, path: str, show: Callable[[str], object]) -> None:
        name = path.lstrip("/")
        self._header = f"--- a/{name}\n+++ b/{name}\n"
        self._show = show
        self._number = 1
        self._before: deque[str] = deque(maxlen=CONTEXT)
        self._hunk: list[tuple[str, str]] = []
        self._start = 1
        self._unchanged = 0  # lines at the end of the hunk
        self._differs = False
        self._is_within_line = False
        self._is_cut = False

    def feed(self, old: str, new: str) -> None:
        """Compare the next lines. Both texts end with a line ending, except at the end of the file.

        A line that arrives in several texts is too long for a diff; nothing is shown from there on.
        """
        self._differs |= old != new
        self._is_cut |= self._is_within_line
        self._is_within_line = not old.endswith("\n")
        if self._is_cut:
            return
        if old == new:
            self._pass(old)
            return
        for before, after in zip(_lines(old), _lines(new), strict=True):
            if before == after:
                self._keep(before)
            else:
                self._change(before, after)

    def end(self) -> None:
        """Show the last hunk."""
        if self._is_cut and self._differs:
            self._show("# The rest of the file is left out: a line is too long for a diff.\n")
        elif self._hunk and not self._is_cut:
            self._close(max(self._unchanged - CONTEXT, 0))

    def _pass(self, text: str) -> None:
        """Skip unchanged lines, keeping only those next to a hunk."""
        at = 0
        while self._hunk and at < len(text):
            end = text.find("\n", at) + 1 or len(text)
            self._keep(text[at:end])
            at = end
        count = text.count("\n", at)
        if at < len(text):
            start = len(text)
            for _ in range(CONTEXT):
                start = max(text.rfind("\n", at, max(start - 1, at)) + 1, at)
            self._before.extend(_lines(text[start:]))
            self._number += count

    def _keep(self, line: str) -> None:
        self._number += 1
        if not self._hunk:
            self._before.append(line)
            return
        self._hunk.append((line, line))
        self._unchanged += 1
        if self._unchanged > 2 * CONTEXT:
            rest = [before for before, _ in self._hunk[-(self._unchanged - CONTEXT) :]]
            self._close(len(rest))
            self._before.extend(rest)

    def _change(self, before: str, after: str) -> None:
        if not self._hunk:
            self._start = self._number - len(self._before)
            self._hunk = [(line, line) for line in self._before]
            self._before.clear()
        self._number += 1
        self._hunk.append((before, after))
        self._unchanged = 0

    def _close(self, surplus: int) -> None:
        """Show the hunk without its last lines."""
        lines = self._hunk[: len(self._hunk) - surplus]
        shown = [f"@@ -{self._start},{len(lines)} +{self._start},{len(lines)} @@\n"]
        for before, after in lines:
            if before == after:
                shown.append(_line(" ", before))
            else:
                shown += (_line("-", before), _line("+", after))
        self._show(self._header + "".join(shown))
        self._header = ""
        self._hunk = []
        self._unchanged = 0


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    last = lines.pop()
    return [f"{line}\n" for line in lines] + ([last] if last else [])


def _line(sign: str, line: str) -> str:
    return sign + line if line.endswith("\n") else f"{sign}{line}\n\\ No newline at end of file\n"
