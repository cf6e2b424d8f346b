"""The common part of all kinds of rules: the parameters they preserve, and the entries of their tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from textwrap import wrap
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from imgwire_async.errors import InvalidArgumentError
from imgwire_async.ingest.sources.own_files import REDIRECTS_MARK
from imgwire_async.migrate.asset_items import stored_type
from imgwire_async.migrate.mapping import MappedUrl

CARRIED: Final = (
    "Carried over: w and h in pixels, fit (clip, max, crop, scale, fill), dpr, q, fm (jpg, pjpg, png, gif, "
    "webp, avif), auto=format, flip (h, v, hv) and bg with 3 or 6 hex digits. Without fm and auto=format the "
    "image keeps its own format, if that is known."
)
NOT_CARRIED: Final = (
    "NOT carried over, because it takes the size of the original or more than a rule can compute: w and h as "
    "shares of the original (0 to 1), fit=min, fit=fillmax, ar, rect, max-w, max-h, min-w, min-h, crop and "
    "focal points (fit=crop keeps the centre), rotation, padding, borders, adjustments, watermarks, text, "
    "blends, auto=compress and auto=enhance, aliases of parameters (such as width), parameters in base64, "
    "the default parameters of a source, and expires. A redirect leaves such parameters out; translate_url "
    "translates more of them, and says for every URL what is lost. Signatures (s) are neither checked nor "
    "passed on."
)
HOSTS: Final = (
    "Only hosts whose DNS is yours can be redirected: your custom domains, and not *.imgix.net. Rewrite the "
    "URLs of the latter where they are written."
)
_WIDTH: Final = 100

SIDE: Final = "([2-9]|[1-9][0-9][0-9]?|[1-7][0-9][0-9][0-9]|80[0-9][0-9]|81[0-8][0-9]|819[0-2])"
"""Regular expression for a whole number of pixels. Excludes 1, which means a share of the original."""
DENSITY: Final = r"([1-5]|[1-4]\.[0-9][0-9]?|0\.[1-9][0-9]?)"
QUALITY: Final = "([1-9][0-9]?|100)"
FORMATS: Final = "(jpg|png|gif|webp|avif)"
FITS: Final = {
    "max": "&resizing_type=inside&enlarge=false",
    "crop": "&resizing_type=cover&enlarge=true&gravity=center",
    "scale": "&resizing_type=fill&enlarge=true",
    "fill": "&resizing_type=contain&enlarge=true",
}
"""Parameters for both sides, by `fit`; all other values are treated as `clip`."""
CLIP: Final = "&resizing_type=inside&enlarge=true"
FLIPS: Final = {"h": "horizontal", "v": "vertical", "hv": "both"}

RESULTS: Final = ("w", "h", "fit", "dpr", "q", "flip", "bg", "format")
"""Variables whose values form the new query, in this order."""

_SAFE_URL: Final = re.compile(r"https?://[A-Za-z0-9._~:/@!&()*+,;=%-]+")
_OWN_FORMATS: Final = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/avif": "avif",
    "image/gif": "gif",
    "image/tiff": "tiff",
}


@dataclass(frozen=True, slots=True)
class RedirectEntry:
    """One old URL and its image."""

    host: str
    path: str
    """Not encoded, with one leading slash."""
    old_url: str
    cdn_url: str
    own_format: str
    """The `format` that keeps the original's format, or empty if that is unknown."""

    @property
    def key(self) -> str:
        """Host and decoded path of a request for the old URL."""
        return f"{self.host}{self.path}"


Entries: TypeAlias = Callable[[], Iterator[RedirectEntry]]


def entries_of(urls: Iterator[MappedUrl]) -> Iterator[RedirectEntry]:
    """The entries of a mapping.

    Raises:
        InvalidArgumentError: the URL of an image cannot be written in a file of rules.
    """
    for url in urls:
        if not _SAFE_URL.fullmatch(url.cdn_url):
            raise InvalidArgumentError(
                f"{url.cdn_url!r:.200} cannot be used in a redirect rule", operation="write_redirects"
            )
        yield RedirectEntry(
            host=urlsplit(url.old_url).netloc.lower(),
            path=f"/{url.note.origin_path.removeprefix('/')}",
            old_url=url.old_url,
            cdn_url=url.cdn_url,
            own_format=_OWN_FORMATS.get(stored_type(url.note.mime_type) or "", ""),
        )


def statement(mark: str, use: str) -> Iterator[str]:
    """Describe the file, its use and its limits, as comments that start with `mark`."""
    yield f"{mark} {REDIRECTS_MARK}"
    for paragraph in (*use.split("\n\n"), HOSTS, CARRIED, NOT_CARRIED):
        yield mark
        lines = [paragraph] if paragraph.startswith("  ") else wrap(paragraph, _WIDTH)
        for line in lines:
            yield from (f"{mark} {part}" for part in line.split("\n"))
