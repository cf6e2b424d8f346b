"""Programs as users write them: mypy accepts them without a cast, and they run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from pathlib import Path
from typing import Any, assert_type
from uuid import UUID

import anyio
import pytest
from werkzeug.datastructures import FileStorage

from imgwire_async import (
    AsyncImgwireClient,
    Failed,
    Image,
    ImgwireError,
    IngestItem,
    Page,
    Stored,
    Uploaded,
    UploadFailed,
    UploadItem,
    UploadOutcome,
)
from imgwire_async.sandbox import Sandbox


async def test_each_outcome_of_many_uploads_is_an_image_or_an_error(
    client: AsyncImgwireClient, photo: Path
) -> None:
    seen: list[ImgwireError | UUID] = []
    items: list[str | Path | bytes] = [photo, "missing.jpg", str(photo)]

    async with client.images.upload_many(items) as outcomes:
        async for outcome in outcomes:
            assert_type(outcome, Uploaded[str | Path | bytes] | UploadFailed[str | Path | bytes])
            seen.append(outcome.error or outcome.image.id)
            if outcome.error is None:
                assert_type(outcome.image, Image)
            else:
                assert_type(outcome.image, None)
            if outcome.image:
                assert_type(outcome, Uploaded[str | Path | bytes])
            match outcome:
                case Uploaded(item=item, image=image):
                    assert item != "missing.jpg"
                    assert_type(image, Image)
                case UploadFailed(item=item, error=error):
                    assert item == "missing.jpg"
                    assert_type(error, ImgwireError)

    assert sorted(type(one).__name__ for one in seen) == ["UUID", "UUID", "UploadSourceError"]


async def test_a_list_of_several_types_can_be_written_in_the_call(
    client: AsyncImgwireClient, photo: Path
) -> None:
    def summary(outcome: UploadOutcome[Any]) -> str:
        return "failed" if outcome.error else outcome.image.original_filename

    content = await anyio.Path(photo).read_bytes()
    with photo.open("rb") as file:
        async with client.images.upload_many(
            [photo, str(photo), content, file, iter([content]), UploadItem(photo, purpose="typed")]
        ) as outcomes:
            found = [summary(outcome) async for outcome in outcomes]
        form_file = FileStorage(file, "me.jpg", "avatar")
        await client.images.upload(form_file)

    assert sorted(found) == ["image.jpg", "image.jpg", *["rocket.jpg"] * 4]


async def test_sequences_and_async_iterables_of_any_source_are_accepted(
    client: AsyncImgwireClient, photo: Path
) -> None:
    async def paths() -> AsyncIterator[Path]:
        yield photo

    async def upload_all(files: Sequence[Path]) -> int:
        async with client.images.upload_many(files) as outcomes:
            return len([outcome async for outcome in outcomes if outcome.image])

    assert await upload_all([photo]) == 1
    async with client.images.upload_many(paths()) as outcomes:
        async for outcome in outcomes:
            assert_type(outcome, Uploaded[Path] | UploadFailed[Path])


async def test_the_type_of_an_outcome_of_a_job_shows_if_it_has_an_error(
    client: AsyncImgwireClient, photo: Path
) -> None:
    seen: list[ImgwireError | str | None] = []
    items: list[IngestItem | str | Path] = [photo, "missing.jpg", IngestItem(photo, key="again")]

    async with client.ingest(items) as job:
        async for outcome in job:
            seen.append(outcome.error or outcome.image_id)
            if outcome.error:
                assert_type(outcome, Failed)
            elif isinstance(outcome, Stored):
                assert_type(outcome.image_id, str)

    assert sorted(type(one).__name__ for one in seen) == ["UploadSourceError", "str", "str"]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_list_can_be_fetched_in_a_task(sandbox: Sandbox, loop: str) -> None:
    async def main() -> None:
        async with AsyncImgwireClient(sandbox.server_key, base_url=sandbox.base_url) as client:
            task = asyncio.create_task(client.images.list(limit=5))
            first, origins = await asyncio.gather(client.images.list(), client.cors_origins.list())
            assert_type(await task, Page[Image])
            assert_type(first.data, list[Image])
            assert origins.pagination.page == 1
            async with asyncio.TaskGroup() as tasks:
                grouped = tasks.create_task(client.images.list(), name="list")
            assert grouped.result().pagination.page == 1
            listing = client.images.list()
            assert isinstance(listing, Coroutine)
            assert (await asyncio.wait_for(listing, 30)).data == (await listing).data == []
            assert [image async for image in listing] == []

    anyio.run(main, backend="asyncio", backend_options={"use_uvloop": loop == "uvloop"})


async def test_a_list_in_a_task_can_be_cancelled_and_fetched_again(client: AsyncImgwireClient) -> None:
    listing = client.images.list()
    task = asyncio.create_task(listing)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (await asyncio.create_task(listing)).data == []
    client.images.list()  # a list that is not awaited causes no warning
