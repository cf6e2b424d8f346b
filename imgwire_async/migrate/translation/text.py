"""Finding and replacing imgix URLs in text: HTML, CSS, JSON, Markdown, source code."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NamedTuple

from imgwire_async.migrate.translation.boundaries import find_urls
from imgwire_async.migrate.translation.escapes import AMPERSAND, escaped
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
_UNCLEAR = Translation("malformed")


class FoundUrl(NamedTuple):
    """An imgix URL in a text."""

    start: int
    end: int
    written: str
    """As in the text, including escapes."""
    url: str
    """Without escapes."""
    translation: Translation
    replacement: str | None
    """The replacement, with the same escapes; None if the URL was left unchanged."""


@dataclass(frozen=True, slots=True)
class TranslatedText:
    """A text with its URLs replaced.

    Attributes:
        text: The new text.
        urls: Every imgix URL that was found, in order; positions refer to the old text.
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
    r"""Find the imgix URLs in a text of any kind and replace those whose new URL is known.

    Escapes are preserved: `&amp;` in HTML, `\/` and `\u0026` in JSON and scripts. Everything else is
    preserved byte for byte, and a text without imgix URLs is returned unchanged. A URL that may be only a
    part of one is found, but is `malformed` and stays: one that a template or code completes (`?w=${width}`,
    `?w=" + width`), that is a parameter of another URL, or whose end is not clear (`?w=20,next cell`).

    Args:
        text: HTML, CSS, JSON, Markdown, source code or the like.
        replace: Statuses of URLs to replace. Add `unsupported` to accept pictures that lack something.
        width: As in `translate_url`, like all that follow; pass an `Asset` per image if they differ.
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
    """Replace the URLs that `find_urls` finds.

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
    for start, end, url, is_clear in find_urls(text, hosts):
        translation = translate(url) if is_clear else _UNCLEAR
        if translation.url is not None and translation.is_misread:
            translation = _UNCLEAR  # a value that imgix could not read may be text that follows the URL
        written = text[start:end]
        replacement = None
        if translation.url is not None and translation.status in replace and not is_fixed(start):
            _, mark, fragment = url.partition("#")
            replacement = escaped(translation.url + mark + fragment, written)
            if xml and AMPERSAND.search(written) is None and not _is_cdata(text, start):
                replacement = replacement.replace("&", "&amp;")
            pieces += (text[done:start], replacement)
            done = end
        found.append(FoundUrl(start, end, written, url, translation, replacement))
    return TranslatedText("".join((*pieces, text[done:])) if pieces else text, tuple(found))


def _is_cdata(text: str, index: int) -> bool:
    """Whether an index of XML is inside CDATA, where nothing is escaped."""
    opening = text.rfind("<![CDATA[", 0, index)
    return opening >= 0 and text.find("]]>", opening, index) < 0
