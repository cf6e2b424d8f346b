"""Names for files that strangers have named: possible on every system, and each of them only once.

What comes out depends on the names alone and on their order, so that the same archive gives the same files.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Sequence
from typing import Final

LONGEST_NAME: Final = 255
"""Bytes in UTF-8 that file systems take as one name."""

LONGEST_PATH: Final = 500
"""Bytes of a path within a folder; beyond it a file goes to the top. Some systems take 1,024 in all."""

_LONGEST_SUFFIX = 16
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])[ .]*(\..*)?", re.IGNORECASE)
_NOT_ON_WINDOWS = re.compile(r'[<>:"|?*]')
# Control characters, lone surrogates, line and paragraph separators, and what reverses the direction of text.
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def safe_name(name: str) -> str:
    """A name without folders that every file system takes; one that is fine stays as it is.

    Control characters become `_`, and so do reserved characters on Windows. Dots and blanks at the end are
    cut off, names of devices such as `CON` and `nul.jpg` get a `_` in front, and what is too long is cut and
    gets a hash.
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
    """`name` with another suffix instead of its own, or with one if it has none."""
    stem, _ = split_suffix(name)
    return _fit(stem, "", suffix)


def split_suffix(name: str) -> tuple[str, str]:
    """Stem and suffix with its dot; what has no suffix, or a long one, is all stem."""
    stem, dot, suffix = name.rpartition(".")
    if not stem or len(suffix) > _LONGEST_SUFFIX or not suffix.isalnum():
        return name, ""
    return stem, dot + suffix


class Places:
    """Gives every file of an archive a place of its own, whatever the names in it.

    Two names are the same if some file system takes them for the same: whatever their case, and however their
    characters are composed. The second one gets a number, as in `photo (2).jpg`.
    """

    def __init__(self) -> None:
        self._root = _Folder()

    def claim(self, parts: Sequence[str]) -> tuple[str, ...]:
        """A place for the file with this path, which nothing else has got or will get."""
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
    """The same text for names that some file system takes for the same."""
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
