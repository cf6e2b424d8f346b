"""Credentials never appear in logs, representations, exceptions or our local variables."""

from __future__ import annotations

import asyncio
import gc
import logging
import traceback
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx
import httpx_aiohttp
import pytest

import imgwire_async
from imgwire_async import AsyncImgwireClient, ImgwireError, Timeouts
from imgwire_async.core.clients.client import core_of
from imgwire_async.imgwire.lowlevel.models import ImageDownloadJob, StandardUpload, UploadToken
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of
from tests.raw_servers import Connection, always, answer, raw_server

PACKAGE = str(Path(imgwire_async.__file__).parent)
LOGGERS = ("", "imgwire_async", "httpx", "httpcore", "aiohttp", "aiohttp.client", "asyncio", "hpack")


class Everything(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def everything_logged() -> Iterator[list[logging.LogRecord]]:
    handler = Everything()
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    logging.getLogger().addHandler(handler)
    yield handler.records
    logging.getLogger().removeHandler(handler)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def whole_chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions


def frames_of(trace: TracebackType | None) -> Iterator[tuple[str, dict[str, Any]]]:
    while trace is not None:
        frame = trace.tb_frame
        # The sandbox also runs in this process, but is not part of the client.
        if frame.f_code.co_filename.startswith(PACKAGE) and "sandbox" not in frame.f_code.co_filename:
            yield f"{Path(frame.f_code.co_filename).name}:{frame.f_code.co_name}", frame.f_locals
        trace = trace.tb_next


def shown_by(error: BaseException) -> str:
    """Everything that an error reporter could get out of an exception."""
    shown = []
    for one in whole_chain(error):
        shown += [str(one), repr(one), *map(repr, one.args)]
        if isinstance(one, ImgwireError):
            shown.append(repr({name: value for name, value in vars(one).items() if name != "body"}))
        for where, variables in frames_of(one.__traceback__):
            shown += [f"{where} {name} = {value!r}" for name, value in variables.items()]
    return "\n".join([*shown, "".join(traceback.format_exception(error))])


def assert_shows_none(text: str, secrets: list[str]) -> None:
    for secret in secrets:
        position = text.find(secret)
        assert position < 0, f"…{text[max(0, position - 300) : position + 80]}…"


class Wiretap(httpx.AsyncBaseTransport):
    """Forwards requests and records the signed URLs and tokens in them."""

    def __init__(self) -> None:
        self._inner = httpx_aiohttp.AiohttpTransport()
        self.secrets: set[str] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.query:
            self.secrets |= {value for _, value in request.url.params.items() if len(value) > 20}
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


def lines_of(records: list[logging.LogRecord]) -> str:
    return "\n".join(f"{r.name} {r.getMessage()} {r.args!r} {r.__dict__!r}" for r in records)


@pytest.mark.parametrize("tapped", [True, False])
async def test_an_upload_with_failures_logs_no_secret(
    sandbox: Sandbox, photo: Path, everything_logged: list[logging.LogRecord], tapped: bool
) -> None:
    secrets = [sandbox.server_key, "signature="]
    tap = Wiretap()
    async with (
        httpx.AsyncClient(transport=tap) as http_client,
        client_of(sandbox, http_client=http_client if tapped else None) as client,
    ):
        sandbox.faults.once("images.create", status=503)
        sandbox.faults.once("images.create", reset="after")
        sandbox.faults.once("store.put", disconnect_after=10_000)
        sandbox.faults.once("store.put", status=500)
        token = await client.images.create_upload_token()
        await client.images.upload(photo, upload_token=token.token)
        page = await client.images.list()
        sandbox.faults.once("store.put", status=400)
        with pytest.raises(ImgwireError):
            await client.images.upload(photo)
        secrets += [token.token, *tap.secrets]

    assert len(tap.secrets) >= 3 or not tapped
    assert len(page.data) == 1
    assert sandbox.faults.unused() == []
    by_httpx = [record for record in everything_logged if record.name == "httpx"]
    assert any("_store" in record.getMessage() for record in by_httpx) == tapped
    assert any(record.name == "imgwire_async" for record in everything_logged)
    assert_shows_none(lines_of(everything_logged), secrets)


async def test_the_engine_of_trio_logs_no_secret(
    sandbox: Sandbox, photo: Path, everything_logged: list[logging.LogRecord]
) -> None:
    async def scenario() -> None:
        async with client_of(sandbox) as client:
            sandbox.faults.once("store.put", status=500)
            await client.images.upload(photo)

    await asyncio.to_thread(lambda: anyio.run(scenario, backend="trio"))

    assert any(record.name.startswith("httpcore") for record in everything_logged)
    assert_shows_none(lines_of(everything_logged), [sandbox.server_key, "signature="])


Attempt = Callable[[AsyncImgwireClient, Path, str], Awaitable[object]]


async def upload(client: AsyncImgwireClient, photo: Path, token: str) -> object:
    return await client.images.upload(photo, upload_token=token)


async def create(client: AsyncImgwireClient, photo: Path, token: str) -> object:
    return await client.images.create(file_name=photo.name, upload_token=token)


FAILURES: dict[str, tuple[Attempt, str, dict[str, Any]]] = {
    "create 401": (create, "images.create", {"status": 401}),
    "create 422": (upload, "images.create", {"status": 422}),
    "create reset": (upload, "images.create", {"reset": "after"}),
    "create truncated": (upload, "images.create", {"truncate": True}),
    "create stalled": (upload, "images.create", {"stall": 5}),
    "create not JSON": (upload, "images.create", {"status": 200, "body": '{"upload_url": "signature=1"}'}),
    "put 400": (upload, "store.put", {"status": 400}),
    "put 403": (upload, "store.put", {"status": 403}),
    "put 503": (upload, "store.put", {"status": 503}),
    "put reset": (upload, "store.put", {"reset": "before"}),
    "put half": (upload, "store.put", {"disconnect_after": 1000}),
    "put stalled": (upload, "store.put", {"stall": 5}),
}


@pytest.mark.parametrize(("attempt", "operation", "fault"), FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_no_exception_and_none_of_our_local_variables_shows_a_secret(
    sandbox: Sandbox, photo: Path, attempt: Attempt, operation: str, fault: dict[str, Any], backend: str
) -> None:
    async def scenario() -> tuple[BaseException, str]:
        async with client_of(sandbox, timeout=Timeouts(read=0.1), max_retries=1) as client:
            token = (await client.with_options(timeout=30).images.create_upload_token()).token
            sandbox.faults.always(operation, **fault)
            with pytest.raises(ImgwireError) as caught:
                await attempt(client, photo, token)
            return caught.value, token

    error, token = anyio.run(scenario, backend=backend)

    assert_shows_none(shown_by(error), [sandbox.server_key, "signature=", token])


@pytest.mark.parametrize("operation", ["images.create", "store.put"])
@pytest.mark.parametrize("how", ["timeout", "cancel"])
@pytest.mark.measures_time
async def test_a_cancelled_call_shows_no_secret(
    sandbox: Sandbox, photo: Path, operation: str, how: str
) -> None:
    async with client_of(sandbox) as client:
        token = (await client.images.create_upload_token()).token
        sandbox.faults.always(operation, stall=5)
        error: BaseException
        if how == "timeout":
            with pytest.raises(TimeoutError) as timed_out:
                await asyncio.wait_for(client.images.upload(photo, upload_token=token), 0.2)
            error = timed_out.value
        else:
            task = asyncio.create_task(upload(client, photo, token))
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as cancelled:
                await task
            error = cancelled.value

    shown = shown_by_all_but_this_file(error)
    assert "image_uploads.py:upload" in shown
    assert_shows_none(shown, [sandbox.server_key, "signature=", token])


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_call_cancelled_in_the_middle_of_a_response_shows_none_of_its_content(backend: str) -> None:
    def begin_to_answer(connection: Connection) -> None:
        connection.read_request()
        connection.send(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"token": "se' + b'cret"')
        connection.wait_for_end_of_test()

    async def scenario() -> BaseException:
        async with client_of(server) as client:
            with pytest.raises(TimeoutError) as timed_out, anyio.fail_after(0.2):
                await client.images.create_upload_token()
        return timed_out.value

    with raw_server(begin_to_answer) as server:
        error = anyio.run(scenario, backend=backend)

    assert_shows_none(shown_by_all_but_this_file(error), ["secret", "sk_test"])


def shown_by_all_but_this_file(error: BaseException) -> str:
    """The local variables of all frames, except for those of this test, which contains the secrets."""
    shown = []
    for one in whole_chain(error):
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if frame.f_code.co_filename == __file__ or "contextlib" in frame.f_code.co_filename:
                continue
            where = f"{Path(frame.f_code.co_filename).name}:{frame.f_code.co_name}"
            shown += [f"{where} {name} = {value!r}" for name, value in frame.f_locals.items()]
    return "\n".join(shown)


async def test_a_wrong_key_is_not_shown_by_the_error_about_it() -> None:
    for key in ("sk_secret with blanks", "sk_secret\n", "sk_sécret"):
        with pytest.raises(ImgwireError) as caught:
            AsyncImgwireClient(key)
        own = [
            repr(variables)
            for one in whole_chain(caught.value)
            for _, variables in frames_of(one.__traceback__)
        ]
        assert_shows_none("\n".join([*own, str(caught.value), repr(caught.value)]), [key])


async def test_no_public_object_shows_a_secret(sandbox: Sandbox, photo: Path) -> None:
    async with client_of(sandbox) as client:
        token = await client.images.create_upload_token()
        created = await client.images.create(file_name="a.png")
        image = await client.images.upload(photo)
        await client.images.wait_until_ready(image.id)
        job = await client.images.create_bulk_download_job([image.id])
        job = await client.images.wait_for_bulk_download(job.id)
        core = core_of(client)
        shown = "\n".join(
            repr(thing)
            for thing in (
                client, client.with_options(timeout=1), client.images, client.stats(), client.images.list(),
                token, created, image, job, core, core.options, core.credentials, core.shared,
                core.credentials.__dict__, core.shared.engine.__dict__,
            )
        )  # fmt: skip

    assert isinstance(token, UploadToken)
    assert isinstance(created, StandardUpload)
    assert isinstance(job, ImageDownloadJob)
    assert job.download_url is not None
    assert_shows_none(
        shown,
        [
            sandbox.server_key,
            token.token,
            urlsplit(created.upload_url).query,
            urlsplit(job.download_url).query,
        ],
    )


async def test_hooks_receive_no_secret(sandbox: Sandbox, photo: Path) -> None:
    told: list[object] = []
    sandbox.faults.once("store.put", status=503)
    hooks = {"on_request": told.append, "on_response": told.append, "on_retry": told.append}
    async with client_of(sandbox, **hooks) as client:
        token = await client.images.create_upload_token()
        await client.images.upload(photo, upload_token=token.token)

    assert len(told) == 9
    assert_shows_none(repr(told), [sandbox.server_key, token.token, "signature="])


async def test_our_requests_are_sent_without_the_additions_of_a_custom_http_client() -> None:
    with raw_server(always(answer(200, b"[]", "Set-Cookie: ours=1"))) as server:
        async with httpx.AsyncClient(
            headers={"X-Mine": "1", "Authorization": "Basic bWluZQ=="},
            cookies={"mine": "1"},
            auth=("me", "mine"),
            params={"mine": "1"},
            follow_redirects=True,
            base_url="http://elsewhere.invalid",
        ) as http_client:
            async with client_of(server, http_client=http_client) as client:
                await client.images.list()
                await client.images.list()
            gc.collect()
            assert not http_client.is_closed

    for head in server.heads:
        sent = head.decode().lower()
        assert "mine" not in sent.split("\r\n")[0]
        assert "x-mine" not in sent
        assert "cookie" not in sent
        assert "authorization: bearer sk_test" in sent
        assert "basic" not in sent
