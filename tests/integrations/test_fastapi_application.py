"""Lifespan, dependency, error handlers and tokens inside an application."""

from __future__ import annotations

import gc
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from fastapi import FastAPI, HTTPException, Request
from starlette.types import Message

from imgwire_async import AsyncImgwireClient, errors
from imgwire_async.integrations.fastapi import (
    CancelOnDisconnect,
    ImgwireDep,
    add_error_handlers,
    error_response,
    get_imgwire,
    imgwire_lifespan,
    upload_token_router,
)
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of
from tests.integrations.serving import serving

MakeClient = Callable[[], AsyncImgwireClient]


@pytest.fixture
def make_client(sandbox: Sandbox) -> MakeClient:
    return lambda: client_of(sandbox, max_retries=0)


def application(make_client: MakeClient, **arguments: Any) -> FastAPI:
    app = FastAPI(lifespan=imgwire_lifespan(make_client=make_client), **arguments)
    app.add_middleware(CancelOnDisconnect)
    add_error_handlers(app)
    return app


async def test_handlers_share_one_client_which_is_closed_at_the_end(make_client: MakeClient) -> None:
    seen: list[AsyncImgwireClient] = []
    app = application(make_client)

    @app.get("/count")
    async def count(imgwire: ImgwireDep) -> int:
        seen.append(imgwire)
        return (await imgwire.images.list()).pagination.total_count or 0

    async with serving(app) as browser:
        assert [(await browser.get("/count")).json() for _ in range(3)] == [0, 0, 0]

    assert len(set(map(id, seen))) == 1
    with pytest.raises(errors.ConfigurationError, match="closed"):
        await seen[0].health()


async def test_an_existing_lifespan_runs_inside_and_keeps_its_state(make_client: MakeClient) -> None:
    events: list[str] = []

    @asynccontextmanager
    async def own(app: FastAPI) -> AsyncGenerator[dict[str, str], None]:
        events.append(f"started {app.title}")
        yield {"database": "open"}
        events.append("stopped")

    app = FastAPI(title="shop", lifespan=imgwire_lifespan(own, make_client=make_client))

    @app.get("/state")
    async def state(request: Request, imgwire: ImgwireDep) -> list[object]:
        return [request.state.database, imgwire is request.state.imgwire]

    async with serving(app) as browser:
        assert (await browser.get("/state")).json() == ["open", True]
    assert events == ["started shop", "stopped"]


@pytest.mark.parametrize("inside", [False, True])
async def test_with_freeze_the_collector_skips_existing_objects_until_the_application_stops(
    make_client: MakeClient, inside: bool
) -> None:
    started = []

    @asynccontextmanager
    async def own(_: FastAPI) -> AsyncGenerator[None, None]:
        started.append(gc.get_freeze_count())
        yield

    app = FastAPI(lifespan=imgwire_lifespan(own if inside else None, make_client=make_client, freeze=True))
    gc.unfreeze()

    async with serving(app):
        assert gc.get_freeze_count() > 1000

    assert gc.get_freeze_count() == 0
    assert started == [0] * inside


@pytest.mark.parametrize(
    ("before", "meanwhile"), [(700, 20_000), (50_000, 50_000), (0, 0)], ids=["default", "higher", "off"]
)
async def test_with_freeze_the_collector_runs_less_often_until_the_application_stops(
    make_client: MakeClient, before: int, meanwhile: int
) -> None:
    app = FastAPI(lifespan=imgwire_lifespan(make_client=make_client, freeze=True))
    default = gc.get_threshold()
    gc.set_threshold(before, 10, 10)
    try:
        async with serving(app):
            assert gc.get_threshold() == (meanwhile, 10, 10)
        assert gc.get_threshold() == (before, 10, 10)
    finally:
        gc.set_threshold(*default)


async def test_a_lifespan_that_yields_nothing_composes_too(make_client: MakeClient) -> None:
    @asynccontextmanager
    async def own(_: FastAPI) -> AsyncGenerator[None, None]:
        yield

    app = FastAPI(lifespan=imgwire_lifespan(own, make_client=make_client))

    @app.get("/")
    async def show(imgwire: ImgwireDep) -> str:
        return type(imgwire).__name__

    async with serving(app) as browser:
        assert (await browser.get("/")).json() == "AsyncImgwireClient"


async def test_a_mounted_application_uses_the_client_of_the_outer_one(make_client: MakeClient) -> None:
    inner = FastAPI()

    @inner.get("/health")
    async def health(imgwire: ImgwireDep) -> dict[str, str]:
        return await imgwire.health()

    app = application(make_client)
    app.mount("/inner", inner)
    async with serving(app) as browser:
        assert (await browser.get("/inner/health")).json() == {"status": "ok"}


async def test_without_the_lifespan_the_log_says_what_is_missing(caplog: pytest.LogCaptureFixture) -> None:
    app = FastAPI()
    add_error_handlers(app)

    @app.get("/")
    async def show(imgwire: ImgwireDep) -> None: ...

    async with serving(app) as browser:
        answer = await browser.get("/")

    assert answer.status_code == 500
    assert "imgwire_lifespan" in caplog.text


async def test_tests_can_replace_the_dependency(client: AsyncImgwireClient) -> None:
    app = FastAPI()
    app.dependency_overrides[get_imgwire] = lambda: client

    @app.get("/")
    async def show(imgwire: ImgwireDep) -> bool:
        return imgwire is client

    async with serving(app) as browser:
        assert (await browser.get("/")).json() is True


SECRET = "upstream-says-sk_live_123"


def raised(kind: type[errors.ImgwireError], **fields: Any) -> errors.ImgwireError:
    return kind(SECRET, url=f"https://upstream/{SECRET}", operation="images.retrieve", **fields)


def status_error(status: int, **fields: Any) -> errors.ImgwireError:
    kind = errors.status_error_class(status)
    return raised(kind, status=status, detail=SECRET, body={"detail": SECRET}, **fields)


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (status_error(400), 400, None),
        (status_error(401), 502, None),
        (status_error(402), 502, None),
        (status_error(403), 502, None),
        (status_error(404), 404, None),
        (status_error(409), 409, None),
        (status_error(413), 413, None),
        (status_error(418), 502, None),
        (status_error(422), 422, None),
        (status_error(429), 429, None),
        (status_error(429, retry_after=1.2), 429, "2"),
        (status_error(500), 502, None),
        (status_error(503, retry_after=30.0), 503, "30"),
        (status_error(520), 502, None),
        (raised(errors.APIConnectionError), 502, None),
        (raised(errors.APITimeoutError), 504, None),
        (raised(errors.DeadlineExceededError, retry_after=9.0), 504, "9"),
        (raised(errors.ResponseDecodeError), 502, None),
        (raised(errors.PaginationError), 502, None),
        (raised(errors.UploadRejectedError, status=403), 502, None),
        (raised(errors.UnsupportedImageTypeError), 415, None),
        (raised(errors.UploadSourceError), 422, None),
        (raised(errors.SourceChangedError), 400, None),
        (raised(errors.ImageQuarantinedError), 422, None),
        (raised(errors.InvalidArgumentError), 422, None),
        (errors.InvalidTransformationError("width", SECRET, "1 to 8192"), 422, None),
        (raised(errors.ConfigurationError), 500, None),
        (raised(errors.DownloadRejectedError, status=404), 404, None),
        (raised(errors.DownloadRejectedError, status=403), 502, None),
        (raised(errors.DownloadTargetError), 500, None),
    ],
    ids=repr,
)
def test_errors_become_responses_that_show_nothing_of_the_service(
    error: errors.ImgwireError, status: int, retry_after: str | None
) -> None:
    answer = error_response(error)

    assert answer.status_code == status
    assert answer.headers.get("retry-after") == retry_after
    assert list(json.loads(bytes(answer.body))) == ["detail"]
    assert SECRET not in bytes(answer.body).decode() + str(answer.headers)


async def test_a_real_429_passes_through_with_its_pause(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.faults.once("images.list", status=429, retry_after=7)
    app = application(make_client)

    @app.get("/")
    async def count(imgwire: ImgwireDep) -> int:
        return len((await imgwire.images.list()).data)

    async with serving(app) as browser:
        answer = await browser.get("/")

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")


async def nothing_comes() -> Message:
    await anyio.sleep_forever()
    raise AssertionError


async def nobody_listens(message: Message) -> None: ...


async def test_errors_of_the_application_pass_through_the_middleware_unchanged() -> None:
    async def fail(*_: object) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await CancelOnDisconnect(fail)({"type": "http"}, nothing_comes, nobody_listens)


async def allow() -> None: ...


async def refuse() -> None:
    raise HTTPException(401, "Who are you?")


def say_no() -> bool:
    return False


async def test_a_token_is_issued_to_callers_whom_the_application_allows(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    app = application(make_client)
    app.include_router(upload_token_router(authorize=allow))

    async with serving(app) as browser:
        answer = await browser.post("/upload-token")

    assert list(answer.json()) == ["uploadToken"]
    assert answer.headers["cache-control"] == "no-store"
    async with client_of(sandbox, api_key=sandbox.client_key) as frontend:
        created = await frontend.images.create(file_name="a.png", upload_token=answer.json()["uploadToken"])
    assert created.image.upload_token_id is not None


@pytest.mark.parametrize(("authorize", "status"), [(refuse, 401), (say_no, 403)])
async def test_other_callers_get_no_token(
    authorize: Callable[..., object], status: int, sandbox: Sandbox, make_client: MakeClient
) -> None:
    app = application(make_client)
    app.include_router(upload_token_router(authorize=authorize))

    async with serving(app) as browser:
        answer = await browser.post("/upload-token")

    assert answer.status_code == status
    assert "uploadToken" not in answer.text
    assert sandbox.requests.of("images.create_upload_token") == []
