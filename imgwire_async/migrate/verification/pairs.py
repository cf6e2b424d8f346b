"""The pictures to compare: variants of stored images, each at its old and its new URL."""

from __future__ import annotations

import hashlib
import heapq
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from imgwire_async.errors import InvalidArgumentError
from imgwire_async.migrate.translation.records import JUDGED, DefaultParams, Judgement, Status
from imgwire_async.migrate.translation.rules.table import NAMES
from imgwire_async.migrate.translation.translate import translate_url
from imgwire_async.migrate.translation.urls import pairs_of
from imgwire_async.migrate.urls_file import UrlMap, UrlRow

_NEXT_VARIANT: Final = re.compile(r",(?=[A-Za-z][A-Za-z0-9-]*=)")
_FORMATS: Final = frozenset({"fm", "auto", "q", "lossless", "chromasub", "jpg-progressive"})
"""Parameters of the encoder, which are omitted for comparing pixels."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A picture on both services.

    Attributes:
        id: Identifies the comparison in a folder of results.
        old_url: At imgix, unsigned.
        new_url: At Imgwire.
        lossless_old_url: The same picture as PNG, for comparing pixels.
        lossless_new_url: The same picture as PNG.
        variant: Rendering parameters.
        parameters: Their canonical names.
        status: How exactly they are translated.
        findings: Differences of the translation, as readable text.
        is_negotiated: Whether the services choose the format.
    """

    id: str
    old_url: str
    new_url: str
    lossless_old_url: str
    lossless_new_url: str
    variant: str
    parameters: tuple[str, ...]
    status: Status
    findings: tuple[str, ...]
    is_negotiated: bool


def variants_of(texts: Iterable[str]) -> list[str]:
    """Read lists of variants: `w=320,w=640&fit=crop` are two, `rect=0,0,50,50` is one."""
    return list(dict.fromkeys(part.strip("?& ") for text in texts for part in _NEXT_VARIANT.split(text)))


def sampled(rows: Iterable[UrlRow], number: int) -> list[UrlRow]:
    """Choose this many rows, always the same ones: those with the smallest hashes of their old URLs."""
    keyed = ((_digest(row.old_url), row.old_url, row.asset) for row in rows)
    return [
        UrlRow(old_url, asset)
        for _, old_url, asset in heapq.nsmallest(number, keyed, key=lambda one: one[:2])
    ]


def pairs(
    rows: Iterable[UrlRow],
    variants: Iterable[str],
    *,
    default_params: DefaultParams | None = None,
    judgement: Judgement = JUDGED,
    rendering_base_url: str | None = None,
) -> Iterator[Pair]:
    """Pairs of all rows in all variants.

    A comparison with another imgix is another one: `rendering_base_url` is part of its id.

    Raises:
        InvalidArgumentError: an old URL is not a URL with a path.
    """
    chosen = list(variants)
    for row in rows:
        assets = UrlMap([row])
        for variant in chosen:
            yield _pair(row, variant, assets, default_params, judgement, rendering_base_url)


def _pair(
    row: UrlRow,
    variant: str,
    assets: UrlMap,
    default_params: DefaultParams | None,
    judgement: Judgement,
    rendering_base_url: str | None,
) -> Pair:
    plain = row.old_url.partition("?")[0].partition("#")[0]
    names = [
        (NAMES.get(name.removesuffix("64"), name), part)
        for part in variant.split("&")
        if part
        for name, _ in pairs_of(part)
    ]
    geometry = [part for name, part in names if name not in _FORMATS]
    old_url = f"{plain}?{variant}" if variant else plain
    lossless = f"{plain}?{'&'.join((*geometry, 'fm=png'))}"
    found, found_lossless = (
        translate_url(
            url, hosts=assets.hosts, assets=assets, default_params=default_params, judgement=judgement
        )
        for url in (old_url, lossless)
    )
    if found.url is None or found_lossless.url is None:
        raise InvalidArgumentError(f"the variant {variant!r} of {plain[:200]!r} is not a URL of imgix")
    findings = tuple(f"{one.name}: {one.reason}" for one in (*found.unsupported, *found.approximate))
    at = "" if rendering_base_url is None else f"\n{rendering_base_url.rstrip('/')}"
    return Pair(
        _digest(f"{old_url}\n{found.url}{at}"),
        old_url,
        found.url,
        lossless,
        found_lossless.url,
        variant,
        tuple(dict.fromkeys(name for name, _ in names)),
        found.status,
        findings,
        "auto" in {name for name, _ in names} or bool(default_params and "auto" in default_params),
    )


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
