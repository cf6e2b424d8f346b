"""Callers of an application that stall in the middle of a body: the handler ends by the client's timeouts."""

from __future__ import annotations

import time
from typing import Any

import anyio
import httpx
import pytest
from anyio.abc import SocketStream
from fastapi import FastAPI, Request
from starlette.requests import ClientDisconnect

from imgwire_async import APITimeoutError, Timeouts
from imgwire_async.integrations.fastapi import (
    ImgwireDep,
    LimitBodySize,
    add_error_handlers,
    imgwire_lifespan,
    upload_body,
)
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of
from tests.hangs import HANGS
from tests.integrations.serving import serving

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00".ljust(100_000, b"\0")


def application(sandbox: Sandbox, seen: list[Exception], **options: Any) -> FastAPI:
    def make_client() -> Any:
        return client_of(sandbox, max_retries=0, **options)

    app = FastAPI(lifespan=imgwire_lifespan(make_client=make_client))
    add_error_handlers(app)

    @app.put("/raw")
    async def raw(request: Request, imgwire: ImgwireDep) -> str:
        try:
            return (await upload_body(imgwire, request, max_bytes=1_000_000, file_name="a.jpg")).status
        except Exception as error:
            seen.append(error)
            raise

    return app


async def begin(http: httpx.AsyncClient, sent: int) -> SocketStream:
    url = http.base_url
    connection = await anyio.connect_tcp(url.host, url.port or 80)
    await connection.send(
        b"PUT /raw HTTP/1.1\r\nHost: app\r\nContent-Length: %d\r\n\r\n" % len(JPEG) + JPEG[:sent]
    )
    return connection


@pytest.mark.parametrize("sent", [0, 40, 5_000, 90_000])
@pytest.mark.parametrize("options", [{"timeout": 0.3}, {"deadline": 0.3}])
async def test_a_caller_that_stops_sending_does_not_block_the_handler(
    sandbox: Sandbox, sent: int, options: dict[str, Any]
) -> None:
    seen: list[Exception] = []
    async with serving(application(sandbox, seen, **options)) as http:
        began = time.monotonic()
        async with await begin(http, sent) as connection:
            with anyio.fail_after(HANGS):
                answer = await connection.receive()
        assert time.monotonic() - began < 30

    assert answer.startswith(b"HTTP/1.1 504")
    assert len(seen) == 1


async def test_the_read_timeout_alone_ends_a_caller_that_sends_forty_bytes(sandbox: Sandbox) -> None:
    seen: list[Exception] = []
    app = application(sandbox, seen, timeout=Timeouts(read=0.3))
    async with serving(app) as http, await begin(http, 40) as connection:
        with anyio.fail_after(HANGS):
            await connection.receive()

    assert isinstance(seen[0], APITimeoutError)
    assert sandbox.requests.of("images.create") == []


@pytest.mark.parametrize("sent", [40, 90_000])
async def test_a_caller_that_disconnects_raises_the_exception_of_the_framework(
    sandbox: Sandbox, sent: int
) -> None:
    seen: list[Exception] = []
    async with serving(application(sandbox, seen)) as http:
        await (await begin(http, sent)).aclose()
        with anyio.fail_after(HANGS):
            while not seen:  # noqa: ASYNC110 - the application runs in this event loop
                await anyio.sleep(0.01)

    assert isinstance(seen[0], ClientDisconnect)


@pytest.mark.parametrize("wrong", [True, 2.5, "3"])
def test_a_limit_that_is_not_a_number_is_rejected(wrong: Any) -> None:
    with pytest.raises(ValueError, match="max_bytes"):
        LimitBodySize(FastAPI(), max_bytes=wrong)
