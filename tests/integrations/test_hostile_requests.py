"""Deliberately invalid input: lengths, limits, paths, lifespans and errors of all kinds."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx
import pytest
from anyio import to_thread
from fastapi import FastAPI, Request, UploadFile, WebSocket
from starlette.types import Message, Scope

from imgwire_async import AsyncImgwireClient, errors
from imgwire_async.integrations.fastapi import (
    CancelOnDisconnect,
    ImgwireDep,
    LimitBodySize,
    add_error_handlers,
    error_response,
    get_imgwire,
    imgwire_lifespan,
    upload_body,
    upload_form_file,
)
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of
from tests.integrations.serving import serving

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
LIMIT = len(PNG)


@pytest.fixture
def app(sandbox: Sandbox) -> FastAPI:
    app = FastAPI(lifespan=imgwire_lifespan(make_client=lambda: client_of(sandbox, max_retries=0)))
    app.add_middleware(CancelOnDisconnect)
    add_error_handlers(app)

    @app.put("/raw")
    async def raw(request: Request, imgwire: ImgwireDep) -> str:
        return (await upload_body(imgwire, request, max_bytes=LIMIT, file_name="a.png")).status

    @app.post("/form")
    async def form(file: UploadFile, imgwire: ImgwireDep) -> str:
        return (await upload_form_file(imgwire, file, max_bytes=LIMIT)).status

    @app.get("/images/{image_id}")
    async def show(image_id: str, imgwire: ImgwireDep) -> str:
        return (await imgwire.images.retrieve(image_id)).status

    return app


async def statuses(sandbox: Sandbox) -> list[str]:
    async with client_of(sandbox) as client:
        return [image.status async for image in client.images.list()]


async def raw_answer(browser: httpx.AsyncClient, request: bytes) -> bytes:
    """The response of a real server to exactly these bytes."""

    def ask() -> bytes:
        parts = urlsplit(str(browser.base_url))
        assert parts.hostname is not None
        with socket.create_connection((parts.hostname, parts.port or 80), timeout=60) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
            return answer

    return await to_thread.run_sync(ask)


def put(length: str, body: bytes) -> bytes:
    return b"PUT /raw HTTP/1.1\r\nHost: x\r\nContent-Length: %s\r\n\r\n%s" % (length.encode(), body)


@pytest.mark.parametrize(
    "length", ["-1", "+93", "9" * 5000, "1e3", "٩", "", "7, 9", str(2**64)], ids=lambda text: text[:8]
)
async def test_a_length_that_is_not_a_number_or_beyond_all_limits_is_rejected(
    app: FastAPI, sandbox: Sandbox, length: str
) -> None:
    async with serving(app) as browser:
        answer = await raw_answer(browser, put(length, PNG))

    assert answer.split(b" ", 2)[1] in {b"400", b"411", b"413"}
    assert list(sandbox.requests) == []


@pytest.mark.parametrize("length", [b"9" * 5000, b"-1", b"1_0", "٩".encode(), b" 5", b""])
async def test_invalid_lengths_that_a_careless_server_accepts_are_rejected(
    app: FastAPI, length: bytes
) -> None:
    app.add_middleware(LimitBodySize, max_bytes=LIMIT)
    answers: list[Message] = []

    async def body() -> Message:
        return {"type": "http.request", "body": PNG, "more_body": False}

    async def keep(message: Message) -> None:
        answers.append(message)

    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "method": "PUT",
        "path": "/raw",
        "headers": [(b"content-length", length)],
        "query_string": b"",
        "state": {"imgwire": AsyncImgwireClient("sk_test")},
    }
    async with scope["state"]["imgwire"]:
        await app(scope, body, keep)

    assert answers[0]["status"] in {411, 413}


async def test_a_body_shorter_than_declared_leaves_nothing_ready(app: FastAPI, sandbox: Sandbox) -> None:
    async with serving(app) as browser:
        await raw_answer(browser, put(str(LIMIT), PNG[:-10]))

    assert set(await statuses(sandbox)) <= {"PENDING"}


async def test_a_body_longer_than_declared_is_not_stored(app: FastAPI, sandbox: Sandbox) -> None:
    declared = LIMIT - 10

    async def longer() -> AsyncIterator[bytes]:
        yield PNG

    transport = httpx.ASGITransport(app)  # does not enforce the declared length, unlike real servers
    async with (
        client_of(sandbox, max_retries=0) as client,
        httpx.AsyncClient(transport=transport, base_url="http://service") as browser,
    ):
        app.dependency_overrides[get_imgwire] = lambda: client
        answer = await browser.put("/raw", content=longer(), headers={"content-length": str(declared)})

    assert answer.status_code in {400, 422}
    assert set(await statuses(sandbox)) <= {"PENDING"}


@pytest.mark.parametrize(("size", "status"), [(LIMIT, 200), (LIMIT + 1, 413)])
async def test_the_limit_of_a_raw_body_is_its_last_byte(app: FastAPI, size: int, status: int) -> None:
    async with serving(app) as browser:
        answer = await browser.put("/raw", content=PNG.ljust(size, b"\0"))

    assert answer.status_code == status


@pytest.mark.parametrize(("size", "status"), [(LIMIT, 200), (LIMIT + 1, 413)])
async def test_the_limit_of_a_form_file_is_its_last_byte(app: FastAPI, size: int, status: int) -> None:
    async with serving(app) as browser:
        answer = await browser.post("/form", files={"file": ("a.png", PNG.ljust(size, b"\0"))})

    assert answer.status_code == status


@pytest.mark.parametrize("known_length", [True, False], ids=["known length", "chunked"])
@pytest.mark.parametrize(("size", "status"), [(1000, 200), (1001, 413)])
async def test_the_limit_of_all_bodies_is_their_last_byte(known_length: bool, size: int, status: int) -> None:
    app = FastAPI()
    app.add_middleware(LimitBodySize, max_bytes=1000)

    @app.post("/")
    async def count(request: Request) -> int:
        return len(await request.body())

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(size):
            yield b"x"

    async with serving(app) as browser:
        answer = await browser.post("/", content=b"x" * size if known_length else pieces())

    assert answer.status_code == status
    assert answer.json() == (size if status == 200 else {"detail": "The image is too large."})


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "GET"])
async def test_other_methods_are_rejected(app: FastAPI, sandbox: Sandbox, method: str) -> None:
    app.add_middleware(LimitBodySize, max_bytes=LIMIT)
    async with serving(app) as browser:
        assert (await browser.request(method, "/raw")).status_code == 405

    assert list(sandbox.requests) == []


async def test_a_path_cannot_write_lines_into_the_log(app: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "imgwire_async"):
        async with serving(app) as browser:
            await browser.get("/images/x%0A2026-01-01%20ERROR%20forged")

    assert caplog.messages
    assert not any("\n" in message for message in caplog.messages)


def every_error(kind: type[errors.ImgwireError] = errors.ImgwireError) -> set[type[errors.ImgwireError]]:
    return {kind}.union(*(every_error(one) for one in kind.__subclasses__()))


SECRET = "upstream-says-sk_live_123"


@pytest.mark.parametrize("kind", sorted(every_error(), key=str))
def test_none_of_our_errors_shows_what_the_service_said(kind: type[errors.ImgwireError]) -> None:
    error = kind.__new__(kind)
    errors.ImgwireError.__init__(error, SECRET, url=f"https://{SECRET}", operation=SECRET)
    if isinstance(error, errors.APIStatusError | errors.DownloadRejectedError):
        error.status = 418

    answer = error_response(error)

    assert 400 <= answer.status_code <= 599
    assert SECRET not in bytes(answer.body).decode() + str(answer.raw_headers)


@pytest.mark.parametrize("kind", [errors.IngestError, errors.JournalError, errors.IngestStoppedError])
def test_a_job_that_fails_here_is_not_blamed_on_the_service(kind: type[errors.ImgwireError]) -> None:
    assert error_response(kind("the journal is in use")).status_code == 500


@pytest.mark.parametrize("accepted", [True, False])
async def test_an_error_behind_a_websocket_closes_it_with_a_neutral_reason(accepted: bool) -> None:
    app, sent = FastAPI(), []
    app.add_middleware(CancelOnDisconnect)
    add_error_handlers(app)

    @app.websocket("/")
    async def serve(websocket: WebSocket) -> None:
        if accepted:
            await websocket.accept()
        raise errors.NotFoundError(SECRET, status=404)

    async def connect() -> Message:
        return {"type": "websocket.connect"}

    async def keep(message: Message) -> None:
        sent.append(message)

    await app({"type": "websocket", "path": "/", "headers": [], "query_string": b""}, connect, keep)

    assert sent[-1] == {"type": "websocket.close", "code": 1011, "reason": "The image does not exist."}
    assert len(sent) == 1 + accepted


Lifespan = Callable[[Any], Any]


async def run_lifespan(lifespan: Lifespan) -> None:
    async with lifespan(FastAPI()):
        pass


@pytest.mark.parametrize("when", ["startup", "shutdown"])
async def test_the_client_is_closed_if_the_lifespan_of_the_application_fails(
    sandbox: Sandbox, when: str
) -> None:
    made: list[AsyncImgwireClient] = []

    def make() -> AsyncImgwireClient:
        made.append(client_of(sandbox))
        return made[-1]

    @asynccontextmanager
    async def own(_: FastAPI) -> AsyncGenerator[None, None]:
        if when == "startup":
            raise LookupError("no database")
        yield
        raise LookupError("no database")

    with pytest.raises(LookupError, match="no database"):
        await run_lifespan(imgwire_lifespan(own, make_client=make))

    with pytest.raises(errors.ConfigurationError, match="closed"):
        await made[0].health()


async def test_without_a_key_the_application_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMGWIRE_API_KEY", raising=False)

    with pytest.raises(errors.ConfigurationError, match="IMGWIRE_API_KEY"):
        await run_lifespan(imgwire_lifespan())


async def never() -> Message:
    await anyio.sleep_forever()
    raise AssertionError


async def nowhere(message: Message) -> None: ...


async def test_the_middleware_keeps_the_cause_of_an_error() -> None:
    async def fail(*_: object) -> None:
        try:
            int("at first")
        except ValueError:
            ["then"].index("something else")

    with pytest.raises(ValueError, match="not in list") as raised:
        await CancelOnDisconnect(fail)({"type": "http"}, never, nowhere)

    assert "at first" in str(raised.value.__context__)
    assert not raised.value.__suppress_context__


async def test_an_exception_group_of_the_application_passes_through_the_middleware_unchanged() -> None:
    async def fail(*_: object) -> None:
        raise ExceptionGroup("mine", [ValueError("a"), LookupError("b")])

    with pytest.raises(ExceptionGroup) as raised:
        await CancelOnDisconnect(fail)({"type": "http"}, never, nowhere)

    assert raised.value.message == "mine"
