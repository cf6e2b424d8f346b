"""The retry budget lets a client survive a short failure, but not multiply the load of an outage."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from imgwire_async import APIConnectionError, AsyncImgwireClient, ImgwireError
from imgwire_async.core.clients.client import core_of
from imgwire_async.imgix import AsyncImgixClient, Deployment
from imgwire_async.sandbox import ImgixSandbox, Sandbox
from imgwire_async.testing import VirtualClock
from tests.clients import client_of
from tests.ingest.support import folder_of, small_image
from tests.raw_servers import OK, Connection, raw_server


class Blip:
    """Once this many requests have arrived, all their connections break; later requests succeed."""

    def __init__(self, count: int, response: bytes = OK) -> None:
        self._count = count
        self._response = response
        self._seen = 0
        self._lock = threading.Lock()
        self._all_there = threading.Event()

    def __call__(self, connection: Connection) -> None:
        while connection.read_request():
            with self._lock:
                self._seen += 1
                hit = self._seen <= self._count
                if self._seen == self._count:
                    self._all_there.set()
            if hit:
                assert self._all_there.wait(30)
                connection.reset()
                return
            connection.send(self._response)


async def failures(calls: int, call: Callable[[], Any]) -> list[ImgwireError]:
    failed: list[ImgwireError] = []

    async def one() -> None:
        try:
            await call()
        except ImgwireError as error:
            failed.append(error)

    async with anyio.create_task_group() as tasks:
        for _ in range(calls):
            tasks.start_soon(one)
    return failed


@pytest.mark.parametrize(("calls", "concurrency"), [(40, 100), (100, 100), (250, 100), (200, 200)])
async def test_no_call_fails_when_all_connections_break_once(calls: int, concurrency: int) -> None:
    with raw_server(Blip(min(calls, concurrency))) as server:
        async with client_of(server, concurrency=concurrency, max_retries=1) as imgwire:
            assert await failures(calls, imgwire.health) == []


async def test_a_blip_counts_once_for_all_clients_that_with_options_returns() -> None:
    with raw_server(Blip(100)) as server:
        async with client_of(server) as imgwire:
            others = [imgwire.with_options(timeout=20 + number) for number in range(4)]
            calls = iter([other.health for other in others for _ in range(25)])
            assert await failures(100, lambda: next(calls)()) == []


async def test_the_client_of_the_pytest_plugin_survives_a_blip(
    imgwire_sandbox: Sandbox, imgwire_client: AsyncImgwireClient
) -> None:
    imgwire_sandbox.faults.times(100, "health", reset="before")
    assert await failures(100, imgwire_client.health) == []


async def test_in_an_outage_the_traffic_is_not_multiplied(
    imgwire_sandbox: Sandbox, imgwire_client: AsyncImgwireClient, imgwire_clock: VirtualClock
) -> None:
    imgwire_sandbox.faults.always("health", status=503)
    began = imgwire_clock.monotonic()

    failed = await failures(1_000, imgwire_client.health)

    assert len(failed) == 1_000
    retries = len(imgwire_sandbox.requests) - 1_000
    assert retries <= 200 + (imgwire_clock.monotonic() - began) + 1


@pytest.mark.parametrize("broken", [{"status": 500}, {"reset": "before"}])
async def test_an_error_that_the_budget_ended_says_so(
    imgwire_sandbox: Sandbox, imgwire_client: AsyncImgwireClient, broken: dict[str, Any]
) -> None:
    drain(imgwire_client)
    imgwire_sandbox.faults.always("health", **broken)

    with pytest.raises(ImgwireError, match="retry budget") as caught:
        await imgwire_client.health()

    assert caught.value.attempts == 1
    assert "try again later" in caught.value.message


async def test_an_error_that_used_all_its_attempts_does_not_blame_the_budget() -> None:
    with raw_server(lambda connection: connection.reset()) as server:
        async with client_of(server, max_retries=1) as imgwire:
            with pytest.raises(APIConnectionError) as caught:
                await imgwire.health()
    assert "budget" not in str(caught.value)


async def test_a_client_with_auto_concurrency_survives_a_blip_of_all_its_connections() -> None:
    async with AsyncImgwireClient("sk_test", base_url="http://localhost:1", concurrency="auto") as imgwire:
        shared = core_of(imgwire).shared
        assert shared.budget.available >= 2 * shared.gate.concurrency > 200


async def test_a_client_of_imgix_survives_a_blip(
    imgix_sandbox: ImgixSandbox, imgix_client: AsyncImgixClient
) -> None:
    imgix_sandbox.faults.times(100, "sources.list", reset="before")
    assert await failures(100, lambda: imgix_client.sources.list()) == []


async def test_no_download_fails_when_all_break_once(
    imgwire_sandbox: Sandbox, imgwire_client: AsyncImgwireClient
) -> None:
    image = await imgwire_client.images.upload(small_image(1), file_name="a.png")
    image = await imgwire_client.images.wait_until_ready(image.id)
    imgwire_sandbox.faults.times(50, "cdn.get", truncate=True)
    imgwire_sandbox.faults.times(50, "cdn.get", reset="before")

    async def fetched() -> None:
        async with imgwire_client.images.download(image) as stream:
            assert b"".join([chunk async for chunk in stream]) == small_image(1)

    assert await failures(100, fetched) == []


async def test_an_empty_budget_fails_no_item_of_a_job(
    imgwire_sandbox: Sandbox, imgwire_client: AsyncImgwireClient, tmp_path: Path
) -> None:
    drain(imgwire_client)
    imgwire_sandbox.faults.times(20, "images.create", reset="before")

    async with imgwire_client.ingest(folder_of(tmp_path / "photos", 20), concurrency=20) as job:
        outcomes = [outcome async for outcome in job]

    assert [outcome for outcome in outcomes if outcome.error is not None] == []


@pytest.mark.parametrize(
    "call",
    [
        lambda imgix: imgix.sources.list(),
        lambda imgix: imgix.sources.create(
            name="a",
            deployment=Deployment(
                type="webfolder", imgix_subdomains=["a"], webfolder_base_url="https://a.example"
            ),
        ),
        lambda imgix: imgix.assets.upload("1" * 24, "a.png", small_image(1)),
        lambda imgix: imgix.assets.upload_large("1" * 24, "a.png", small_image(1)),
    ],
    ids=["list", "create", "upload", "session"],
)
@pytest.mark.parametrize("broken", [{"status": 500}, {"reset": "after"}], ids=["500", "reset"])
async def test_an_error_of_imgix_that_the_budget_ended_says_so(
    imgix_sandbox: ImgixSandbox,
    imgix_client: AsyncImgixClient,
    call: Callable[[AsyncImgixClient], Any],
    broken: dict[str, Any],
) -> None:
    drain(imgix_client)
    imgix_sandbox.faults.always("*", **broken)

    with pytest.raises(ImgwireError, match="retry budget") as caught:
        await call(imgix_client)

    assert caught.value.message.count("retry budget") == 1


@pytest.mark.parametrize("broken", [{"status": 500}, {"reset": "before"}, {"truncate": True}], ids=str)
async def test_an_error_of_a_download_that_the_budget_ended_says_so(
    imgwire_sandbox: Sandbox, imgwire_client: AsyncImgwireClient, broken: dict[str, Any], tmp_path: Path
) -> None:
    image = await imgwire_client.images.upload(small_image(1), file_name="a.png")
    image = await imgwire_client.images.wait_until_ready(image.id)
    drain(imgwire_client)
    imgwire_sandbox.faults.always("cdn.get", **broken)

    with pytest.raises(ImgwireError, match="retry budget"):
        await imgwire_client.images.download(image, to=tmp_path / "a.png")


def drain(client: AsyncImgwireClient | AsyncImgixClient) -> None:
    """Use up the retry budget of a client."""
    budget = core_of(client).shared.budget
    while budget.withdraw():
        pass
