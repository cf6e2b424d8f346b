"""Rendering URLs of imgix: building, signing, `srcset`, and checking a signature. No I/O.

Paths and values are encoded as imgix's own JavaScript library does, so that both make the same URL. Source:
imgix's documentation of serving and securing images, and the package @imgix/js-core.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias
from urllib.parse import quote, urlsplit

from imgwire_async.errors import InvalidArgumentError

ParamValue: TypeAlias = str | int | float | bool | Sequence[str | int | float] | None
"""A rendering parameter. A sequence is joined with commas; None leaves the parameter out."""

SRCSET_WIDTHS: Final = (
    *(100, 116, 135, 156, 181, 210, 244, 283, 328, 380, 441, 512, 594, 689, 799, 927, 1075, 1247),
    *(1446, 1678, 1946, 2257, 2619, 3038, 3524, 4087, 4741, 5500, 6380, 7401, 8192),
)
"""Widths in pixels of a `srcset` without `widths=`: each is at most 16 % wider than the one before."""

DENSITY_QUALITIES: Final = {1: 75, 2: 50, 3: 35, 4: 23, 5: 20}
"""Pixel densities of a `srcset` of fixed size, and the `q` of each when the parameters name none."""

# What JavaScript's encodeURIComponent leaves alone besides letters and digits.
_COMPONENT: Final = "-_.!~*'()"
# encodeURI leaves these alone, too; imgix's library then encodes `#`, `?`, `:` and `+`.
_PATH: Final = _COMPONENT + ";,/@&=$"


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
        InvalidArgumentError: `host` is not a bare host name, `path` is empty, `params` holds `s` or a value
            of another type, a text cannot be encoded, or `token` is empty.
    """
    encoded_path = _encoded_path(path)
    query = _query(params or {})
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
    each with the lower quality that its density allows unless `q` is given. Otherwise they are widths.

    Args:
        host: As in `imgix_url`.
        path: As in `imgix_url`.
        params: As in `imgix_url`, for every candidate.
        token: As in `imgix_url`; every candidate is signed.
        widths: Widths in pixels. Default: 100 to 8192 in steps of about 16 %.

    Raises:
        InvalidArgumentError: As in `imgix_url`, or `widths` is empty, holds a number below 1, or goes with
            `w` or `h`.
    """
    given = dict(params or {})
    fixed = given.get("w") is not None or given.get("h") is not None
    if fixed and widths is not None:
        raise InvalidArgumentError("widths does not go with w or h, which fix the size")
    if fixed:
        quality = {} if given.get("q") is not None else DENSITY_QUALITIES
        candidates = [
            (given | ({"q": quality[dpr]} if quality else {}) | {"dpr": dpr}, f"{dpr}x")
            for dpr in DENSITY_QUALITIES
        ]
    else:
        wanted = SRCSET_WIDTHS if widths is None else widths
        if not wanted or any(isinstance(width, bool) or width < 1 for width in wanted):
            raise InvalidArgumentError("widths must be positive numbers of pixels, at least one of them")
        candidates = [(given | {"w": width}, f"{width}w") for width in wanted]
    return ", ".join(f"{imgix_url(host, path, more, token=token)} {unit}" for more, unit in candidates)


def url_signature(token: str, path: str, query: str = "") -> str:
    """Compute the value of `s`.

    Args:
        token: `secure_url_token` of the source.
        path: The path of the URL as it is sent: encoded, with its leading slash.
        query: The query of the URL as it is sent, without `s`.

    Raises:
        InvalidArgumentError: `token` is empty.
    """
    if not token:
        raise InvalidArgumentError("the token of a source must not be empty: anybody could sign with it")
    signed = f"{token}{path}?{query}" if query else f"{token}{path}"
    return hashlib.md5(signed.encode(), usedforsecurity=False).hexdigest()


def is_signed(url: str, token: str) -> bool:
    """Check whether the last parameter of a URL is the signature that `token` gives.

    Nothing is decoded or encoded: imgix signs a URL as it is sent.

    Args:
        url: A full URL, or its path and query.
        token: `secure_url_token` of the source.

    Raises:
        InvalidArgumentError: `token` is empty.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    query, separator, given = parts.query.rpartition("s=")
    if not separator or (query and not query.endswith("&")):
        return False
    expected = url_signature(token, parts.path, query.removesuffix("&"))
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


def _encoded_path(path: str) -> str:
    path = path.removeprefix("/")
    if not path:
        raise InvalidArgumentError("the path of an imgix URL must not be empty")
    is_url = path.startswith(("http://", "https://"))
    try:
        return "/" + quote(path, safe=_COMPONENT if is_url else _PATH)
    except UnicodeEncodeError:
        problem = "the path holds a lone surrogate, which cannot be encoded"
    raise InvalidArgumentError(problem)


def _checked_host(host: str) -> str:
    if (
        not host
        or not host.isascii()
        or not set(host.lower()) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.:")
    ):
        raise InvalidArgumentError(
            f"host must be a bare host name such as 'shop.imgix.net', got {host!r:.80}"
        )
    return host


def _query(params: Mapping[str, ParamValue]) -> str:
    pairs = []
    for name, value in params.items():
        if name == "s":
            raise InvalidArgumentError("s is the signature; pass token= to have the URL signed")
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
            raise InvalidArgumentError(f"{name} holds a lone surrogate, which cannot be encoded") from None
    return "&".join(pairs)


def _text(name: str, value: ParamValue) -> str:
    if isinstance(value, str | int | float):
        return _scalar(value)
    if (
        isinstance(value, Sequence)
        and not isinstance(value, bytes | bytearray | memoryview)
        and all(isinstance(part, str | int | float) for part in value)
    ):
        return ",".join(map(_scalar, value))
    raise InvalidArgumentError(
        f"{name} must be text, a number, a bool or a sequence of these, got {value!r:.80}"
    )


def _scalar(value: str | float) -> str:
    """A value as JavaScript writes it: `true` for True, `2` for 2.0."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
