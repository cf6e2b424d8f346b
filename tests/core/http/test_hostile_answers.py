"""Text that a broken or malicious server sends never appears in an error or the log."""

from __future__ import annotations

import gzip
import io
import json
import logging
import pickle
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from uuid import UUID

import anyio
import httpx
import pytest
from anyio import to_thread

from imgwire_async import AsyncImgwireClient, ImgwireError, Timeouts
from imgwire_async.core.http.library_logs import redacted_logs
from tests.clients import client_of
from tests.downloads.file_host import job_at
from tests.lowlevel.support import IMAGE
from tests.raw_servers import Behaviour, Connection, RawServer, always, answer, raw_server

TOKEN = "tok_SECRET_4f1c"
PENDING = IMAGE | {"status": "PENDING", "can_upload": True}
IMAGE_ID = UUID(int=7)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
PAIR = b'{"token": "' + TOKEN.encode() + b'"}'
SIGNED = f"https://files.example/a?signature={TOKEN}"

ANSWERS = {
    "size of a chunk": CHUNKED + PAIR + b"\r\n",
    "second chunk": CHUNKED + b"2\r\n{}\r\n" + PAIR + b"\r\n",
    "end of a chunk": CHUNKED + b"1\r\n{" + PAIR + b"\r\n0\r\n\r\n",
    "chunk extension": CHUNKED + b"1;" + PAIR * 2000 + b"\r\n{\r\n0\r\n\r\n",
    "trailer": CHUNKED + b"0\r\n" + PAIR + b"\r\n\r\n",
    "reason phrase": answer(400, b"").replace(b"400 ", b"400 " + TOKEN.encode() + b" ", 1),
    "unknown header": answer(400, b"", f"{TOKEN}: {TOKEN}"),
    "status line": PAIR + b"\r\n\r\n",
    "status": b"HTTP/1.1 " + TOKEN.encode() + b" OK\r\n\r\n",
    "version": b"HTTP/" + TOKEN.encode() + b" 200 OK\r\n\r\n",
    "header without a name": OK + b": " + PAIR + b"\r\n\r\n",
    "header without a colon": OK + TOKEN.encode() + b"\r\n\r\n",
    "name of a header": OK + TOKEN.encode() + b"\0: x\r\n\r\n",
    "value of a header": OK + b"X: \0" + PAIR + b"\r\n\r\n",
    "huge header": OK + b"X: " + PAIR * 10_000 + b"\r\n\r\n",
    "length": OK + b"Content-Length: " + TOKEN.encode() + b"\r\n\r\n",
    "two lengths": OK + b"Content-Length: 2\r\nContent-Length: 3" + TOKEN.encode() + b"\r\n\r\n{}",
    "transfer encoding": OK + b"Transfer-Encoding: " + TOKEN.encode() + b"\r\n\r\n",
    "content encoding": answer(200, PAIR, f"Content-Encoding: {TOKEN}"),
    "not gzip": answer(200, PAIR, "Content-Encoding: gzip"),
    "after gzip": answer(200, gzip.compress(b"{}") + PAIR, "Content-Encoding: gzip"),
    "cut gzip": answer(200, gzip.compress(PAIR, 0)[:-9], "Content-Encoding: gzip"),
    "cut body": answer(200, PAIR)[:-1],
    "cookies": answer(200, b"[", f"Set-Cookie: {TOKEN}\x01=\x02; Expires={TOKEN}", "Set-Cookie: ;;==\x7f"),
    "redirect": answer(302, b"", f"Location: http://[{TOKEN}/?a={TOKEN}"),
    "not JSON": answer(200, PAIR[:-1]),
    "another shape": answer(200, PAIR),
    "text instead of an object": answer(200, json.dumps(TOKEN).encode()),
    "an odd date": answer(200, json.dumps(IMAGE | {"created_at": TOKEN}).encode()),
    "an odd id": answer(200, json.dumps(IMAGE | {"id": TOKEN}).encode()),
    "an odd status": answer(200, json.dumps(IMAGE | {"status": [TOKEN]}).encode()),
    "an odd map": answer(200, json.dumps(IMAGE | {"custom_metadata": [TOKEN]}).encode()),
    "a huge number": answer(200, b'{"token": "' + TOKEN.encode() + b'", "x": ' + b"9" * 10_000 + b"}"),
    "page of a proxy": answer(502, b"<p>Authorization: " + TOKEN.encode() + b"</p>"),
    "error of another service": answer(400, b'{"error": {"token": "' + TOKEN.encode() + b'"}}'),
    "list of errors": answer(400, b'["' + TOKEN.encode() + b'"]'),
    "issue that quotes the input": answer(
        422, json.dumps({"detail": [{"loc": ["q"], "msg": "m", "type": "t", "input": TOKEN}]}).encode()
    ),
    "error that quotes a signed URL": answer(400, json.dumps({"detail": f"cannot fetch {SIGNED}"}).encode()),
    "request id": answer(500, b"", f"X-Request-Id: a {TOKEN}"),
    "hint": answer(429, b"", f"Retry-After: {TOKEN}"),
    "pages": answer(200, b"[]", f"X-Next-Page: {TOKEN}"),
    "range": answer(206, b"abc", f"Content-Range: bytes {TOKEN}"),
}

Call = Callable[[AsyncImgwireClient, RawServer], Awaitable[object]]


async def download_to_file(client: AsyncImgwireClient, server: RawServer) -> object:
    return await client.images.download_archive(job_at(f"{server.base_url}/a.zip?s={TOKEN}"), to=io.BytesIO())


async def stream(client: AsyncImgwireClient, server: RawServer) -> object:
    async with client.images.download_archive(job_at(f"{server.base_url}/a.zip?s={TOKEN}")) as chunks:
        return [chunk async for chunk in chunks]


async def list_images(client: AsyncImgwireClient, server: RawServer) -> object:  # noqa: ARG001
    return [image async for image in client.images.list()]


CALLS: dict[str, Call] = {
    "list": list_images,
    "retrieve": lambda client, _: client.images.retrieve(IMAGE_ID),
    "create": lambda client, _: client.images.create(file_name="a.png", upload_token=TOKEN),
    "upload_via_url": lambda client, _: client.images.upload_via_url(SIGNED),
    "delete": lambda client, _: client.images.delete(IMAGE_ID),
    "upload": lambda client, _: client.images.upload(PNG),
    "streamed upload": lambda client, _: client.images.upload(iter([PNG]), size=len(PNG)),
    "download": download_to_file,
    "stream": stream,
}


def behaviour_of(raw: bytes, *, store: bool) -> Behaviour:
    """Respond to every request with `raw`; with `store` only to PUTs, and properly to calls of the API."""

    def behave(connection: Connection) -> None:
        while head := connection.read_request():
            if store and head.startswith(b"POST"):
                url = f"{connection.server.base_url}/put?signature={TOKEN}"
                connection.send(answer(200, json.dumps({"image": PENDING, "upload_url": url}).encode()))
                continue
            connection.send(raw)
            connection.hang_up()
            return

    return behave


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    caplog.set_level(logging.DEBUG)
    yield caplog
    assert TOKEN not in caplog.text


def everything_in(error: BaseException) -> str:
    """Everything that could be shown of an exception and of its causes."""
    found: list[str] = []
    left, seen = [error], set()
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        found += [str(one), repr(one), repr(one.args), repr(vars(one)), *getattr(one, "__notes__", ())]
        left += [other for other in (one.__cause__, one.__context__) if other is not None]
    found += traceback.format_exception(error)
    found.append(pickle.dumps(error).decode("latin-1"))
    return "\n".join(found)


@asynccontextmanager
async def client_over(transport: str, server: RawServer) -> AsyncIterator[AsyncImgwireClient]:
    options = {"timeout": Timeouts(read=2.0), "max_retries": 1}
    if transport == "aiohttp":
        async with client_of(server, **options) as client:
            yield client
    else:
        async with (
            httpx.AsyncClient(trust_env=False, verify=False) as http,
            client_of(server, http_client=http, **options) as client,
        ):
            yield client


async def error_of(call: Awaitable[object]) -> ImgwireError | None:
    try:
        await call
    except ImgwireError as error:
        return error
    return None


@pytest.mark.parametrize("transport", ["aiohttp", "httpx"])
@pytest.mark.parametrize("call", CALLS)
async def test_no_content_of_a_response_is_in_the_error_or_the_log(
    transport: str, call: str, told: pytest.LogCaptureFixture
) -> None:
    failures = 0
    for place, raw in ANSWERS.items():
        with raw_server(behaviour_of(raw, store=call in {"upload", "streamed upload"})) as server:
            async with client_over(transport, server) as client:
                error = await error_of(CALLS[call](client, server))
                failures += error is not None
                assert error is None or TOKEN not in everything_in(error), place
        assert TOKEN not in told.text, place
    # A PUT succeeds with any status of success, whatever else the response contains.
    assert failures >= (10 if call == "streamed upload" else 15)


@pytest.mark.parametrize("transport", ["aiohttp", "httpx"])
async def test_the_error_for_an_unreadable_response_says_what_is_wrong_with_it(transport: str) -> None:
    with raw_server(behaviour_of(ANSWERS["size of a chunk"], store=False)) as server:
        async with client_over(transport, server) as client:
            with pytest.raises(ImgwireError, match="not valid HTTP"):
                await client.images.retrieve(IMAGE_ID)


async def test_an_error_of_the_service_is_shown_unchanged() -> None:
    body = {"detail": "Resource not found.", "error_type": "ResourceNotFoundError", "hint": 1}
    raw = answer(404, json.dumps(body).encode(), "X-Request-Id: req_1")
    with raw_server(behaviour_of(raw, store=False)) as server:
        async with client_of(server) as client:
            with pytest.raises(ImgwireError, match=r"Resource not found\.") as caught:
                await client.images.retrieve(IMAGE_ID)
    assert caught.value.body == body  # type: ignore[attr-defined]
    assert caught.value.request_id == "req_1"


async def test_no_content_of_a_response_is_in_the_log_on_trio(told: pytest.LogCaptureFixture) -> None:
    def retrieve_all() -> None:
        for raw in ANSWERS.values():
            with raw_server(behaviour_of(raw, store=False)) as server:
                anyio.run(retrieve, server, backend="trio")

    async def retrieve(server: RawServer) -> None:
        async with client_of(server, timeout=Timeouts(read=2.0), max_retries=0) as client:
            await error_of(client.images.retrieve(IMAGE_ID))

    await to_thread.run_sync(retrieve_all)
    lines = [record.getMessage() for record in told.records if record.name.startswith("httpcore")]
    assert "receive_response_body.failed exception=RemoteProtocolError" in lines
    assert "receive_response_headers.complete status=422" in lines


async def test_other_requests_of_the_caller_are_logged_as_usual(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with raw_server(always(ANSWERS["unknown header"])) as server:
        async with httpx.AsyncClient(trust_env=False) as http:
            async with client_of(server, http_client=http, max_retries=0) as client:
                await error_of(client.images.retrieve(IMAGE_ID))
            assert TOKEN not in caplog.text
            await http.get(f"{server.base_url}/?s={TOKEN}")
    assert f"?s={TOKEN}" in caplog.text
    assert f"(b'{TOKEN}', b'{TOKEN}')" in caplog.text


@pytest.mark.parametrize(
    ("name", "line", "shown"),
    [
        (
            "httpcore.http2",
            f"receive_response_headers.complete return_value=(200, [(b'a', b'{TOKEN}')])",
            "200",
        ),
        (
            "httpcore.socks",
            f"setup_socks5_connection.started stream=<S> auth=(b'u', b'{TOKEN}')",
            "",
        ),
        ("httpcore.proxy", f"start_tls.failed exception=ConnectError(OSError('{TOKEN}'))", "=ConnectError"),
        ("hpack.hpack", f"Adding (b'x-api-key', b'{TOKEN}') to the header table", ""),
    ],
)
def test_log_lines_of_every_protocol_are_shortened(
    told: pytest.LogCaptureFixture, name: str, line: str, shown: str
) -> None:
    with redacted_logs():
        logging.getLogger(name).debug(line)
    assert shown in told.text
