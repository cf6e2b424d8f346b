"""Migrations, exports, jobs of several processes, lists and waits in a user's generator that is left early.

As in `test_blocks_left_early`: whatever happens to the generator, the task that used it continues, and the
work ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest

from imgwire_async import AsyncImgwireClient
from imgwire_async.imgix import AsyncImgixClient
from imgwire_async.migrate import migrate_from_imgix
from imgwire_async.sandbox import ImgixSandbox, Sandbox
from imgwire_async.stores.listing import slices
from imgwire_async.stores.opening import open_store
from imgwire_async.stores.uris import ObjectUri
from tests.clients import client_of
from tests.ingest.support import folder_of, small_image
from tests.leaving import IN_EVERY_WAY, ON_ALL, ON_ASYNCIO, ON_BOTH, Ways, goes_on, run
from tests.migrate.support import client_of as imgix_client_of
from tests.migrate.support import fill
from tests.stores.s3_server import S3Server, s3_server

COUNT = 6
Leave = Callable[[AsyncGenerator[object, None]], Awaitable[object]]

pytestmark = [
    # About the user's own generator, which trio expects to be closed.
    pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning"),
]


@pytest.fixture(scope="module")
def shop() -> Iterator[ImgixSandbox]:
    with ImgixSandbox(deployment_delay=0.0) as server:
        fill(server, server.add_source("shop"), COUNT)
        server.add_source("other")
        server.add_source("third")
        yield server


@pytest.fixture(scope="module")
def bucket() -> Iterator[S3Server]:
    with s3_server() as server:
        server.objects.update({f"{number}.png": small_image(number) for number in range(COUNT)})
        yield server


@dataclass
class World:
    """The clients and servers of a scenario."""

    sandbox: Sandbox
    shop: ImgixSandbox
    bucket: S3Server
    folder: Path
    imgwire: AsyncImgwireClient
    imgix: AsyncImgixClient

    async def goes_on(self) -> None:
        await goes_on(self.imgwire)
        await goes_on(self.imgix)
        await self.imgwire.health()
        await self.imgix.sources.list(limit=1)


@pytest.fixture
def world(
    sandbox: Sandbox, shop: ImgixSandbox, bucket: S3Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Callable[[str, Callable[[World], Awaitable[None]]], None]:
    """Run a scenario with clients of both services."""

    def in_world(backend: str, scenario: Callable[[World], Awaitable[None]]) -> None:
        async def with_clients() -> None:
            async with client_of(sandbox) as imgwire, imgix_client_of(shop) as imgix:
                await scenario(World(sandbox, shop, bucket, tmp_path, imgwire, imgix))

        run(backend, with_clients, caplog)

    return in_world


InWorld = Callable[[str, Callable[[World], Awaitable[None]]], None]
Block = Callable[[World], AbstractAsyncContextManager[AsyncIterator[object]]]


def migrate_by_url(world: World) -> Any:
    return migrate_from_imgix(
        world.imgix, world.imgwire, concurrency=2, rendering_base_url=world.shop.base_url
    )


def migrate_bytes(world: World) -> Any:
    return migrate_from_imgix(
        world.imgix, world.imgwire, transfer="bytes", concurrency=2, rendering_base_url=world.shop.base_url
    )


def export(world: World) -> Any:
    return world.imgwire.export(world.folder / "backup", concurrency=2)


def ingest_in_processes(world: World) -> Any:
    return world.imgwire.ingest(folder_of(world.folder / "photos", COUNT), processes=2)


IN_EVERY_JOB = pytest.mark.parametrize(
    "block", [migrate_by_url, migrate_bytes, export], ids=lambda block: block.__name__
)
WITH_PROCESSES_TOO = pytest.mark.parametrize(
    "block",
    [
        pytest.param(migrate_by_url, id="migrate_by_url"),
        pytest.param(export, id="export"),
        pytest.param(ingest_in_processes, id="ingest_in_processes", marks=pytest.mark.slow),
    ],
)


async def prepare(world: World) -> None:
    for number in range(COUNT):
        await world.imgwire.images.upload(small_image(number), file_name=f"{number}.png")


async def generator(world: World, block: Block) -> AsyncGenerator[object, None]:
    async with block(world) as items:
        async for item in items:
            yield item


@ON_BOTH
@IN_EVERY_JOB
@IN_EVERY_WAY
def test_the_task_that_leaves_a_job_continues(
    world: InWorld, backend: str, block: Block, leave: Leave
) -> None:
    async def scenario(world: World) -> None:
        await prepare(world)
        await leave(generator(world, block))
        await world.goes_on()

    world(backend, scenario)


@ON_BOTH
@pytest.mark.parametrize("leave", [Ways.breaking, Ways.closing_in_another_task], ids=lambda way: way.__name__)
@pytest.mark.slow
def test_the_task_that_leaves_a_job_of_several_processes_continues(
    world: InWorld, backend: str, leave: Leave
) -> None:
    async def scenario(world: World) -> None:
        await leave(generator(world, ingest_in_processes))
        await world.goes_on()

    world(backend, scenario)


@ON_ALL
@IN_EVERY_JOB
def test_a_dropped_job_ends_its_work(world: InWorld, backend: str, block: Block) -> None:
    async def enter(world: World) -> None:
        await anext(await block(world).__aenter__())

    async def scenario(world: World) -> None:
        await prepare(world)
        await enter(world)
        await world.goes_on()

    world(backend, scenario)


@ON_ALL
@IN_EVERY_JOB
# anyio reports a task that asyncio cancels before its first step, as happens at the end of a loop.
@pytest.mark.filterwarnings("ignore:coroutine '.*' was never awaited:RuntimeWarning")
def test_a_job_that_is_kept_ends_with_its_loop(world: InWorld, backend: str, block: Block) -> None:
    kept = []

    async def scenario(world: World) -> None:
        await prepare(world)
        kept.append(generator(world, block))
        await anext(kept[0])

    world(backend, scenario)


@ON_BOTH
@IN_EVERY_JOB
def test_a_job_may_be_left_by_another_task(world: InWorld, backend: str, block: Block) -> None:
    async def scenario(world: World) -> None:
        await prepare(world)
        stack = AsyncExitStack()

        async def enter() -> None:
            await anext(await stack.enter_async_context(block(world)))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(enter)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stack.aclose)
        await world.goes_on()

    world(backend, scenario)


@ON_ASYNCIO
@WITH_PROCESSES_TOO
def test_a_task_that_is_cancelled_in_a_job_ends_as_cancelled(
    world: InWorld, backend: str, block: Block
) -> None:
    async def scenario(world: World) -> None:
        await prepare(world)
        entered = anyio.Event()

        async def use() -> None:
            async with block(world) as items:
                await anext(items)
                entered.set()
                await asyncio.sleep(3600)

        task = asyncio.create_task(use())
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await world.goes_on()

    world(backend, scenario)


def sources_of_imgix(world: World) -> Any:
    return world.imgix.sources.list(limit=1, prefetch=3)


def pages_of_sources(world: World) -> Any:
    return world.imgix.sources.list(limit=1, prefetch=3).pages()


async def assets_of_imgix(world: World) -> AsyncIterator[object]:
    source = await anext(aiter(world.imgix.sources.list()))
    async for asset in world.imgix.assets.list(source, limit=1):
        yield asset


async def pages_of_assets(world: World) -> AsyncIterator[object]:
    source = await anext(aiter(world.imgix.sources.list()))
    async for page in world.imgix.assets.list(source, limit=1).pages():
        yield page


def objects_of_a_bucket(world: World) -> Any:
    return slices(open_store(ObjectUri.of(world.bucket.uri()), world.bucket.options))


LISTS: list[Callable[[World], Any]] = [
    sources_of_imgix,
    pages_of_sources,
    assets_of_imgix,
    pages_of_assets,
    objects_of_a_bucket,
]


@ON_ALL
@IN_EVERY_WAY
def test_the_task_that_leaves_a_list_continues(world: InWorld, backend: str, leave: Leave) -> None:
    async def items(world: World, listed: Callable[[World], Any]) -> AsyncGenerator[object, None]:
        async for item in listed(world):
            yield item

    async def scenario(world: World) -> None:
        for listed in LISTS:
            await leave(items(world, listed))
        await world.goes_on()

    world(backend, scenario)


async def upload_to_imgix(world: World) -> object:
    world.shop.faults.once("assets.upload", stall=30.0)
    source = await anext(aiter(world.imgix.sources.list()))
    return await world.imgix.assets.upload(source, "new.png", small_image(1))


async def wait_for_an_archive(world: World) -> object:
    image = await world.imgwire.images.upload(small_image(1), file_name="a.png")
    job = await world.imgwire.images.create_bulk_download_job([image.id])
    world.sandbox.faults.always("images.retrieve_bulk_download_job", stall=30.0)
    return await world.imgwire.images.wait_for_bulk_download(job)


async def wait_for_an_image(world: World) -> object:
    image = await world.imgwire.images.create(file_name="a.jpg", mime_type="image/jpeg")
    return await world.imgwire.images.wait_until_ready(image.image.id)


@ON_ALL
@pytest.mark.parametrize(
    "call", [upload_to_imgix, wait_for_an_archive, wait_for_an_image], ids=lambda call: call.__name__
)
def test_a_call_in_a_generator_that_times_out_leaves_its_task_intact(
    world: InWorld, backend: str, call: Callable[[World], Awaitable[object]]
) -> None:
    async def results(world: World) -> AsyncGenerator[object, None]:
        yield None
        yield await call(world)

    async def scenario(world: World) -> None:
        items = results(world)
        await anext(items)
        if backend == "trio":
            with anyio.move_on_after(0.3) as scope:
                await anext(items)
            assert scope.cancelled_caught
        else:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await anext(items)
        await world.goes_on()
        world.shop.faults.clear()
        world.sandbox.faults.clear()

    world(backend, scenario)
