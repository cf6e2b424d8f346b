"""Redirect rules from old URLs to new ones, in the languages of web servers and services."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias, get_args

from imgwire_async.errors import InvalidArgumentError
from imgwire_async.migrate.mapping import MappedUrl
from imgwire_async.migrate.redirects import caddy, cloudflare, next_js, nginx
from imgwire_async.migrate.redirects.entries import entries_of

RedirectKind: TypeAlias = Literal["nginx", "cloudflare", "caddy", "next"]

_WRITERS = {"nginx": nginx.lines, "cloudflare": cloudflare.lines, "caddy": caddy.lines, "next": next_js.lines}


def check_kind(kind: object) -> None:
    """Check the name of a language.

    Raises:
        InvalidArgumentError: the language is not supported.
    """
    if kind not in get_args(RedirectKind):
        raise InvalidArgumentError(
            f"kind must be one of {', '.join(get_args(RedirectKind))}, got {kind!r:.80}",
            operation="write_redirects",
        )


def redirect_lines(kind: RedirectKind, urls: Callable[[], Iterator[MappedUrl]]) -> Iterator[str]:
    """The lines of a file of rules.

    Args:
        kind: the language.
        urls: returns an iterator over the whole mapping; called more than once.

    Raises:
        InvalidArgumentError: the URL of an image cannot be written in such a file.
    """
    return _WRITERS[kind](lambda: entries_of(urls()))
