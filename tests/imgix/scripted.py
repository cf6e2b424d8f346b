"""An imgix on a real socket that returns the scripted responses of a test, in order."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from imgwire_async.core.pace.limits import RateLimit
from imgwire_async.imgix import AsyncImgixClient, ImgixRateClass
from tests.clients import without_waits

JSON_API: Final = "application/vnd.api+json"
SOURCE: Final = "5f73d9798d5327eb5194d54a"
LOST: Final = "lost"
"""The service executes the request, and the connection breaks before the response."""

UNLIMITED: Final = dict.fromkeys(ImgixRateClass, RateLimit(1e6, burst=1000))


@dataclass(frozen=True)
class Reply:
    """One response of the script."""

    status: int = 200
    document: Any = None
    content: bytes | None = None
    retry_after: str | None = None


@dataclass(frozen=True)
class Seen:
    """One request that arrived."""

    what: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def resource(kind: str, identity: str, **attributes: Any) -> dict[str, Any]:
    return {"data": {"id": identity, "type": kind, "attributes": attributes}, "meta": {}}


def asset(path: str, **attributes: Any) -> dict[str, Any]:
    return resource("assets", f"{SOURCE}/{path}", source_id=SOURCE, origin_path=f"/{path}", **attributes)


def failure(status: int, title: str = "Failed", detail: str = "It failed.") -> Reply:
    error = {"detail": detail, "id": "req-1", "meta": {}, "status": str(status), "title": title}
    return Reply(status, {"errors": [error], "jsonapi": {"version": "1.0"}, "meta": {"server": {}}})


@dataclass
class Script:
    """The responses of the service for each request, and the requests it has received."""

    base_url: str = ""
    replies: dict[str, list[Reply | str]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)

    def on(self, what: str, *replies: Reply | str | dict[str, Any]) -> None:
        """Respond to requests such as "GET /api/v1/sources" with these; the last response is repeated."""
        self.replies[what] = [Reply(200, one) if isinstance(one, dict) else one for one in replies]

    @property
    def asked(self) -> list[str]:
        return [request.what for request in self.seen]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        what = f"{request.method} {request.raw_path.partition('?')[0]}"
        self.seen.append(
            Seen(
                what,
                dict(request.query),
                {name.lower(): value for name, value in request.headers.items()},
                await request.read(),
            )
        )
        waiting = self.replies.get(what, [failure(404, "NotFound", "Resource not found.")])
        reply = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(reply, str):
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        content = reply.content
        if content is None:
            content = b"" if reply.document is None else json.dumps(reply.document).encode()
        headers = {} if reply.retry_after is None else {"Retry-After": reply.retry_after}
        return web.Response(status=reply.status, body=content, content_type=JSON_API, headers=headers)


@asynccontextmanager
async def scripted() -> AsyncIterator[Script]:
    script = Script()
    application = web.Application(client_max_size=1 << 30)
    application.router.add_route("*", "/{path:.*}", script._handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        script.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield script
    finally:
        await runner.cleanup()


def client_of(script: Script, **arguments: Any) -> AsyncImgixClient:
    """A client without published limits that does not wait between attempts."""
    given = {"api_key": "ak_test", "base_url": script.base_url, "rate_limits": UNLIMITED} | arguments
    return without_waits(AsyncImgixClient(**given))
