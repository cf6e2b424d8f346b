"""URL checks: credentials and images are sent over https, or over http to this machine only."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from imgwire_async.errors import ConfigurationError

_HIDDEN = re.compile(r"[\s\x00-\x1f\x7f]")
"""Characters that `urlsplit` silently drops, and whitespace."""

_SEGMENT = r"(?:[\w~!$&'()*+,;=:@-]|%[\da-fA-F]{2})(?:[\w.~!$&'()*+,;=:@-]|%[\da-fA-F]{2})*"
_PLAIN = re.compile(
    r"https?://(?:127\.0\.0\.1|\[::1\]"
    r"|(?:(?!xn--)[a-z\d](?:-?[a-z\d]){0,31}\.){1,6}[a-z]{2,20}|(?!xn--)[a-z](?:-?[a-z\d]){0,31})"
    r"(?::(?!(?:80|443)(?:/|$))(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}))?"
    rf"(?:/{_SEGMENT})*(?:/?|/(?:{_SEGMENT})?\?(?:[\w.~!$&()*+,;=:@/-]|%[\da-fA-F]{{2}})+)",
    re.ASCII,
)
"""Matches nearly all URLs: those that every HTTP library sends unchanged. No library has to be loaded.

Each presigned URL is new, and parsing it with a library takes as long as sending a request.
"""


def checked_base_url(text: str, *, allow_insecure: bool, example: str) -> str:
    """Check the base URL of the API, and remove a trailing slash.

    Args:
        text: the URL.
        allow_insecure: accept http to another machine.
        example: a base URL to show when this one is wrong.

    Raises:
        ConfigurationError: it is not an http(s) URL with a host, has a query, a fragment or a password, or
            would send the key in clear text over a network.
    """
    if not isinstance(text, str):
        raise ConfigurationError(f"the base URL must be a string, got {text!r:.80}")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port  # reading the port checks it
    except ValueError as error:
        raise ConfigurationError(f"the base URL {text!r} is not a URL: {error}") from None
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError(
            "the base URL must not contain a user name or password; pass api_key= instead"
        )
    if parts.scheme not in {"http", "https"} or not host or _HIDDEN.search(text):
        raise ConfigurationError(
            f"the base URL {text!r} must start with https:// and a host, as {example} does"
        )
    if not _is_sendable(text):
        raise ConfigurationError(f"the base URL {text!r} has a host name or path that cannot be sent")
    if parts.query or parts.fragment:
        raise ConfigurationError(f"the base URL {text!r} must not have a query or fragment")
    if not (allow_insecure or is_confidential(parts)):
        raise ConfigurationError(
            f"the base URL {text!r} would send the API key in clear text; use https, "
            "or pass allow_insecure=True for a network that you trust"
        )
    return text.rstrip("/")


@lru_cache(maxsize=256)
def sendable_url(text: str) -> str:
    """Convert a URL to the form sent in requests: only characters outside ASCII are encoded.

    Converting the result again does not change it.

    Parsing a URL costs as much as sending it, and most requests go to a few URLs.

    Raises:
        ValueError: it is not a URL with a host that can be looked up, or has a user name or password. Also
            raised for URLs that libraries parse differently, so the URL we checked is the one we send.
    """
    if _PLAIN.fullmatch(text) is not None:
        return text
    # The HTTP libraries are loaded by the first client, not with this module.
    import httpx
    from yarl import URL

    try:
        given = httpx.URL(text)
        # One pass may leave escapes in upper case in a host or, after `HTTP://`, the default port.
        url = httpx.URL(str(given))
    except httpx.InvalidURL as error:
        raise ValueError(str(error)) from None
    exact, host = str(url), url.raw_host.decode("ascii")
    # Name resolution encodes the host again, and raises for a label that is empty or too long.
    host.encode("idna")
    if (
        not given.host  # without one, the path would become the host
        or url.userinfo
        or not host == urlsplit(exact).hostname == URL(exact, encoded=True).raw_host
    ):
        raise ValueError("a URL needs a host, and no user name or password")
    return exact


def same_for_all_spellings(base_url: str) -> str:
    """Normalize a checked base URL: host in lower case, without the scheme's default port.

    It identifies a service, so all spellings of a URL must give the same result.
    """
    return sendable_url(base_url).rstrip("/")


def _is_sendable(text: str) -> bool:
    try:
        sendable_url(text)
    except ValueError:
        return False
    return True


def is_http_url(text: str) -> bool:
    """Whether a request can be sent to `text`."""
    try:
        parts, _ = urlsplit(text), sendable_url(text)
        usable = parts.scheme in {"http", "https"} and parts.port != 0
    except ValueError:
        return False
    return usable


def is_confidential(parts: SplitResult) -> bool:
    """Whether requests to it cannot be read on a network: https, or http to a loopback address."""
    return parts.scheme == "https" or _is_this_machine(parts.hostname or "")


@lru_cache(maxsize=64)
def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
