"""The whole client on every event loop; calls that end early leave nothing behind."""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
import trio

from imgwire_async.errors import APIConnectionError, ConfigurationError, ImgwireError, NotFoundError
from imgwire_async.imgix import AsyncImgixClient
from imgwire_async.sandbox import ImgixSandbox
from tests.imgix.scripted import UNLIMITED

LOOPS: list[tuple[str, dict[str, Any]]] = [("asyncio", {}), ("asyncio", {"use_uvloop": True}), ("trio", {})]


@pytest.fixture(scope="module")
def running() -> Iterator[ImgixSandbox]:
    with ImgixSandbox(deployment_delay=0, indexing_delay=0, session_delay=0) as running:
        yield running


@pytest.fixture
def server(running: ImgixSandbox) -> Iterator[ImgixSandbox]:
    yield running
    running.reset()


def client_of(server: ImgixSandbox) -> AsyncImgixClient:
    return AsyncImgixClient(server.api_key, base_url=server.base_url, rate_limits=UNLIMITED)


@pytest.mark.parametrize(("backend", "options"), LOOPS)
def test_everything_works_on_every_event_loop(
    server: ImgixSandbox, tmp_path: Path, backend: str, options: dict[str, Any]
) -> None:
    source = server.add_source("shop")
    for number in range(25):
        server.add_file(source, f"/{number}.txt", b"text")
    report = server.add_report(
        "cdn_logs", period_start=0, period_end=86_400, files=[b"a", b"bb"], completed_after=0.3
    )

    async def stream() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * 100

    async def main() -> None:
        async with client_of(server) as imgix:
            assert len({asset.id async for asset in imgix.assets.list(source, limit=10)}) == 25
            async for first in imgix.assets.list(source, limit=10):
                assert pickle.loads(pickle.dumps(first)) == first
                break
            sent = await imgix.assets.upload(source, "a.bin", stream(), size=1000, wait=True)
            large = await imgix.assets.upload_large(source, "b.bin", b"y" * 100_000, wait=True)
            assert (sent.file_size, large.file_size) == (1000, 100_000)
            completed = await imgix.reports.wait(report)
            fetched = await imgix.reports.download(completed, to=tmp_path)
            assert [file.size for file in fetched] == [1, 2]
            url = "https://shop.imgix.net/1.txt"
            assert [(await imgix.purge(url)).duplicate for _ in range(2)] == [False, True]
            with pytest.raises(NotFoundError) as caught:
                await imgix.assets.retrieve(source, "missing.txt")
            assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
            assert (imgix.stats().in_flight, imgix.stats().waiting) == (0, 0)
        await imgix.aclose()
        with pytest.raises(ConfigurationError, match="closed"):
            await imgix.sources.list()

    anyio.run(main, backend=backend, backend_options=options)


@pytest.mark.parametrize(("backend", "options"), LOOPS)
@pytest.mark.parametrize("large", [False, True])
def test_a_cancelled_upload_leaves_nothing_behind(
    server: ImgixSandbox, backend: str, options: dict[str, Any], large: bool
) -> None:
    source = server.add_source("shop")

    async def main() -> None:
        async def stalled() -> AsyncIterator[bytes]:
            yield b"x" * 100_000
            await anyio.sleep_forever()

        async with client_of(server) as imgix:
            upload = imgix.assets.upload_large if large else imgix.assets.upload

            async def send() -> None:
                await upload(source, "slow.bin", stalled(), size=200_000)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(send)
                while not server.requests.of("store.put" if large else "assets.upload"):  # noqa: ASYNC110
                    await anyio.sleep(0.005)
                tasks.cancel_scope.cancel()
            assert (imgix.stats().in_flight, imgix.stats().waiting) == (0, 0)
            assert (await imgix.assets.list(source)).data == []
        cancelled = server.requests.of("upload_sessions.cancel")
        assert [request.status for request in cancelled] == ([200] if large else [])

    anyio.run(main, backend=backend, backend_options=options)


def test_a_client_can_move_to_another_event_loop(server: ImgixSandbox) -> None:
    server.add_source("shop")
    imgix = client_of(server)

    async def count() -> int:
        return len((await imgix.sources.list()).data)

    found = [asyncio.run(count()) for _ in range(2)]
    thread = threading.Thread(target=lambda: found.append(asyncio.run(count())))
    thread.start()
    thread.join()
    found.append(trio.run(count))

    async def end() -> None:
        await imgix.aclose()
        await imgix.aclose()

    asyncio.run(end())
    assert found == [1, 1, 1, 1]


@pytest.mark.parametrize("call", ["sources.list", "assets.upload", "assets.upload_large", "purge"])
async def test_a_dead_server_is_an_error_of_the_call_without_secrets(call: str) -> None:
    async with AsyncImgixClient(
        "ak_secret", base_url="http://127.0.0.1:9", rate_limits=UNLIMITED, max_retries=0
    ) as imgix:
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "sources.list": lambda: imgix.sources.list(),
            "assets.upload": lambda: imgix.assets.upload("s", "a.bin", b"x"),
            "assets.upload_large": lambda: imgix.assets.upload_large("s", "a.bin", b"x"),
            "purge": lambda: imgix.purge("https://shop.imgix.net/a.jpg?token=secret"),
        }
        with pytest.raises(APIConnectionError) as caught:
            await calls[call]()

    assert caught.value.operation == call
    assert "secret" not in f"{caught.value!s} {caught.value!r}"
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), ImgwireError)
