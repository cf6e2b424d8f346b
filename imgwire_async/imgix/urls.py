"""Rendering URLs of imgix: building, signing, `srcset`, and checking a signature. No I/O.

Paths and values are encoded like in imgix's own JavaScript library, so both build the same URL. Source:
imgix's documentation of serving and securing images, and the package @imgix/js-core.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeAlias
from urllib.parse import quote

from imgwire_async.errors import InvalidArgumentError

ParamValue: TypeAlias = str | int | float | bool | Sequence[str | int | float] | None
"""A rendering parameter. A sequence is joined with commas; None omits the parameter."""

SRCSET_WIDTHS: Final = (
    *(100, 116, 135, 156, 181, 210, 244, 283, 328, 380, 441, 512, 594, 689, 799, 927, 1075, 1247),
    *(1446, 1678, 1946, 2257, 2619, 3038, 3524, 4087, 4741, 5500, 6380, 7401, 8192),
)
"""Widths in pixels of a `srcset` without `widths=`: each is at most 16 % wider than the one before."""

DENSITY_QUALITIES: Final = {1: 75, 2: 50, 3: 35, 4: 23, 5: 20}
"""Pixel densities of a `srcset` of fixed size, and the `q` of each if the parameters have none."""

# Characters that JavaScript's encodeURIComponent keeps besides letters and digits.
_COMPONENT: Final = "-_.!~*'()"
# encodeURI keeps these as well; imgix's library then encodes `#`, `?`, `:` and `+`.
_PATH: Final = _COMPONENT + ";,/@&=$"

_HOST: Final = re.compile(
    r"(?=.{1,253}(?::|\Z))[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*\.?(?::[0-9]{1,5})?",
    re.ASCII | re.IGNORECASE,
)
_SENT: Final = re.compile(r"(?:https?://[^/?#]*)?(?P<path>/[^?#]*|)(?:\?(?P<query>[^#]*))?(?:#.*)?", re.ASCII)
"""The parts of a URL, or only its path and query, without the normalisation that `urlsplit` does."""
_NEVER_SENT: Final = re.compile(r"[\x00-\x20\x7f]")


def imgix_url(
    host: str,
    path: str,
    params: Mapping[str, ParamValue] | None = None,
    *,
    token: str | None = None,
) -> str:
    """Build the https URL of an image, signed if `token` is given.

    Args:
        host: Host name of the source, such as `shop.imgix.net` or a custom domain.
        path: Path of the file at the origin, not encoded. For a web proxy source the full URL of the image.
        params: Rendering parameters in the order in which they are written. The values of names that end in
            `64` are given as plain text and written as base64. Add `expires` (Unix time in seconds) for a
            signed URL that expires.
        token: `secure_url_token` of the source.

    Raises:
        InvalidArgumentError: `host` is not a bare host name; `path` is empty, or has a segment `.` or `..`,
            which browsers resolve before they send it; `params` contains `s` or a value of another type; text
            cannot be encoded; or `token` is empty.
    """
    encoded_path = _encoded_path(path)
    query = _query(_checked_params(params))
    base = f"https://{_checked_host(host)}{encoded_path}"
    if token is not None:
        mark = url_signature(token, encoded_path, query)
        query = f"{query}&s={mark}" if query else f"s={mark}"
    return f"{base}?{query}" if query else base


def imgix_srcset(
    host: str,
    path: str,
    params: Mapping[str, ParamValue] | None = None,
    *,
    token: str | None = None,
    widths: Sequence[int] | None = None,
) -> str:
    """Build the value of a `srcset` attribute, not yet escaped for HTML.

    With `w` or `h` among the parameters the size is fixed, and the candidates are the densities `1x` to `5x`,
    each with a quality that decreases with the density unless `q` is given. Otherwise they are widths.

    Args:
        host: As in `imgix_url`.
        path: As in `imgix_url`.
        params: As in `imgix_url`, for every candidate.
        token: As in `imgix_url`; every candidate is signed.
        widths: Widths in pixels. Default: 100 to 8192 in steps of about 16 %.

    Raises:
        InvalidArgumentError: As in `imgix_url`, or `widths` is empty, contains anything but positive whole
            numbers, or is combined with `w` or `h`.
    """
    given = _checked_params(params)
    fixed = any(given.get(name) for name in ("w", "h", "width", "height"))
    if fixed and widths is not None:
        raise InvalidArgumentError("widths cannot be combined with w or h, which fix the size")
    if fixed:
        quality = {} if given.get("q") is not None else DENSITY_QUALITIES
        candidates = [
            (given | ({"q": quality[dpr]} if quality else {}) | {"dpr": dpr}, f"{dpr}x")
            for dpr in DENSITY_QUALITIES
        ]
    else:
        wanted = _checked_widths(SRCSET_WIDTHS if widths is None else widths)
        candidates = [(given | {"w": width}, f"{width}w") for width in wanted]
    return ", ".join(f"{imgix_url(host, path, more, token=token)} {unit}" for more, unit in candidates)


def url_signature(token: str, path: str, query: str = "") -> str:
    """Compute the signature for the `s` parameter.

    Args:
        token: `secure_url_token` of the source.
        path: The path of the URL as it is sent: encoded, with its leading slash.
        query: The query of the URL as it is sent, without `s`.

    Raises:
        InvalidArgumentError: `token` is empty.
    """
    if not isinstance(token, str):
        raise InvalidArgumentError(f"the token of a source must be a string, got {type(token).__name__}")
    if not token:
        raise InvalidArgumentError("the token of a source must not be empty: anybody could sign with it")
    signed = f"{token}{path}?{query}" if query else f"{token}{path}"
    try:
        return hashlib.md5(signed.encode(), usedforsecurity=False).hexdigest()
    except UnicodeEncodeError:
        pass
    raise InvalidArgumentError("the token or URL contains a lone surrogate, which cannot be encoded")


def is_signed(url: str, token: str) -> bool:
    """Check whether the last parameter of a URL is the correct signature for `token`.

    Nothing is decoded or encoded: imgix signs URLs as they are sent.

    Args:
        url: A full URL, or its path and query.
        token: `secure_url_token` of the source.

    Raises:
        InvalidArgumentError: `token` is empty.
    """
    url_signature(token, "")  # for its errors, whatever the URL
    sent: object = url
    found = _SENT.fullmatch(url) if isinstance(sent, str) and not _NEVER_SENT.search(sent) else None
    query, separator, given = ((found and found["query"]) or "").rpartition("s=")
    if found is None or not separator or (query and not query.endswith("&")):
        return False
    try:
        expected = url_signature(token, found["path"], query.removesuffix("&"))
    except InvalidArgumentError:
        return False
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


def _encoded_path(path: str) -> str:
    given: object = path
    if not isinstance(given, str):
        raise InvalidArgumentError(f"the path of an imgix URL must be a string, got {path!r:.80}")
    path = path.removeprefix("/")
    if not path:
        raise InvalidArgumentError("the path of an imgix URL must not be empty")
    is_url = path.startswith(("http://", "https://"))
    if not is_url and not {".", ".."}.isdisjoint(path.split("/")):
        raise InvalidArgumentError(f"no segment of the path may be '.' or '..', got {path!r:.200}")
    try:
        return "/" + quote(path, safe=_COMPONENT if is_url else _PATH)
    except UnicodeEncodeError:
        problem = "the path contains a lone surrogate, which cannot be encoded"
    raise InvalidArgumentError(problem)


def _checked_host(host: str) -> str:
    given: object = host
    if isinstance(given, str) and _HOST.fullmatch(given):
        return given
    raise InvalidArgumentError(f"host must be a bare host name such as 'shop.imgix.net', got {host!r:.80}")


def _checked_params(params: Mapping[str, ParamValue] | None) -> dict[str, ParamValue]:
    mapping: object = params
    if mapping is not None and not isinstance(mapping, Mapping):
        raise InvalidArgumentError(f"params must map names to values, got {params!r:.80}")
    given = dict(params or {})
    names: list[object] = [*given]
    for name in names:
        if not isinstance(name, str) or not name:
            raise InvalidArgumentError(f"the name of a parameter must be a string, got {name!r:.80}")
        if name == "s":
            raise InvalidArgumentError("s is the signature; pass token= to have the URL signed")
    return given


def _checked_widths(widths: Sequence[int]) -> list[int]:
    given: object = widths
    found: list[object] = [*given] if isinstance(given, Sequence) else []
    whole = [
        width for width in found if isinstance(width, int) and not isinstance(width, bool) and width >= 1
    ]
    if whole and len(whole) == len(found):
        return list(dict.fromkeys(whole))
    raise InvalidArgumentError("widths must be at least one whole number of pixels from 1")


def _query(params: Mapping[str, ParamValue]) -> str:
    pairs = []
    for name, value in params.items():
        if value is None:
            continue
        text = _text(name, value)
        try:
            if name.endswith("64"):
                encoded = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
            else:
                encoded = quote(text, safe=_COMPONENT)
            pairs.append(f"{quote(name, safe=_COMPONENT)}={encoded}")
        except UnicodeEncodeError:
            raise InvalidArgumentError(f"{name} contains a lone surrogate, which cannot be encoded") from None
    return "&".join(pairs)


def _text(name: str, value: ParamValue) -> str:
    is_list = isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview)
    parts = value if is_list and isinstance(value, Sequence) else [value]
    if all(
        isinstance(part, str | int) or (isinstance(part, float) and math.isfinite(part)) for part in parts
    ):
        return ",".join(_scalar(part) for part in parts if isinstance(part, str | int | float))
    raise InvalidArgumentError(
        f"{name} must be a string, a finite number, a bool or a sequence of these, got {value!r:.80}"
    )


def _scalar(value: str | float) -> str:
    """A value as JavaScript writes it: `true` for True, `2` for 2.0, `1e-7` for 0.0000001."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, float):
        return str(value)
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")
    digits, _, exponent = repr(value).partition("e")
    return f"{digits.removesuffix('.0')}e{int(exponent):+d}"
