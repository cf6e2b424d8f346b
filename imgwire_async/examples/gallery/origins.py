"""Requests that another page makes a browser send, with the cookie of who is signed in.

`SameSite=Strict` withholds the cookie from other sites only. Other ports and subdomains are of the same site.
"""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class OnlyFromOwnPages:
    """ASGI middleware that rejects requests which write and come from pages of another origin, with 403.

    Programs that are not browsers send neither header, and need no protection: nobody else can use their
    cookies.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] in READING or is_own(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        await JSONResponse({"detail": "This request came from another page."}, 403)(scope, receive, send)


def is_own(headers: Headers) -> bool:
    """Whether a page of this service sent a request, or a program that is not a browser."""
    site = headers.get("sec-fetch-site")  # not sent to http:// unless that is this machine
    if site is not None:
        return site in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host", "")
