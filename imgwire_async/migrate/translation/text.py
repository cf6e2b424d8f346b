"""Finding and replacing URLs of imgix in text: HTML, CSS, JSON, Markdown, source code."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from imgwire_async.migrate.translation.records import (
    JUDGED,
    Assets,
    DefaultParams,
    ExifOrientation,
    Judgement,
    Status,
    Translation,
)
from imgwire_async.migrate.translation.translate import translate_url

REPLACED: Collection[Status] = ("exact", "approximate")
_UNFINISHED = Translation("malformed")
_SLASH = r"(?:\\{1,2}/|/)"
# A character of a URL, or one of the escapes in which languages write `&`, `/` and `=` inside of text.
# A comma before another URL separates the two.
_PART = (
    r"(?:\\{1,2}u00(?:26|2[fF]|3[dDfF])|\\{1,2}/|,(?!https?:|\\*/\\*/)"
    r"|[^\s\"<>\\^`{|}\x00-\x20\x7f'()\[\],]|\([^\s\"<>\\()'`]*\))"
)
_ESCAPES = (
    (re.compile(r"&(?:amp|#38|#[xX]26);"), "&"),
    (re.compile(r"\\{1,2}u0026"), "&"),
    (re.compile(r"\\{1,2}u003[dD]"), "="),
    (re.compile(r"\\{1,2}u003[fF]"), "?"),
    (re.compile(r"\\{1,2}u002[fF]|\\{1,2}/"), "/"),
)
_AMPERSAND = re.compile(r"&(?:amp|#38|#[xX]26);|\\{1,2}u0026")
_MARKUP = re.compile(r"&(?:quot|#34|#x22|apos|#39|#x27|lt|#60|gt|#62|nbsp|#160);", re.IGNORECASE)
# A line break or another character in the escapes of code, whose last letter is not part of a word.
_ESCAPE_BEFORE = r"(?<=\\[nrt])|(?<=\\u[0-9a-fA-F]{4})"
_PUNCTUATION = ".,;:!?*"
_PLACEHOLDER = re.compile(r"\{|<[%?]")
# Signs that code or a template completes the URL: a variable in it, a parameter that lacks its value before
# the closing quote, or an operator after that.
_VARIABLE = re.compile(r"\$[A-Za-z_(]")
_OPEN = re.compile(r"(?:[=&]|&amp;|\\{1,2}u00(?:26|3[dD]))$")
_QUOTE = re.compile(r"\??\\*[\"'`]")
_APPENDED = re.compile(
    r"\\*[\"'`][ \t]*(?:\r?\n[ \t]*)?"
    r"(?:\+(?!\+)|\.\.|\.\s*[$\"'(]|\.\w+\(|(?<=[ \t])\.\s*\w|<<|~|\|\||&[ \t]|\\*[\"'`][?&])"
)


class FoundUrl(NamedTuple):
    """A URL of imgix in a text."""

    start: int
    end: int
    written: str
    """As the text has it, escapes included."""
    url: str
    """Without escapes."""
    translation: Translation
    replacement: str | None
    """What now stands in its place, with the same escapes; None if it was left."""


@dataclass(frozen=True, slots=True)
class TranslatedText:
    """A text with its URLs replaced.

    Attributes:
        text: The new text.
        urls: Every URL of imgix that was found, in order; positions are those of the old text.
    """

    text: str
    urls: tuple[FoundUrl, ...]


def translate_text(
    text: str,
    *,
    replace: Collection[Status] = REPLACED,
    width: int | None = None,
    height: int | None = None,
    mime_type: str | None = None,
    exif_orientation: ExifOrientation = "unknown",
    token: str | None = None,
    hosts: Collection[str] = (),
    default_params: DefaultParams | None = None,
    assets: Assets | None = None,
    judgement: Judgement = JUDGED,
) -> TranslatedText:
    r"""Find the URLs of imgix in a text of any kind and replace those whose new URL is known.

    Escapes stay as they are: `&amp;` in HTML, `\/` and `\u0026` in JSON and scripts. So does everything
    else, byte for byte, and a text without URLs of imgix is returned unchanged. A URL that a template or code
    completes (`?w=${width}`, `?w=" + width`) is found, but is `malformed` and stays.

    Args:
        text: HTML, CSS, JSON, Markdown, source code or the like.
        replace: Statuses of URLs to replace. Add `unsupported` to accept pictures that lack something.
        width: As in `translate_url`, like all that follow; pass an `Asset` for each image to tell them apart.
        height: As in `translate_url`.
        mime_type: As in `translate_url`.
        exif_orientation: As in `translate_url`.
        token: As in `translate_url`.
        hosts: As in `translate_url`.
        default_params: As in `translate_url`.
        assets: As in `translate_url`. The `image` has to be a `cdn_url` for a URL to be replaced.
        judgement: As in `translate_url`.

    Raises:
        InvalidTransformationError: the `cdn_url` of an asset is not a URL.
    """

    def translate(url: str) -> Translation:
        return translate_url(
            url,
            width=width,
            height=height,
            mime_type=mime_type,
            exif_orientation=exif_orientation,
            token=token,
            hosts=hosts,
            default_params=default_params,
            assets=assets,
            judgement=judgement,
        )

    return replace_urls(text, translate, replace=replace, hosts=hosts, xml=is_xml(text))


def is_xml(text: str) -> bool:
    """Whether a text is XML, where an ampersand has to be escaped."""
    return text.lstrip("\ufeff \t\r\n").startswith("<?xml")


def replace_urls(
    text: str,
    translate: Callable[[str], Translation],
    *,
    replace: Collection[Status],
    hosts: Collection[str],
    xml: bool,
    is_fixed: Callable[[int], bool] = lambda _: False,
) -> TranslatedText:
    """Replace what `find_urls` finds.

    Args:
        text: The text.
        translate: Translates a URL.
        replace: Statuses of URLs to replace.
        hosts: Custom domains.
        xml: Whether ampersands of new URLs have to be escaped.
        is_fixed: Whether the text must not change at an index.
    """
    found = []
    pieces: list[str] = []
    done = 0
    for start, end, url, complete in find_urls(text, hosts):
        translation = translate(url) if complete else _UNFINISHED
        written = text[start:end]
        replacement = None
        if translation.url is not None and translation.status in replace and not is_fixed(start):
            replacement = _escaped(translation.url, written)
            if xml and "&amp;" not in replacement:
                replacement = replacement.replace("&", "&amp;")
            pieces += (text[done:start], replacement)
            done = end
        found.append(FoundUrl(start, end, written, url, translation, replacement))
    return TranslatedText("".join((*pieces, text[done:])) if pieces else text, tuple(found))


def find_urls(text: str, hosts: Collection[str] = ()) -> Iterator[tuple[int, int, str, bool]]:
    """Each URL of imgix in a text: its start and end, the URL without escapes, and whether that is all of it.

    It is not if a template or the code around it adds something.
    """
    for match in _pattern(tuple(sorted({host.lower() for host in hosts}))).finditer(text):
        written = _without_tail(match[0])
        start, end = match.start(), match.start() + len(written)
        if end == match.end() and (placeholder := _PLACEHOLDER.match(text, end)) is not None:
            yield start, placeholder.end(), _unescaped(text[start : placeholder.end()]), False
        else:
            yield start, end, _unescaped(written), not _is_continued(text, end, written)


def _is_continued(text: str, end: int, written: str) -> bool:
    if "$" in written and _VARIABLE.search(written) is not None:
        return True
    quote = _QUOTE.match(text, end)
    if quote is None:
        return False
    return quote[0][0] == "?" or _OPEN.search(written) is not None or _APPENDED.match(text, end) is not None


@lru_cache(maxsize=16)
def _pattern(hosts: tuple[str, ...]) -> re.Pattern[str]:
    names = "|".join(
        (r"[a-z0-9_-](?:[a-z0-9_.-]{0,250}[a-z0-9_-])?\.imgix\.(?:net|video)", *map(re.escape, hosts))
    )
    slash = rf"(?:{_SLASH}|\\{{1,2}}u002f)"
    return re.compile(
        rf"(?:(?:\b|{_ESCAPE_BEFORE})https?:|(?:(?<![:/\\\w])|{_ESCAPE_BEFORE})){slash}{slash}(?:{names})(?::[0-9]+)?{slash}{_PART}*",
        re.IGNORECASE,
    )


def _without_tail(written: str) -> str:
    """A match without what ends it: markup, or the punctuation of a sentence."""
    markup = _MARKUP.search(written)
    written = written if markup is None else written[: markup.start()]
    bare = written.rstrip(_PUNCTUATION)
    # The semicolon of `&amp;` is no punctuation.
    escape = _AMPERSAND.match(written, bare.rfind("&")) if "&" in bare else None
    return bare if escape is None or escape.end() <= len(bare) else written[: escape.end()]


def _unescaped(written: str) -> str:
    for escape, character in _ESCAPES:
        written = escape.sub(character, written)
    return written


def _escaped(url: str, written: str) -> str:
    """The new URL with the escapes and the scheme of the old one."""
    if not re.match(r"https?:", written, re.IGNORECASE):
        url = re.sub(r"^https?:", "", url)
    slash = re.search(r"\\{1,2}(?:u002[fF]|/)", written)
    ampersand = _AMPERSAND.search(written)
    equals = re.search(r"\\{1,2}u003[dD]", written)
    mark = re.search(r"\\{1,2}u003[fF]", written)
    for character, escape in (("&", ampersand), ("/", slash), ("=", equals), ("?", mark)):
        if escape is not None:
            url = url.replace(character, escape[0])
    return url
