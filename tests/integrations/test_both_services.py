"""imgix inside an application, alone and together with Imgwire."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI, Request

from imgwire_async.core.pace.limits import RateLimit
from imgwire_async.errors import ConfigurationError
from imgwire_async.imgix import AsyncImgixClient, ImgixRateClass
from imgwire_async.integrations.fastapi import (
    ImgixDep,
    ImgwireDep,
    add_error_handlers,
    get_imgix,
    imgix_lifespan,
    imgwire_lifespan,
)
from imgwire_async.sandbox import ImgixSandbox, Sandbox
from tests.clients import client_of
from tests.integrations.serving import serving

UNLIMITED = dict.fromkeys(ImgixRateClass, RateLimit(1e6, burst=1000))


@pytest.fixture(scope="module")
def local() -> Iterator[ImgixSandbox]:
    with ImgixSandbox() as local:
        yield local


def imgix_of(local: ImgixSandbox) -> AsyncImgixClient:
    return AsyncImgixClient(local.api_key, base_url=local.base_url, rate_limits=UNLIMITED, max_retries=0)


async def test_one_application_has_a_client_of_each_service(sandbox: Sandbox, local: ImgixSandbox) -> None:
    seen: list[ImgixDep] = []

    @asynccontextmanager
    async def own(_: FastAPI) -> AsyncGenerator[dict[str, str], None]:
        yield {"database": "open"}

    app = FastAPI(
        lifespan=imgwire_lifespan(
            imgix_lifespan(own, make_client=lambda: imgix_of(local)), make_client=lambda: client_of(sandbox)
        )
    )

    @app.get("/counts")
    async def counts(request: Request, imgwire: ImgwireDep, imgix: ImgixDep) -> list[object]:
        seen.append(imgix)
        images, sources = await imgwire.images.list(), await imgix.sources.list()
        return [request.state.database, images.pagination.total_count, len(sources.data)]

    async with serving(app) as browser:
        assert [(await browser.get("/counts")).json() for _ in range(2)] == [["open", 0, 0]] * 2

    assert seen[0] is seen[1]
    with pytest.raises(ConfigurationError, match="closed"):
        await seen[0].sources.list()


async def test_errors_of_imgix_reach_callers_like_those_of_imgwire(local: ImgixSandbox) -> None:
    app = FastAPI(lifespan=imgix_lifespan(make_client=lambda: imgix_of(local)))
    add_error_handlers(app)

    @app.get("/sources/{source_id}")
    async def show(source_id: str, imgix: ImgixDep) -> str:
        return (await imgix.sources.retrieve(source_id)).name or ""

    async with serving(app) as browser:
        response = await browser.get("/sources/5f73d9798d5327eb5194d54a")

    assert response.status_code == 404
    assert set(response.json()) == {"detail"}
    assert local.base_url not in response.text


async def test_without_the_lifespan_the_log_says_what_is_missing(caplog: pytest.LogCaptureFixture) -> None:
    app = FastAPI()
    add_error_handlers(app)

    @app.get("/")
    async def show(imgix: ImgixDep) -> None: ...

    async with serving(app) as browser:
        assert (await browser.get("/")).status_code == 500

    assert "imgix_lifespan" in caplog.text


async def test_without_a_key_the_application_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMGIX_API_KEY", raising=False)

    app = FastAPI(lifespan=imgix_lifespan())
    with pytest.raises(ConfigurationError, match="IMGIX_API_KEY"):
        async with app.router.lifespan_context(app):
            pass


async def test_tests_can_replace_the_dependency(local: ImgixSandbox) -> None:
    app = FastAPI()
    async with imgix_of(local) as client:
        app.dependency_overrides[get_imgix] = lambda: client

        @app.get("/")
        async def show(imgix: ImgixDep) -> bool:
            return imgix is client

        async with serving(app) as browser:
            assert (await browser.get("/")).json() is True


def test_an_application_without_imgix_does_not_load_its_client() -> None:
    code = """
import sys
import imgwire_async.integrations.fastapi as integration
assert "imgwire_async.imgix" not in sys.modules
assert {"ImgixDep", "imgix_lifespan"} <= set(dir(integration))
integration.imgix_lifespan
assert "imgwire_async.imgix.client" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
