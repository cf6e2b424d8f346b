"""Safe file names from untrusted names: valid on every system, and unique.

The result depends only on the names and their order, so the same archive always gives the same files.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Sequence
from typing import Final

LONGEST_NAME: Final = 255
"""Maximum length of a file name, in bytes of UTF-8."""

LONGEST_PATH: Final = 500
"""Maximum bytes of a path within a folder; longer ones go to the top. Some systems allow 1,024 in total."""

_LONGEST_SUFFIX = 16
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])[ .]*(\..*)?", re.IGNORECASE)
_NOT_ON_WINDOWS = re.compile(r'[<>:"|?*]')
# Control characters, lone surrogates, line and paragraph separators, and what reverses the direction of text.
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def safe_name(name: str) -> str:
    """A file name without folders that is valid on every file system; a valid one is unchanged.

    Control characters and characters reserved on Windows become `_`. Trailing dots and blanks are removed,
    device names such as `CON` and `nul.jpg` get a `_` in front, and names that are too long are cut and get a
    hash.
    """
    text = "".join("_" if _is_unsafe(character) else character for character in name)
    if os.name == "nt":
        text = _NOT_ON_WINDOWS.sub("_", text)
    text = text.rstrip(". ") or "_"
    if _DEVICES.fullmatch(text):
        text = f"_{text}"
    if len(text.encode()) > LONGEST_NAME:
        text = marked(text, _hash_mark(name))
    return text


def with_suffix(name: str, suffix: str) -> str:
    """`name` with its suffix replaced, or added if it has none."""
    stem, _ = split_suffix(name)
    return _fit(stem, "", suffix)


def split_suffix(name: str) -> tuple[str, str]:
    """Stem and suffix with its dot; a name without a suffix, or with a long one, is all stem."""
    stem, dot, suffix = name.rpartition(".")
    if not stem or len(suffix) > _LONGEST_SUFFIX or not suffix.isalnum():
        return name, ""
    return stem, dot + suffix


class Places:
    """Gives every file of an archive a unique path, whatever the names in it.

    Two names count as the same if any file system treats them as the same, ignoring case and Unicode
    composition. The second one gets a number, as in `photo (2).jpg`.
    """

    def __init__(self) -> None:
        self._root = _Folder()

    def claim(self, parts: Sequence[str]) -> tuple[str, ...]:
        """A unique path for the file with this path."""
        names = [safe_name(part) for part in parts]
        if len("/".join(names).encode()) > LONGEST_PATH:
            names = [marked(names[-1], _hash_mark("/".join(parts)))]
        folder, place = self._root, []
        for name in names[:-1]:
            spelled, folder = folder.inner(name)
            place.append(spelled)
        return (*place, folder.claim(names[-1]))


class _Folder:
    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}
        self._inner: dict[str, tuple[str, _Folder]] = {}

    def inner(self, name: str) -> tuple[str, _Folder]:
        key = caseless(name)
        if key not in self._inner:
            self._inner[key] = self.claim(name), _Folder()
        return self._inner[key]

    def claim(self, name: str) -> str:
        key = free = caseless(name)
        claimed = name
        while free in self._taken:
            number = self._next.get(key, 2)
            self._next[key] = number + 1
            claimed = marked(name, f" ({number})")
            free = caseless(claimed)
        self._taken.add(free)
        return claimed


def _is_unsafe(character: str) -> bool:
    return unicodedata.category(character) in _UNSAFE_CATEGORIES or character in _DIRECTIONS


def caseless(name: str) -> str:
    """A key that is equal for names that any file system treats as the same."""
    # The canonical caseless match of Unicode, section 3.13.
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def _hash_mark(text: str) -> str:
    return f"~{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def marked(name: str, mark: str) -> str:
    """`name` with a mark before its suffix, cut so that it is not too long."""
    stem, suffix = split_suffix(name)
    return _fit(stem, mark, suffix)


def _fit(stem: str, mark: str, suffix: str) -> str:
    room = LONGEST_NAME - len((mark + suffix).encode())
    return stem.encode()[:room].decode(errors="ignore") + mark + suffix
