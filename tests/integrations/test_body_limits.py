"""Callers whose body is rejected while they are still sending can read the reason."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request, UploadFile
from starlette.types import Message, Receive, Scope, Send

from imgwire_async.integrations.fastapi import CancelOnDisconnect, LimitBodySize, limits
from tests.integrations.serving import serving

LIMIT = 100_000
TOO_LARGE = {"detail": "The image is too large."}
CHUNKED = b"POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNK = b"%x\r\n%s\r\n" % (10_000, bytes(10_000))


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI()

    @app.post("/read")
    async def read(request: Request) -> int:
        return len(await request.body())

    @app.post("/form")
    async def form(file: UploadFile) -> int:
        return file.size or 0

    @app.post("/stubborn")
    async def stubborn(request: Request) -> str:
        with contextlib.suppress(Exception):
            await request.body()
        return "I answer all the same"

    app.add_middleware(CancelOnDisconnect)
    app.add_middleware(LimitBodySize, max_bytes=LIMIT)
    return app


async def form(size: int, piece: int) -> AsyncIterator[bytes]:
    yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'.ljust(piece, b"\0")
    for _ in range(size // piece - 1):
        yield bytes(piece)


@pytest.mark.parametrize("path", ["/read", "/form", "/stubborn"])
@pytest.mark.parametrize("size", [LIMIT + 1000, 50_000_000], ids=["a little too long", "far too long"])
@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "known length"])
async def test_a_client_that_sends_everything_first_reads_the_413(
    app: FastAPI, path: str, size: int, chunked: bool
) -> None:
    piece = 1000 if size < 10**6 else 10**6
    headers = {"content-type": "multipart/form-data; boundary=x"}
    if not chunked:
        headers["content-length"] = str(size)
    async with serving(app) as browser:
        for _ in range(10):
            answer = await browser.post(path, content=form(size, piece), headers=headers)
            assert (answer.status_code, answer.json()) == (413, TOO_LARGE)
        assert (await browser.post("/read", content=b"fits")).json() == 4


async def connected(browser: httpx.AsyncClient) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(browser.base_url.host, browser.base_url.port)


async def test_the_413_arrives_while_a_slow_client_goes_on_sending(app: FastAPI) -> None:
    async with serving(app) as browser:
        reader, writer = await connected(browser)
        writer.write(CHUNKED + CHUNK * 11)
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 413 " in head
        assert b"connection: close" in head.lower()
        for _ in range(50):
            writer.write(CHUNK)
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(b"0\r\n\r\n")

        assert b"too large" in await reader.read()  # and then the connection is closed
        writer.close()


@pytest.mark.parametrize("wanted", [b"100-continue", b"100-Continue"])
async def test_a_client_that_asks_first_is_rejected_at_once(app: FastAPI, wanted: bytes) -> None:
    async with serving(app) as browser:
        reader, writer = await connected(browser)
        writer.write(
            b"POST /read HTTP/1.1\r\nHost: x\r\nExpect: %s\r\nContent-Length: 5000000\r\n\r\n" % wanted
        )

        answer = await reader.read()  # the connection is closed without waiting for a body
        writer.close()

    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_a_chunked_client_that_asks_first_may_send_and_reads_the_413(app: FastAPI) -> None:
    async with serving(app) as browser:
        reader, writer = await connected(browser)
        writer.write(
            b"POST /read HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        assert b" 100 " in await reader.readuntil(b"\r\n\r\n")
        writer.write(CHUNK * 500 + b"0\r\n\r\n")
        answer = await reader.read()
        writer.close()

    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("pause", [0, 0.01], ids=["a client that never stops", "a client that stops"])
async def test_no_client_can_keep_the_connection_open_for_ever(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch, pause: float
) -> None:
    monkeypatch.setattr(limits, "_LONGEST_DRAIN", 0.05 if pause == 0 else 600)
    monkeypatch.setattr(limits, "_LONGEST_PAUSE", 600 if pause == 0 else pause)

    async def send_for_ever(writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(CHUNK)
                await writer.drain()
                await asyncio.sleep(0)

    async with serving(app) as browser:
        reader, writer = await connected(browser)
        writer.write(CHUNKED + CHUNK * 11)
        sending = asyncio.create_task(send_for_ever(writer) if pause == 0 else asyncio.sleep(0))
        with contextlib.suppress(ConnectionError):
            assert b" 413 " in await reader.readuntil(b"\r\n\r\n")
            await reader.read()
        await sending
        writer.transport.abort()


async def test_the_application_sees_the_end_before_the_rest_has_arrived() -> None:
    """Otherwise it would keep the received part for as long as the client likes."""
    events: list[str] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        for _ in range(3):
            message = await receive()
            events.append(message["type"])

    async def receive() -> Message:
        events.append("received")
        return {"type": "http.request", "body": b"x", "more_body": events.count("received") < 5}

    async def send(message: Message) -> None:
        events.append(str(message.get("status") or message.get("more_body")))

    scope: Scope = {"type": "http", "http_version": "1.1", "method": "POST", "headers": []}
    await LimitBodySize(application, max_bytes=1)(scope, receive, send)

    assert events == [
        *("received", "http.request"),
        *("received", "413", "True", "http.disconnect", "http.disconnect"),
        *("received", "received", "received", "False"),
    ]


@pytest.mark.parametrize(
    ("version", "more_body", "closing"), [("1.1", True, True), ("1.1", False, False), ("2", True, False)]
)
async def test_the_connection_is_closed_only_if_the_rest_of_a_body_is_in_its_way(
    version: str, more_body: bool, closing: bool
) -> None:
    sent: list[Message] = []
    pieces = iter([(b"xx", more_body), (b"", False)])

    async def application(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        await receive()

    async def receive() -> Message:
        body, more = next(pieces)
        return {"type": "http.request", "body": body, "more_body": more}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "http_version": version, "method": "POST", "headers": []}
    await LimitBodySize(application, max_bytes=1)(scope, receive, send)

    assert sent[0]["status"] == 413
    assert (b"connection" in dict(sent[0]["headers"])) == closing
    assert [message.get("more_body") for message in sent[1:]] == [True, False]
