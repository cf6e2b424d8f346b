"""Building and parsing CDN URLs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Unpack, cast, get_args
from urllib.parse import parse_qsl, quote_plus

from imgwire_async.errors import InvalidTransformationError
from imgwire_async.imgwire.cdn.forms import Preset
from imgwire_async.imgwire.cdn.keywords import Transformations
from imgwire_async.imgwire.cdn.kinds import RefusedError, as_text, closest, render
from imgwire_async.imgwire.cdn.table import ROWS, TABLE

PRESETS: tuple[str, ...] = get_args(Preset)
_BASE = re.compile(
    r"((?:https?:|(?![a-z][a-z0-9+.-]*:))[^?#\s\x00-\x1f\x7f\ud800-\udfff]+)"
    r"(\?[^#]*)?(#[^\s\x00-\x1f\x7f\ud800-\udfff]*)?",
    re.IGNORECASE,
)
_CACHEABLE = frozenset({str, int, float, bool})
_LONGEST_CACHED = 64


@dataclass(frozen=True, slots=True, init=False)
class Transformation:
    """A preset and transformations, checked and encoded once and applied to many images; immutable, hashable.

    Takes the same arguments as `cdn_url`, apart from the base, and raises the same error.

    Attributes:
        preset: The preset, or None.
        query: The canonical query without `?`; empty when no transformation is left.
    """

    preset: Preset | None
    query: str

    def __init__(
        self, preset: Preset | None = None, *, strict: bool = True, **transformations: Unpack[Transformations]
    ) -> None:
        object.__setattr__(self, "preset", checked_preset(preset))
        object.__setattr__(self, "query", encode(transformations.items(), strict=strict))

    @property
    def values(self) -> dict[str, str]:
        """Canonical text of each transformation by canonical name, not percent-encoded."""
        return dict(parse_qsl(self.query))

    def url(self, base: str) -> str:
        """The URL of the image whose `cdn_url` is `base`."""
        return assemble(base, self.preset, self.query)


class CdnUrlParts(NamedTuple):
    """The parts of a CDN URL; `parts.transformation.url(parts.base)` is its canonical form."""

    base: str
    """The `cdn_url` of the image, including the URL's fragment if it had one."""
    transformation: Transformation

    @property
    def image_id(self) -> str:
        """The last path segment, or empty if there is none."""
        return _last_segment(self.base.partition("#")[0])


def cdn_url(
    base: str,
    /,
    preset: Preset | None = None,
    *,
    strict: bool = True,
    **transformations: Unpack[Transformations],
) -> str:
    """The URL of an image with a preset and transformations, as the service canonicalises it.

    Args:
        base: `cdn_url` of the image record. A query is discarded, a fragment kept.
        preset: `thumbnail`, `small`, `medium` or `large`; combines with transformations.
        strict: Whether invalid values and unknown names are errors. Otherwise they are omitted, as the
            vendor's clients do, and so are unknown keys of objects. A transformation passed twice and an
            unknown preset are always errors: omitting either would give a very different picture.
        transformations: See `reference()`. None omits one, but still counts if it is passed twice.

    Raises:
        InvalidTransformationError: an argument is not allowed, or `base` is not a URL.
    """
    return build(base, preset, transformations.items(), strict=strict)


def build(base: str, preset: object, pairs: Iterable[tuple[str, object]], *, strict: bool) -> str:
    """Like `cdn_url`, with transformations as pairs of name and value."""
    return assemble(base, checked_preset(preset), encode(pairs, strict=strict))


def parse_cdn_url(url: str, *, strict: bool = True) -> CdnUrlParts:
    """Parse a CDN URL; aliases and values become canonical.

    Args:
        url: With or without preset and transformations.
        strict: As in `cdn_url`; if false, an unknown preset is treated as part of the image id.

    Raises:
        InvalidTransformationError: the service would reject the URL.
    """
    path, query, fragment = _split(url)
    preset: str | None
    image_id, at, preset = _last_segment(path).partition("@")
    if not at or not (strict or (image_id and preset in PRESETS)):
        preset = None
    elif not image_id:
        raise InvalidTransformationError("cdn_url", url, "a URL with an image id before the preset")
    base = path + fragment if preset is None else path.removesuffix(f"@{preset}") + fragment
    try:
        pairs = parse_qsl(query[1:], keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise InvalidTransformationError("cdn_url", url, "a query in UTF-8") from error
    canonical = dict(parse_qsl(encode(pairs, strict=strict, from_url=True)))
    return CdnUrlParts(base, Transformation(checked_preset(preset), **cast("Transformations", canonical)))


def checked_preset(preset: object) -> Preset | None:
    """Check a preset, and return it."""
    if preset is None:
        return None
    name = as_text(preset)
    if name not in PRESETS:
        raise InvalidTransformationError("preset", preset, ", ".join(PRESETS), closest(name, PRESETS))
    return cast("Preset", name)


def encode(pairs: Iterable[tuple[str, object]], *, strict: bool, from_url: bool = False) -> str:
    """The canonical query of named values: each transformation once, sorted, form-encoded.

    `from_url` means that the values come from a URL, where a sigma of 1 is written `blur=1`.
    """
    seen = set()
    encoded = []
    for name, value in pairs:
        row = ROWS.get(name)
        if row is None:
            if strict:
                names = ", ".join(row.name for row in TABLE)
                raise InvalidTransformationError(name, value, f"one of {names}", closest(name, ROWS))
            continue
        if row.name in seen:
            raise InvalidTransformationError(row.name, value, f"one of {', '.join(row.names)}, given once")
        seen.add(row.name)
        if value is None:
            continue
        kind = type(value)
        try:
            if from_url:
                pair = _encode_written(row.name, value, strict)
            elif kind in _CACHEABLE and (kind is not str or len(value) <= _LONGEST_CACHED):  # type: ignore[arg-type]
                pair = _cached_pair(row.name, value, strict)
            else:
                pair = encode_pair(row.name, value, strict)
        except InvalidTransformationError:
            if strict:
                raise
        else:
            if pair:
                encoded.append(pair)
    encoded.sort()  # names contain no character below `=`, so this sorts by name
    return "&".join(encoded)


def encode_pair(name: str, value: object, strict: bool) -> str:
    """Encode a canonical name and its value as `name=value`; empty for a value that changes nothing."""
    try:
        found = ROWS[name].kind(value, strict)
        # unlike the service's clients, quote_plus does not encode `~`
        return "" if found is None else f"{name}={quote_plus(render(found)).replace('~', '%7E')}"
    except RefusedError as refused:
        raise InvalidTransformationError(name, value, refused.allowed, refused.suggestion) from None
    except UnicodeError:
        raise InvalidTransformationError(name, value, "text without lone surrogates") from None


def _encode_written(name: str, value: object, strict: bool) -> str:
    """Like `encode_pair`, but read strictly if possible."""
    try:
        return encode_pair(name, value, True)
    except InvalidTransformationError:
        if strict:
            raise
        return encode_pair(name, value, False)


_cached_pair = lru_cache(maxsize=2048, typed=True)(encode_pair)  # typed: 1, 1.0 and True are different values


def assemble(base: str, preset: str | None, query: str) -> str:
    """Build a URL from its parts; an existing preset and query of `base` are replaced."""
    path, _, fragment = _split(base)
    if preset is not None:
        image_id, _, old = _last_segment(path).partition("@")
        if not image_id:
            raise InvalidTransformationError("cdn_url", _shown(base), "a URL that ends in an image id")
        path = f"{path.removesuffix(f'@{old}') if old in PRESETS else path}@{preset}"
    return f"{path}?{query}{fragment}" if query else path + fragment


def _split(url: str) -> tuple[str, str, str]:
    match = _BASE.fullmatch(as_text(url))
    if match is None:
        raise InvalidTransformationError("cdn_url", _shown(url), "an http or https URL without blanks")
    return match[1], match[2] or "", match[3] or ""


def _shown(base: object) -> object:
    """A base without its query: it comes from a response of the service and may be signed."""
    return base.partition("?")[0] if isinstance(base, str) else base


def _last_segment(path: str) -> str:
    head, _, last = path.rpartition("/")
    return "" if head.endswith("/") else last  # `//` is followed by a host
