"""Keeps credentials out of logs, representations and tracebacks.

`Secret` wraps a credential as soon as it comes in, so that no `repr`, no log line and no traceback with
local variables shows it.

httpx logs the full URL of every request at INFO. The URL of a presigned PUT is a credential, and so is an
upload token in a query. The filter rewrites only the records that a request of ours causes.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import httpx

_SENDING = ContextVar("imgwire_async_sending", default=False)

_QUERY = re.compile(r"[?#]")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>]+", re.IGNORECASE)


class Secret:
    """A credential that is shown nowhere and read only through `reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The credential itself, for the one place that sends it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"


class HiddenText(str):
    """Text that is sent like any other, but whose `repr` does not show it, nor that of a dict with it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "HiddenText(…)"


class QuietRequest(httpx.Request):
    """A request that shows its URL without the query."""

    def __repr__(self) -> str:
        return f"<Request({self.method!r}, {without_query(self.url)!r})>"


def without_query(url: httpx.URL | str) -> str:
    """`url` without query, fragment and user information: what may be shown to anybody."""
    scheme, separator, rest = _QUERY.split(str(url), maxsplit=1)[0].partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"


def redacted(text: str) -> str:
    """`text` with every URL in it cut down to what may be shown."""
    return _URL.sub(lambda match: without_query(match[0]), text)


class _UrlFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if _SENDING.get() and isinstance(record.args, tuple):
            record.args = tuple(
                without_query(arg) if isinstance(arg, httpx.URL) else arg for arg in record.args
            )
        return True


logging.getLogger("httpx").addFilter(_UrlFilter())


@contextmanager
def redacted_httpx_logs() -> Iterator[None]:
    """While this is entered, httpx's own log lines show URLs without their query."""
    token = _SENDING.set(True)
    try:
        yield
    finally:
        _SENDING.reset(token)
