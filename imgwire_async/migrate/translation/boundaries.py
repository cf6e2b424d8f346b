"""Finding where an imgix URL in a text starts and ends, and whether that is certain.

A URL is `clear` if nothing around it can belong to it: it is not completed by a template or code, it is not
part of another URL, and it ends where its kind of text would end it. When in doubt, it is not clear.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from imgwire_async.migrate.translation.escapes import (
    AMPERSAND,
    ANY_ENTITY,
    BACKSLASHES,
    ENDING_ENTITY,
    QUOTE,
    SLASH,
    is_escape,
    unescaped,
)
from imgwire_async.migrate.translation.rules.table import NAMES
from imgwire_async.migrate.translation.urls import ascii_host, unicode_host

# Quotation marks and brackets of all scripts, ends of sentences, and zero-width characters.
_OPENING: Final = "\u201c\u2018\u201e\xab\xbb\u2039\u300c\u300e\uff08\u300a\u3010"
_PAIRS: Final = dict(
    zip(_OPENING, "\u201d\u2019\u201c\xbb\xab\u203a\u300d\u300f\uff09\u300b\u3011", strict=True)
)
_ENDS: Final = (
    "".join({*_PAIRS, *_PAIRS.values()})
    + "\u2026\u3001\u3002\uff01\uff0c\uff0e\uff1a\uff1b\uff1f\u200b-\u200f\u2028-\u202e\u2060\ufeff"
)
# A character of a URL, or one of the escapes in which languages write `&`, `/`, `=` and `?` in text.
# A comma before another URL separates the two. The end of a comment and the escape of a quote end a URL.
_PART: Final = (
    rf"(?:{BACKSLASHES}(?:/|(?:u00|x)(?:26|2f|3d|3f))|,(?!https?:|\\*/\\*/)"
    rf"|[^\s\"<>\\^`{{|}}\x00-\x20\x7f'()\[\],&*{_ENDS}]|(?!{ENDING_ENTITY})&|\*(?!/)"
    r"|\([^\s\"<>\\()'`]*\))"
)
# A line break or another character in the escapes of code, whose last letter is not part of a word.
_ESCAPE_BEFORE: Final = r"(?<=\\[nrt])|(?<=\\u[0-9a-f]{4})|(?<=\\x[0-9a-f]{2})"
_PUNCTUATION: Final = ".,;:!?*"
_EMPHASIS: Final = "_~"
_PLACEHOLDER: Final = re.compile(r"\{|<[%?]")
_VARIABLE: Final = re.compile(r"\$[A-Za-z_(]")
_CLOSING: Final = re.compile(QUOTE, re.IGNORECASE)
# The end of a string in code: a quote, a line break, a tag.
_BACKSLASH: Final = re.compile(
    r"\\+(?:[\"'`nrt]|(?:u00|x)(?:09|0a|0d|20|22|27|3c|3e|60|a0)|u20(?:1[89cd]|2[89]))", re.IGNORECASE
)
# Code that appends to a string after its closing quote: an operator, a method, another string, a filter.
_BLANKS: Final = r"[ \t]{0,200}"
_APPENDED: Final = re.compile(
    rf"{QUOTE}{_BLANKS}(?:\\?\r?\n{_BLANKS})?"
    rf"(?:(?:\){{1,9}}{_BLANKS})?(?:\+(?!\+)|\.\s*[$\"'(])|\.\.|\.\w+\(|(?<=[ \t])\.\s*\w|<<|<>|~|\|\|"
    rf"|&(?:[ \t]|[a-z_]\w*(?![\w;]))"
    rf"|(?:,{_BLANKS})?{QUOTE}(?:[?&]|\\+(?:u00|x)(?:26|3f))|\|[^\n}}]{{0,200}}[%}}]\}})",
    re.IGNORECASE,
)
_NESTED: Final = re.compile(r"(?:[?&;]|u0026|x26)[^\s=&?;]*=\Z", re.IGNORECASE)
_BETWEEN: Final = re.compile(r"[\s\"'<>()\[\]{}`,|]")
_BEHIND: Final = 256  # characters examined before a URL
_AHEAD: Final = 1024  # characters after it
_NEXT_LINE: Final = re.compile(rf"{_BLANKS}\\?\r?\n{_BLANKS}(?:[?&]|&amp;)[\w%-]+=")
_MORE: Final = re.compile(r"[^\s\"'<>`]*[&?=%]")
_REST: Final = re.compile(r"(?:(?!//)[^\"'`<>\r\n])*[?&](?:amp;)?[\w-]+=")
_LISTS: Final = frozenset(
    {
        *("auto", "blend-align", "border", "ch", "crop", "duotone", "fill-gradient-cs", "fit", "flip"),
        *("gradient-map", "mark-align", "rect", "txt-align", "txt-font"),
    }
)


class Found(NamedTuple):
    """A URL in a text."""

    start: int
    end: int
    url: str
    """Without escapes."""
    is_clear: bool


def find_urls(text: str, hosts: Collection[str] = ()) -> Iterator[Found]:
    """Each imgix URL in a text, including those of custom domains."""
    names = {spelling(host) for host in hosts for spelling in (ascii_host, unicode_host, str.lower)}
    for match in _pattern(tuple(sorted(names))).finditer(text):
        start, whole = match.span()
        written = _without_tail(match[0], text[start - 1 : start], text[whole : whole + 1])
        end = start + len(written)
        if end == whole and (placeholder := _PLACEHOLDER.match(text, end)) is not None:
            yield Found(start, placeholder.end(), unescaped(text[start : placeholder.end()]), False)
            continue
        plain = match["encoded"] is None and match["user"] is None
        url = unescaped(written)
        clear = plain and not _is_nested(text, start) and _is_whole(written, url) and _ends(text, start, end)
        yield Found(start, end, url, clear)


@lru_cache(maxsize=16)
def _pattern(hosts: tuple[str, ...]) -> re.Pattern[str]:
    names = "|".join(
        (r"[a-z0-9_-](?:[a-z0-9_.-]{0,250}[a-z0-9_-])?\.imgix\.(?:net|video)", *map(re.escape, hosts))
    )
    slash = rf"(?:{SLASH.pattern}|/)"
    user = r"(?P<user>[^\s/?#@\"'<>\\`(){}]{1,100}@)?"
    return re.compile(
        rf"(?:(?:(?<![a-z0-9])|{_ESCAPE_BEFORE})https?:|(?:(?<![:/\\\w])|{_ESCAPE_BEFORE}))"
        rf"{slash}{slash}{user}(?:{names})(?::[0-9]+)?{slash}{_PART}*"
        rf"|(?P<encoded>https?%(?:25)*3A%(?:25)*2F%(?:25)*2F(?:{names})(?:%(?:25)*3A[0-9]+)?%(?:25)*2F[\w%.~*+-]*)",
        re.IGNORECASE,
    )


def _without_tail(written: str, before: str, after: str) -> str:
    """A match without trailing characters: the end of a comment, or the punctuation of a sentence."""
    if after == ">" and written.endswith("--"):  # the end of a comment
        return written[:-2]
    if before and before == after and before in "\"'`":
        return written  # in quotes, punctuation is part of the URL
    bare = written.rstrip(_PUNCTUATION)
    if before and before in _EMPHASIS:
        bare = bare.rstrip(before + _PUNCTUATION)
    # The semicolon of `&amp;` is not punctuation.
    escape = AMPERSAND.match(written, bare.rfind("&")) if "&" in bare else None
    return bare if escape is None or escape.end() <= len(bare) else written[: escape.end()]


def _is_nested(text: str, start: int) -> bool:
    """Whether the URL is a parameter value or part of the path of another URL."""
    if text[start - 1 : start] not in ("=", "/"):
        return False
    run = _BETWEEN.split(text[max(start - _BEHIND, 0) : start])[-1]
    return _NESTED.search(run) is not None or (run.endswith("/") and bool(run.strip("/*")))


def _is_whole(written: str, url: str) -> bool:
    """Whether a URL appears to be complete, without foreign characters."""
    if ("$" in written and _VARIABLE.search(written) is not None) or url.endswith(("=", "&")):
        return False
    if "&" in written and not all(is_escape(entity) for entity in ANY_ENTITY.findall(written)):
        return False
    rest, _, fragment = url.partition("#")
    query = rest.partition("?")[2]
    if ";" in query or "//" in fragment:
        return False
    # In a row of values a comma separates, except in the values of some parameters.
    return "," not in query or all(_name(part) in _LISTS for part in query.split("&") if "," in part)


def _name(part: str) -> str | None:
    return NAMES.get(part.partition("=")[0])


def _ends(text: str, start: int, end: int) -> bool:
    """Whether the following text cannot belong to the URL."""
    after, before = text[end : end + 1], text[start - 1 : start]
    quote = _CLOSING.match(text, end)
    if quote is not None:
        return _ends_at_quote(text, end, quote, before)
    if after == "\\":
        return _BACKSLASH.match(text, end) is not None
    if after == "[":
        return text[end + 1 : end + 2] == "/"
    if after in ("(", "^"):
        return False
    if after.isspace():
        if _NEXT_LINE.match(text, end) is not None:
            return False
        # A space within quotes may be part of a URL that should have been encoded.
        return before not in ('"', "'", "`", "<") or _REST.match(text, end, end + _AHEAD) is None
    if after and not after.isascii() and _PAIRS.get(before) != after:
        return _MORE.match(text, end, end + _AHEAD) is None
    return True


def _ends_at_quote(text: str, end: int, quote: re.Match[str], before: str) -> bool:
    if text[end - 1] == "?" or (text[end : end + 1] == "?") or _APPENDED.match(text, end) is not None:
        return False
    mark = quote[0][-1]
    behind = text[quote.end() : quote.end() + 1]
    if mark == "'" and behind == "'":  # an apostrophe in SQL
        behind = text[quote.end() + 1 : quote.end() + 2]
        return not (behind.isalnum() or behind in tuple("&=%_-"))
    return before == mark or mark != "'" or not (behind.isalnum() or behind in tuple("&=%_-"))
