"""Removes secrets from the log lines that httpx and httpcore write about our requests.

httpx logs the URL of every request at INFO, and the reason phrase of the response. The URL of a presigned PUT
is a credential, and so is an upload token in a query. httpcore logs response headers at DEBUG, and exceptions
that quote unparsable data. The filters rewrite only the records of our requests.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import httpx

from imgwire_async.core.values.redaction import without_query

_OURS = ContextVar("imgwire_async_ours", default=False)

# httpcore's lines are already formatted: the name of an event, followed by arbitrary text.
_EVENT = re.compile(
    r"""(?P<event>[\w.]+)
    (?:
        \ exception=(?P<error>\w+)
      | \ return_value=\((?:b'HTTP/[\d.]+',\ )?(?P<status>\d+)
      | (?P<request>\ request=<Request\ \[b'[A-Z]+'\]>)
      | (?P<address>\ host='[^'\s]*'\ port=\d+)
    )?""",
    re.VERBOSE | re.ASCII,
)


@contextmanager
def redacted_logs() -> Iterator[None]:
    """Inside this context, log lines of httpx and httpcore show no query, header value or response data."""
    token = _OURS.set(True)
    try:
        yield
    finally:
        _OURS.reset(token)


class _HttpxFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if _OURS.get() and isinstance(record.args, tuple):
            args = [without_query(str(arg)) if isinstance(arg, httpx.URL) else arg for arg in record.args]
            for position, status in enumerate(args[:-1]):
                if isinstance(status, int):
                    # The server may send any text as the reason phrase.
                    args[position + 1] = httpx.codes.get_reason_phrase(status)
            record.args = tuple(args)
        return True


class _HttpcoreFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if _OURS.get():
            record.msg, record.args = _shown(record.getMessage()), ()
        return True


class _HpackFilter(logging.Filter):
    # hpack, the header compression of HTTP/2, logs every header with its value, and nothing else of use.
    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002
        return not _OURS.get()


def _shown(line: str) -> str:
    found = _EVENT.match(line)
    if found is None:
        return "…"
    if found["error"]:
        return f"{found['event']} exception={found['error']}"
    if found["status"]:
        return f"{found['event']} status={found['status']}"
    return found[0]


# A logger's filter does not see the records of its child loggers.
logging.getLogger("httpx").addFilter(_HttpxFilter())
for _name in ("connection", "http11", "http2", "proxy", "socks"):
    logging.getLogger(f"httpcore.{_name}").addFilter(_HttpcoreFilter())
for _name in ("hpack", "table"):
    logging.getLogger(f"hpack.{_name}").addFilter(_HpackFilter())
