"""Iterators shared by several tasks: each item is returned once, and none is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.lowlevel
import pytest

from imgwire_async import AsyncImgwireClient, Image, InternalServerError
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of
from tests.hangs import HANGS

T = TypeVar("T")

PHOTO = Path(str(files("skimage") / "data" / "rocket.jpg"))
IMAGES = 23
WORKERS = 4

BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


async def shared(iterator: AsyncIterator[T]) -> list[T]:
    """The items that several workers get from one iterator."""
    taken: list[T] = []

    async def work() -> None:
        async for item in iterator:
            taken.append(item)
            await anyio.lowlevel.checkpoint()

    with anyio.fail_after(HANGS):
        async with anyio.create_task_group() as tasks:
            for _ in range(WORKERS):
                tasks.start_soon(work)
    return taken


async def with_images(sandbox: Sandbox) -> AsyncImgwireClient:
    client = client_of(sandbox)
    for number in range(IMAGES):
        await client.images.create(file_name=f"{number}.jpg", mime_type="image/jpeg")
    return client


Items = Callable[[AsyncImgwireClient], AsyncIterator[Any]]

LISTS: dict[str, Items] = {
    "list": lambda client: aiter(client.images.list(limit=3)),
    "list, prefetched": lambda client: aiter(client.images.list(limit=3, prefetch=2)),
    "list_all": lambda client: client.images.list_all(limit=3),
}


@BACKENDS
@pytest.mark.parametrize("items", LISTS.values(), ids=LISTS)
def test_workers_that_share_a_list_get_each_image_once(sandbox: Sandbox, backend: str, items: Items) -> None:
    async def scenario() -> None:
        async with await with_images(sandbox) as client:
            names = [image.original_filename for image in await shared(items(client))]
        assert len(names) == IMAGES
        assert len(set(names)) == IMAGES

    anyio.run(scenario, backend=backend)


@BACKENDS
@pytest.mark.parametrize("prefetch", [0, 2])
def test_workers_that_share_pages_get_each_page_once(sandbox: Sandbox, backend: str, prefetch: int) -> None:
    async def scenario() -> None:
        async with await with_images(sandbox) as client:
            pages = await shared(client.images.list_pages(limit=3, prefetch=prefetch))
        numbers = [page.pagination.page for page in pages]
        assert numbers == list(range(1, 9))

    anyio.run(scenario, backend=backend)


@BACKENDS
def test_workers_that_share_a_list_get_no_more_than_the_most_items_together(
    sandbox: Sandbox, backend: str
) -> None:
    async def scenario() -> None:
        async with await with_images(sandbox) as client:
            taken = await shared(aiter(client.images.list(limit=3, max_items=10)))
        assert len({image.id for image in taken}) == len(taken) == 10

    anyio.run(scenario, backend=backend)


@BACKENDS
def test_a_page_that_failed_for_one_worker_is_fetched_by_the_next(sandbox: Sandbox, backend: str) -> None:
    async def scenario() -> None:
        async with await with_images(sandbox) as client:
            iterator = aiter(client.with_options(max_retries=0).images.list(limit=3))
            taken: list[object] = [await anext(iterator) for _ in range(3)]
            sandbox.faults.once("images.list", status=500)
            errors = 0

            async def work() -> None:
                nonlocal errors
                try:
                    while True:
                        taken.append((await anext(iterator)).id)
                except InternalServerError:
                    errors += 1
                except StopAsyncIteration:
                    pass

            async with anyio.create_task_group() as tasks:
                for _ in range(WORKERS):
                    tasks.start_soon(work)
        assert errors == 1
        assert len(set(taken[3:])) == len(taken) - 3 == IMAGES - 3

    anyio.run(scenario, backend=backend)


@BACKENDS
def test_a_cancelled_worker_loses_no_page(sandbox: Sandbox, backend: str) -> None:
    async def scenario() -> None:
        async with await with_images(sandbox) as client:
            iterator = aiter(client.images.list(limit=3))
            first: list[Image] = []

            async def one() -> None:
                first.append(await anext(iterator))  # may have arrived before the cancellation

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(one)
                await anyio.wait_all_tasks_blocked()
                tasks.cancel_scope.cancel()
            taken = [*first, *await shared(iterator)]
        assert len({image.id for image in taken}) == IMAGES

    anyio.run(scenario, backend=backend)


@BACKENDS
def test_workers_that_share_many_uploads_get_each_outcome_once(sandbox: Sandbox, backend: str) -> None:
    items = [PHOTO.read_bytes() + bytes([number]) for number in range(IMAGES)]

    async def scenario() -> None:
        async with client_of(sandbox) as client, client.images.upload_many(items) as outcomes:
            taken = await shared(outcomes)
        assert sorted(items.index(outcome.item) for outcome in taken) == list(range(IMAGES))

    anyio.run(scenario, backend=backend)


@BACKENDS
def test_workers_that_share_a_job_get_each_outcome_once(
    sandbox: Sandbox, backend: str, tmp_path: Path
) -> None:
    for number in range(IMAGES):
        (tmp_path / f"{number}.jpg").write_bytes(PHOTO.read_bytes() + bytes([number]))

    async def scenario() -> None:
        async with client_of(sandbox) as client, client.ingest(tmp_path) as job:
            taken = await shared(job)
            assert job.report.stored == IMAGES
        assert len({outcome.key for outcome in taken}) == len(taken) == IMAGES

    anyio.run(scenario, backend=backend)


@BACKENDS
def test_workers_that_share_a_download_get_each_chunk_once(sandbox: Sandbox, backend: str) -> None:
    async def scenario() -> None:
        async with client_of(sandbox) as client:
            image = await client.images.wait_until_ready((await client.images.upload(PHOTO)).id)
            async with client.images.download(image) as stream:
                taken = await shared(stream)
                assert sum(map(len, taken)) == stream.size

    anyio.run(scenario, backend=backend)
