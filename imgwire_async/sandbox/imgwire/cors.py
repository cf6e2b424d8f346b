"""CORS of browser uploads: patterns, and the headers that they allow."""

from __future__ import annotations

import ipaddress
import re
import sqlite3
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imgwire_async.sandbox.imgwire.errors import InvalidRequestError, error_response
from imgwire_async.sandbox.imgwire.runtime import Runtime
from imgwire_async.sandbox.server.errors import broken
from imgwire_async.sandbox.server.requests.bodies import answer_early
from imgwire_async.sandbox.server.runtime import logger

OPERATIONS = {"/api/v1/images/standard_upload": "POST", "/_store/": "PUT"}
"""Path prefixes that browsers call, and their method."""

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*")


def check_pattern(pattern: str) -> str:
    """Return the pattern if it is a host, `*.` and a host, or either with a port.

    Raises:
        InvalidRequestError:, it has a scheme, a path or something else that is not a host pattern.
    """
    host, port = pattern, ""
    address = re.fullmatch(r"\[([0-9a-fA-F:.]+)\](?::(\d+))?", pattern)
    if address is not None:
        host, port = address[1], address[2] or ""
        valid = _is_address(host)
    else:
        host, colon, port = pattern.partition(":")
        valid = len(host) <= 255 and _HOST.fullmatch(host.lower()) is not None and bool(port) == bool(colon)
    if port and not (re.fullmatch(r"[0-9]{1,5}", port) and 1 <= int(port) <= 65535):
        valid = False
    if not valid:
        raise InvalidRequestError(
            ("body", "pattern"), "must be a host such as app.example.com, *.example.com or localhost:3000."
        )
    return pattern


def matches(pattern: str, origin: str) -> bool:
    """Whether a browser's `Origin` matches a pattern. `*.` stands for one or more labels, not for none."""
    try:
        parts = urlsplit(origin)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.scheme not in {"http", "https"} or not host:
        return False
    shown = f"[{host}]" if ":" in host else host
    netloc = shown if port is None else f"{shown}:{port}"
    pattern = pattern.lower()
    if pattern.startswith("*."):
        return netloc.endswith(pattern[1:]) and len(netloc) > len(pattern) - 1
    return netloc == pattern


def method_for(path: str) -> str | None:
    """The method that browsers may use on a path, or None where CORS does not apply."""
    for prefix, method in OPERATIONS.items():
        if path == prefix or (prefix.endswith("/") and path.startswith(prefix)):
            return method
    return None


def allowed_headers(runtime: Runtime, origin: str) -> dict[str, str]:
    """The response headers for an origin: none when origins are configured and it is not among them."""
    patterns = [row["pattern"] for row in runtime.database.writer.execute("SELECT pattern FROM cors_origins")]
    if patterns and not any(matches(pattern, origin) for pattern in patterns):
        return {"vary": "Origin"}
    return {"access-control-allow-origin": origin, "vary": "Origin"}


def preflight(headers: dict[str, str], method: str) -> Response:
    """The response to `OPTIONS`, given `allowed_headers`; always 200, the headers decide."""
    if "access-control-allow-origin" in headers:
        headers |= {
            "access-control-allow-methods": method,
            "access-control-allow-headers": "Authorization, Content-Type, X-Environment-Id",
            "access-control-max-age": "600",
        }
    return Response(headers=headers)


class CrossOrigin:
    """ASGI middleware that responds to preflights and adds the CORS headers."""

    def __init__(self, application: ASGIApp, runtime: Runtime) -> None:
        self._application = application
        self._runtime = runtime

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or respond to it."""
        origin, path = Headers(scope=scope).get("origin"), scope["path"]
        method = method_for(path)
        if origin is None or method is None:
            await self._application(scope, receive, send)
            return
        try:
            allowed = allowed_headers(self._runtime, origin)
        except sqlite3.Error as damage:
            logger.error("CORS of %r failed: %r", path, damage)
            await answer_early(error_response(path, broken(damage)), scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            await preflight(allowed, method)(scope, receive, send)
            return
        await self._application(scope, receive, _adding_headers(send, allowed))


def _adding_headers(send: Send, headers: dict[str, str]) -> Send:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *raw]}
        await send(message)

    return send_with_headers


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
