"""Parsing imgix URLs: host, file, parameters and signature."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Collection, Iterator
from typing import NamedTuple
from urllib.parse import unquote

from imgwire_async.migrate.translation.records import ImgixSource, Signature

_URL = re.compile(
    r"(?:https?:)?//(?:[^/?#@]*@)?(\[[^/?#\]]*\]|[^/?#:@\[\]]+)(?::([0-9]*))?(/[^?#]+)(?:\?([^#]*))?(?:#.*)?",
    re.IGNORECASE,
)
_FORBIDDEN = re.compile(r"[\s\x00-\x20\x7f\"<>\\^`{|}]|%(?![0-9A-Fa-f]{2})")
_PROXY = re.compile(r"/(https?://.*)", re.IGNORECASE | re.DOTALL)
_BASE64 = re.compile(r"[A-Za-z0-9_+/-]+={0,2}")
_LARGEST_PORT = 65535


class ImgixUrl(NamedTuple):
    """A URL of any host, split but not decoded."""

    host: str
    path: str
    query: str | None


def split_url(text: str) -> ImgixUrl | None:
    """The parts of an http, https or scheme-relative URL with a path; None if it is malformed."""
    text = text.strip()
    match = None if _FORBIDDEN.search(text) else _URL.fullmatch(text)
    if match is None:
        return None
    host, port, path, query = match.groups()
    if port and (len(port.lstrip("0")) > len(str(_LARGEST_PORT)) or int(port) > _LARGEST_PORT):
        return None
    return ImgixUrl(ascii_host(host), path, query)


def ascii_host(host: str) -> str:
    """A host in lower case and in its DNS form: `xn--bcher-kva.example` for `bücher.example`."""
    host = host.lower()
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode()
    except UnicodeError:  # not a valid DNS name
        return host


def unicode_host(host: str) -> str:
    """A host in Unicode, as people write it."""
    if "xn--" not in host:
        return host
    try:
        return host.encode().decode("idna")
    except UnicodeError:
        return host


def is_imgix(host: str, hosts: Collection[str]) -> bool:
    """Whether a lower-case host belongs to imgix or is one of the lower-case custom domains."""
    return (host.endswith(".imgix.net") and not host.startswith(".")) or host in hosts


def is_imgix_video(host: str) -> bool:
    """Whether a host in lower case delivers videos."""
    return host.endswith(".imgix.video") and not host.startswith(".")


def source_of(url: ImgixUrl) -> ImgixSource | None:
    """The file of an imgix URL; None if its path is not UTF-8 or empty."""
    path = url.path
    if "%" in path:
        try:
            path = unquote(path, errors="strict")
        except UnicodeDecodeError:
            return None
    if path == "/":
        return None
    if (proxied := _PROXY.fullmatch(path)) is not None:
        return ImgixSource(url.host, None, proxied[1])
    return ImgixSource(url.host, path)


def pairs_of(query: str) -> Iterator[tuple[str, str]]:
    """Names and values of a query, decoded; a value of base64 keeps its plus signs."""
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            if "%" in name or "+" in name:
                name = unquote(name.replace("+", " "))
            if "+" in value and not name.endswith("64"):
                value = value.replace("+", " ")
            yield name, unquote(value) if "%" in value else value


def decoded_base64(value: str) -> str | None:
    """UTF-8 text of base64 with either alphabet, with or without padding; None for anything else."""
    if not _BASE64.fullmatch(value):
        return None
    bare = value.rstrip("=")
    if len(bare) % 4 == 1 or (bare != value and len(value) % 4):
        return None
    standard = bare.replace("-", "+").replace("_", "/") + "=" * (-len(bare) % 4)
    try:
        return base64.b64decode(standard, validate=True).decode()
    except ValueError:  # UnicodeDecodeError and binascii.Error are both
        return None


def signature_of(url: ImgixUrl, token: str) -> Signature:
    """Whether the last parameter signs the URL. Nothing is re-encoded: imgix signs a URL as it is sent."""
    parts = (url.query or "").split("&")
    if not any(part.startswith("s=") for part in parts):
        return "missing"
    if not parts[-1].startswith("s="):
        return "invalid"
    try:
        # The package of the imgix client is loaded only where a signature is checked.
        from imgwire_async.imgix.urls import url_signature

        expected = url_signature(token, url.path, "&".join(parts[:-1]))
    except UnicodeEncodeError:  # a lone surrogate, which cannot occur in a URL that was sent
        return "invalid"
    given = parts[-1].removeprefix("s=").encode(errors="replace")
    return "valid" if hmac.compare_digest(given, expected.encode()) else "invalid"
