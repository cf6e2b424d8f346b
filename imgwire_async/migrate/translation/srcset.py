"""Translating the candidates of a `srcset` attribute."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from imgwire_async.migrate.translation.records import (
    JUDGED,
    Assets,
    DefaultParams,
    ExifOrientation,
    Judgement,
    Translation,
)
from imgwire_async.migrate.translation.translate import translate_url

# Split as in HTML: blanks and commas, a run of non-blanks, and, unless it ended with commas, a descriptor.
_CANDIDATE = re.compile(r"[ \t\n\r\f,]*([^ \t\n\r\f]+)")
_DESCRIPTOR = re.compile(r"(?:\([^)]*\)?|[^,(])*")


class Candidate(NamedTuple):
    """One URL of a `srcset`."""

    url: str
    """As written in the `srcset`."""
    descriptor: str
    """Such as `320w` or `2x`; empty if there is none."""
    translation: Translation


def translate_srcset(
    srcset: str,
    *,
    width: int | None = None,
    height: int | None = None,
    mime_type: str | None = None,
    exif_orientation: ExifOrientation = "unknown",
    token: str | None = None,
    hosts: Collection[str] = (),
    default_params: DefaultParams | None = None,
    assets: Assets | None = None,
    judgement: Judgement = JUDGED,
) -> list[Candidate]:
    """Translate each URL of a `srcset`, not escaped for HTML. The arguments are those of `translate_url`.

    A comma inside a URL is part of it, a comma at its end is not.
    """
    return [
        Candidate(
            srcset[start:end],
            descriptor,
            translate_url(
                srcset[start:end],
                width=width,
                height=height,
                mime_type=mime_type,
                exif_orientation=exif_orientation,
                token=token,
                hosts=hosts,
                default_params=default_params,
                assets=assets,
                judgement=judgement,
            ),
        )
        for start, end, descriptor in split_srcset(srcset)
    ]


def split_srcset(srcset: str) -> list[tuple[int, int, str]]:
    """The start and end of each URL, and its descriptor."""
    found = []
    at = 0
    while (match := _CANDIDATE.match(srcset, at)) is not None:
        start, at = match.span(1)
        end = start + len(match[1].rstrip(","))
        descriptor = ""
        if end == at and (rest := _DESCRIPTOR.match(srcset, at)) is not None:
            descriptor = rest[0].strip(" \t\n\r\f")
            at = rest.end()
        if end > start:
            found.append((start, end, descriptor))
    return found
