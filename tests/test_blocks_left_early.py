"""Downloads, many uploads, jobs and lists inside a user's generator that is left early in every possible way.

Whatever happens to the generator, the task that used it continues undisturbed, and the work ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from importlib.resources import files
from pathlib import Path
from typing import Any

import anyio
import pytest
import trio

from imgwire_async import AsyncImgwireClient
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of
from tests.leaving import IN_EVERY_WAY, ON_ALL, ON_ASYNCIO, ON_BOTH, Ways, goes_on, run

PHOTO = Path(str(files("skimage") / "data" / "rocket.jpg"))
Block = Callable[[AsyncImgwireClient], Awaitable[AbstractAsyncContextManager[AsyncIterator[object]]]]

pytestmark = [
    # About the user's own generator, which trio expects to be closed.
    pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning"),
]


async def endless_items() -> AsyncIterator[Path]:
    yield PHOTO
    await anyio.sleep_forever()


async def download(client: AsyncImgwireClient) -> Any:
    image = await client.images.wait_until_ready((await client.images.upload(PHOTO)).id)
    return client.images.download(image)


async def download_archive(client: AsyncImgwireClient) -> Any:
    image = await client.images.wait_until_ready((await client.images.upload(PHOTO)).id)
    job = await client.images.create_bulk_download_job([image.id])
    return client.images.download_archive(await client.images.wait_for_bulk_download(job))


async def upload_many(client: AsyncImgwireClient) -> Any:
    return client.images.upload_many([PHOTO] * 8, concurrency=2)


async def upload_many_of_a_slow_source(client: AsyncImgwireClient) -> Any:
    return client.images.upload_many(endless_items())


async def ingest(client: AsyncImgwireClient) -> Any:
    return client.ingest([PHOTO, PHOTO.with_name("chelsea.png"), PHOTO.with_name("coffee.png")])


async def ingest_of_a_slow_source(client: AsyncImgwireClient) -> Any:
    return client.ingest(endless_items())


BLOCKS = [
    download,
    download_archive,
    upload_many,
    upload_many_of_a_slow_source,
    ingest,
    ingest_of_a_slow_source,
]
IN_EVERY_BLOCK = pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.__name__)


async def generator(client: AsyncImgwireClient, block: Block) -> AsyncGenerator[object, None]:
    async with await block(client) as items:
        async for item in items:
            yield item


@ON_BOTH
@IN_EVERY_BLOCK
@IN_EVERY_WAY
def test_the_task_that_leaves_a_generator_continues(
    sandbox: Sandbox,
    caplog: pytest.LogCaptureFixture,
    backend: str,
    block: Block,
    leave: Callable[[AsyncGenerator[object, None]], Awaitable[object]],
) -> None:
    async def scenario() -> None:
        async with client_of(sandbox) as client:
            await leave(generator(client, block))
            await goes_on(client)
            await client.health()

    run(backend, scenario, caplog)


@ON_ALL
@IN_EVERY_BLOCK
def test_a_generator_that_is_kept_ends_with_its_loop(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, backend: str, block: Block
) -> None:
    kept = []

    async def scenario() -> None:
        async with client_of(sandbox) as client:
            kept.append(generator(client, block))
            await anext(kept[0])
            await client.health()

    run(backend, scenario, caplog)


@ON_ALL
@IN_EVERY_BLOCK
def test_a_dropped_block_ends_its_work(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, backend: str, block: Block
) -> None:
    async def enter(client: AsyncImgwireClient) -> None:
        items = await (await block(client)).__aenter__()
        await anext(items)

    async def scenario() -> None:
        async with client_of(sandbox) as client:
            await enter(client)
            await goes_on(client)
            await client.health()

    run(backend, scenario, caplog)


@ON_ALL
@IN_EVERY_BLOCK
def test_a_block_may_be_left_by_another_task_than_the_one_that_entered(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, backend: str, block: Block
) -> None:
    async def scenario() -> None:
        async with client_of(sandbox) as client:
            stack = AsyncExitStack()

            async def enter() -> None:
                await anext(await stack.enter_async_context(await block(client)))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(enter)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(stack.aclose)
            await goes_on(client)
            await client.health()

    run(backend, scenario, caplog)


@ON_ASYNCIO
@IN_EVERY_BLOCK
def test_a_task_that_is_cancelled_in_a_block_ends_as_cancelled(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, backend: str, block: Block
) -> None:
    async def scenario() -> None:
        async with client_of(sandbox) as client:
            entered = anyio.Event()

            async def use() -> None:
                async with await block(client) as items:
                    await anext(items)
                    entered.set()
                    async for _ in items:
                        pass
                    await asyncio.sleep(3600)

            task = asyncio.create_task(use())
            await entered.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert task.cancelled()
            await goes_on(client)
            await client.health()

    run(backend, scenario, caplog)


@ON_ASYNCIO
@IN_EVERY_BLOCK
def test_a_timeout_of_asyncio_inside_a_block_ends_only_what_it_surrounds(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, backend: str, block: Block
) -> None:
    async def scenario() -> None:
        async with client_of(sandbox) as client:
            async with await block(client) as items:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.01):
                        await asyncio.sleep(3600)
                assert await anext(items)

            async def use() -> None:
                async with asyncio.timeout(0.5), await block(client) as items:
                    await anext(items)
                    await asyncio.sleep(3600)

            with pytest.raises(TimeoutError):
                await use()
            await goes_on(client)
            await client.health()

    run(backend, scenario, caplog)


@IN_EVERY_BLOCK
def test_scopes_of_trio_work_around_and_inside_a_block(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, block: Block
) -> None:
    async def scenario() -> None:
        async with client_of(sandbox) as client:
            async with await block(client) as items:
                with trio.move_on_after(0.01) as inside:
                    await trio.sleep_forever()
                assert inside.cancelled_caught
                assert await anext(items)
            with trio.move_on_after(0.5) as around:
                async with await block(client) as items:
                    await anext(items)
                    await trio.sleep_forever()
            assert around.cancelled_caught
            await goes_on(client)
            await client.health()

    run("trio", scenario, caplog)


@ON_BOTH
@IN_EVERY_WAY
def test_the_task_that_leaves_a_list_continues(
    sandbox: Sandbox,
    caplog: pytest.LogCaptureFixture,
    backend: str,
    leave: Callable[[AsyncGenerator[object, None]], Awaitable[object]],
) -> None:
    async def images(client: AsyncImgwireClient) -> AsyncGenerator[object, None]:
        async for image in client.images.list(limit=1, prefetch=3):
            yield image

    async def scenario() -> None:
        async with client_of(sandbox) as client:
            for _ in range(3):
                await client.images.create(file_name="a.jpg", mime_type="image/jpeg")
            await leave(images(client))
            await goes_on(client)
            await client.health()

    run(backend, scenario, caplog)


@ON_BOTH
@pytest.mark.parametrize("leave", [Ways.breaking, Ways.closing_in_another_task], ids=lambda way: way.__name__)
@pytest.mark.parametrize(
    "block", [download, upload_many, ingest_of_a_slow_source], ids=lambda block: block.__name__
)
def test_the_task_continues_with_the_client_of_the_pytest_plugin(
    imgwire_client: AsyncImgwireClient,
    caplog: pytest.LogCaptureFixture,
    backend: str,
    block: Block,
    leave: Callable[[AsyncGenerator[object, None]], Awaitable[object]],
) -> None:
    async def scenario() -> None:
        await leave(generator(imgwire_client, block))
        await goes_on(imgwire_client)
        await imgwire_client.health()

    run(backend, scenario, caplog)
