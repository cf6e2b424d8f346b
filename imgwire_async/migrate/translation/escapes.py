r"""The escapes in which languages write the characters of a URL in text: `&amp;`, `\/`, `\u0026`."""

from __future__ import annotations

import re
from typing import Final

# Data within data is escaped once more for each level: `&amp;amp;`, `\\\/`.
BACKSLASHES: Final = r"\\{1,7}"
_ENTITY: Final = r"&(?:amp;)*"

AMPERSAND: Final = re.compile(rf"{_ENTITY}(?:amp|#0*38|#x0*26);|{BACKSLASHES}(?:u00|x)26", re.IGNORECASE)
EQUALS: Final = re.compile(rf"{_ENTITY}(?:equals|#0*61|#x0*3d);|{BACKSLASHES}(?:u00|x)3d", re.IGNORECASE)
MARK: Final = re.compile(rf"{_ENTITY}(?:quest|#0*63|#x0*3f);|{BACKSLASHES}(?:u00|x)3f", re.IGNORECASE)
SLASH: Final = re.compile(rf"{_ENTITY}(?:sol|#0*47|#x0*2f);|{BACKSLASHES}(?:/|(?:u00|x)2f)", re.IGNORECASE)
QUOTE: Final = rf"(?:\\*[\"'`]|{_ENTITY}(?:quot|#0*34|#x0*22|apos|#0*39|#x0*27|grave|#0*96|#x0*60);)"
"""A quote of any kind, as part of a pattern."""
ENDING_ENTITY: Final = (
    r"&(?:amp;)*(?:quot|apos|lt|gt|grave|nbsp|[lr][ds]quo|[lr]aquo|hellip|newline|tab"
    r"|#0*(?:9|10|13|32|34|39|60|62|96|160|171|187|821[67]|822[01]|8230)"
    r"|#x0*(?:9|a|d|20|22|27|3c|3e|60|a0|ab|bb|201[89cd]|2026));"
)
"""A character that no URL contains, as part of a pattern that ignores case."""
ANY_ENTITY: Final = re.compile(
    rf"{_ENTITY}(?:[a-z][a-z0-9]{{1,31}}|#[0-9]{{1,7}}|#x[0-9a-f]{{1,6}});", re.IGNORECASE
)

_CHARACTERS: Final = ((AMPERSAND, "&"), (EQUALS, "="), (MARK, "?"), (SLASH, "/"))


def unescaped(written: str) -> str:
    """The URL without its escapes."""
    for escape, character in _CHARACTERS:
        written = escape.sub(character, written)
    return written


def is_escape(entity: str) -> bool:
    """Whether `unescaped` decodes this entity."""
    return any(escape.fullmatch(entity) is not None for escape, _ in _CHARACTERS)


def escaped(url: str, written: str) -> str:
    """A new URL with the escapes and the scheme of the old one."""
    if not re.match(r"https?:", written, re.IGNORECASE):
        url = re.sub(r"^https?:", "", url)
    # Look up all first, because one escape may contain another.
    found = {character: escape.search(written) for escape, character in _CHARACTERS}
    return "".join(character if (escape := found.get(character)) is None else escape[0] for character in url)
