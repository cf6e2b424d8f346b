"""Descriptions of failures below HTTP that are safe to show.

HTTP libraries quote data that they cannot parse: a status line, a header, a piece of the body instead of a
chunk size. Any of it may be a token or a signed URL. So their messages are never shown, only those of the
operating system and of OpenSSL, which contain nothing of the response.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
from collections.abc import Iterator
from typing import Final

from imgwire_async.core.body import SourceFailedError
from imgwire_async.core.http.messages import TransportError

_TLS_REASON = re.compile(r"[A-Z0-9_]{1,80}", re.ASCII)
_MOST_CAUSES = 20
_BY_CLASS = {
    errno.ECONNREFUSED: ConnectionRefusedError,
    errno.ECONNABORTED: ConnectionAbortedError,
    errno.ECONNRESET: ConnectionResetError,
    errno.EPIPE: BrokenPipeError,
}


BELOW_HTTP: Final = (OSError, SourceFailedError)
"""Failures of a request that do not come from an HTTP library."""


def failure_below_http(error: OSError | SourceFailedError) -> TransportError:
    """Convert one of `BELOW_HTTP` to a `TransportError`, named like the corresponding httpx exception."""
    timed_out = isinstance(error, TimeoutError)
    name = "ReadTimeout" if timed_out else "ReadError" if isinstance(error, OSError) else "WriteError"
    return TransportError(name, system_detail(error), may_have_acted=True, timed_out=timed_out)


def system_detail(error: BaseException) -> str:
    """The operating system's or OpenSSL's message for `error` or its causes; empty if there is none."""
    causes = tuple(_causes(error))
    for cause in causes:
        # aiohttp derives its own classes from those of `ssl`, without their attributes.
        if isinstance(cause, ssl.SSLCertVerificationError) and hasattr(cause, "verify_message"):
            return f"certificate verification failed: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError) and _TLS_REASON.fullmatch(getattr(cause, "reason", None) or ""):
            return f"TLS: {cause.reason}"
        if isinstance(cause, socket.gaierror) and cause.strerror:
            return cause.strerror
    for cause in causes:
        if isinstance(cause, OSError) and cause.errno is not None and cause.errno in errno.errorcode:
            return os.strerror(cause.errno)
    for cause in causes:
        # asyncio raises these with its own text, or with none.
        for number, kind in _BY_CLASS.items():
            if isinstance(cause, kind):
                return os.strerror(number)
    return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    for _ in range(_MOST_CAUSES):
        if cause is None:
            return
        yield cause
        following = cause.__cause__ or cause.__context__
        if following is None and isinstance(cause, BaseExceptionGroup):
            following = cause.exceptions[0]  # trio's errors for each address of a host
        cause = following
