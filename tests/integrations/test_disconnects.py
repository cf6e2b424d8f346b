"""Requests that `CancelOnDisconnect` cancels, and those it does not."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
from fastapi import BackgroundTasks, FastAPI, Request
from starlette.responses import StreamingResponse

from imgwire_async.integrations.fastapi import CancelOnDisconnect
from tests.hangs import HANGS
from tests.integrations.serving import serving


async def test_background_tasks_outlive_the_connection() -> None:
    app, done = FastAPI(), anyio.Event()
    app.add_middleware(CancelOnDisconnect)

    async def clean_up() -> None:
        await anyio.sleep(0.2)
        done.set()

    @app.get("/")
    async def answer(background: BackgroundTasks) -> str:
        background.add_task(clean_up)
        return "answered"

    async with serving(app) as browser:
        assert (await browser.get("/", headers={"connection": "close"})).json() == "answered"
        with anyio.fail_after(HANGS):
            await done.wait()


async def test_a_response_that_nobody_reads_ends() -> None:
    app, ended = FastAPI(), anyio.Event()
    app.add_middleware(CancelOnDisconnect)

    async def for_ever() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"more"
                await anyio.sleep(0.01)
        finally:
            ended.set()

    @app.get("/")
    async def answer() -> StreamingResponse:
        return StreamingResponse(for_ever())

    async with serving(app) as browser:
        async with browser.stream("GET", "/") as response:
            await anext(response.aiter_raw())
        with anyio.fail_after(HANGS):
            await ended.wait()


async def test_a_handler_sees_the_whole_body_however_it_is_chunked() -> None:
    app = FastAPI()
    app.add_middleware(CancelOnDisconnect)

    @app.post("/")
    async def count(request: Request) -> int:
        return len(await request.body())

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield bytes(30_000)

    async with serving(app) as browser:
        assert (await browser.post("/", content=pieces())).json() == 1_500_000
