"""What may be said about a failure below HTTP.

HTTP libraries quote what they cannot read: a status line, a header, the piece of a body instead of the
size of a chunk. Any of that may be a token or a signed URL. So their words are shown nowhere, only those of
the operating system and of OpenSSL, which know nothing of the response.
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
"""Failures of a request that are none of an HTTP library's own."""


def failure_below_http(error: OSError | SourceFailedError) -> TransportError:
    """One of `BELOW_HTTP` in the words of httpx."""
    timed_out = isinstance(error, TimeoutError)
    name = "ReadTimeout" if timed_out else "ReadError" if isinstance(error, OSError) else "WriteError"
    return TransportError(name, system_detail(error), may_have_acted=True, timed_out=timed_out)


def system_detail(error: BaseException) -> str:
    """What the operating system or OpenSSL says about `error` or its causes; empty when neither does."""
    causes = tuple(_causes(error))
    for cause in causes:
        # aiohttp derives classes of its own from those of `ssl`, without their attributes.
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
        # asyncio raises these with a text of its own, or with none.
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
            following = cause.exceptions[0]  # of the addresses of a name, as trio tries them
        cause = following
