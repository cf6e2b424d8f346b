"""Many uploads at once: outcomes as they arrive, a bounded window, and nothing that outlives the block."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest

from imgwire_async import (
    AsyncImgwireClient,
    Image,
    InvalidArgumentError,
    Uploaded,
    UploadFailed,
    UploadItem,
    UploadRejectedError,
    UploadSourceError,
)
from imgwire_async.imgwire.upload_many import UploadMany
from imgwire_async.sandbox import Sandbox

IMAGE = cast(Image, object())

BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def many(items: Any, upload: Callable[[Any], Awaitable[Image]], concurrency: int = 4) -> UploadMany[Any]:
    return UploadMany(items, upload, concurrency)


async def at_once(item: object) -> Image:  # noqa: ARG001
    await anyio.lowlevel.checkpoint()
    return IMAGE


async def never(item: object) -> Image:  # noqa: ARG001
    await anyio.sleep_forever()
    raise AssertionError


async def test_images_are_stored_and_outcomes_name_their_items(
    client: AsyncImgwireClient, sandbox: Sandbox, photo: Path
) -> None:
    content = await anyio.Path(photo).read_bytes()
    items: list[str | Path | bytes | UploadItem] = [
        str(photo),
        photo,
        content,
        UploadItem(photo, file_name="named.jpg", purpose="own", custom_metadata={"n": 1}),
    ]

    async with client.images.upload_many(
        items, purpose="common", custom_metadata={"common": True}
    ) as outcomes:
        taken = [outcome async for outcome in outcomes]

    assert all(any(outcome.item is item for outcome in taken) for item in items)
    stored = [await client.images.wait_until_ready(outcome.image.id) for outcome in taken if outcome.image]
    assert {(image.original_filename, image.purpose) for image in stored} == {
        ("rocket.jpg", "common"),
        ("image.jpg", "common"),
        ("named.jpg", "own"),
    }
    assert {image.size_bytes for image in stored} == {len(content)}
    assert [image.custom_metadata for image in stored if image.purpose == "own"] == [{"n": 1}]
    assert len(sandbox.requests.of("store.put")) == 4


async def test_one_failure_does_not_stop_the_rest(
    client: AsyncImgwireClient, sandbox: Sandbox, photo: Path
) -> None:
    sandbox.faults.once("store.put", status=400)

    items: list[Path | str] = [photo, "missing.jpg", photo, photo]

    async with client.images.upload_many(items, concurrency=1) as outcomes:
        taken = [outcome async for outcome in outcomes]

    assert [type(outcome.error) for outcome in taken] == [
        UploadRejectedError,
        UploadSourceError,
        type(None),
        type(None),
    ]
    assert [outcome.image is None for outcome in taken] == [True, True, False, False]
    assert taken[0].error is not None
    assert taken[0].error.idempotency_key


@BACKENDS
def test_outcomes_come_in_the_order_in_which_uploads_end(backend: str) -> None:
    async def upload(item: anyio.Event) -> Image:
        await item.wait()
        return IMAGE

    async def main() -> None:
        items = [anyio.Event() for _ in range(4)]
        taken = []
        async with many(items, upload) as outcomes:
            for position in (2, 0, 3, 1):
                items[position].set()
                taken.append(items.index((await anext(outcomes)).item))
            with pytest.raises(StopAsyncIteration):
                await anext(outcomes)
        assert taken == [2, 0, 3, 1]

    anyio.run(main, backend=backend)


@BACKENDS
def test_of_ten_thousand_items_no_more_than_a_window_is_alive(backend: str) -> None:
    class Item:
        pass

    alive: weakref.WeakSet[Item] = weakref.WeakSet()
    most = 0

    def items() -> Iterator[Item]:
        nonlocal most
        for _ in range(10_000):
            item = Item()
            alive.add(item)
            most = max(most, len(alive))
            yield item
            del item

    async def main() -> int:
        count = 0
        async with many(items(), at_once, concurrency=16) as outcomes:
            async for outcome in outcomes:
                count += outcome.image is IMAGE
                del outcome
        return count

    assert anyio.run(main, backend=backend) == 10_000
    # The caller holds one more, and the generator another one.
    assert most <= 16 + 2


@BACKENDS
def test_outcomes_that_are_not_consumed_delay_further_items(backend: str) -> None:
    drawn = 0

    def items() -> Iterator[int]:
        nonlocal drawn
        for number in range(100):
            drawn += 1
            yield number

    async def main() -> None:
        async with many(items(), at_once, concurrency=5) as outcomes:
            await anyio.wait_all_tasks_blocked()
            assert drawn == 5
            await anext(outcomes)
            await anext(outcomes)
            await anyio.wait_all_tasks_blocked()
            assert drawn == 7

    anyio.run(main, backend=backend)


@BACKENDS
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_leaving_early_cancels_the_rest_and_closes_the_generator(backend: str, kind: str) -> None:
    running = 0
    closed = []

    async def upload(item: int) -> Image:
        nonlocal running
        if item == 0:
            return IMAGE
        running += 1
        try:
            return await never(item)
        finally:
            running -= 1

    def items() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            closed.append("sync")

    async def async_items() -> AsyncIterator[int]:
        try:
            for number in range(100):
                yield number
        finally:
            await anyio.lowlevel.checkpoint()
            closed.append("async")

    async def main() -> None:
        async with many(items() if kind == "sync" else async_items(), upload) as outcomes:
            async for _ in outcomes:
                await anyio.wait_all_tasks_blocked()
                assert running == 4
                break
        assert running == 0
        assert closed == [kind]

    anyio.run(main, backend=backend)


@BACKENDS
def test_an_exception_of_the_block_is_raised_unchanged(backend: str) -> None:
    async def main() -> None:
        cause = KeyError("why")
        with pytest.raises(ValueError, match="mine") as caught:
            async with many(range(100), never):
                raise ValueError("mine") from cause
        assert caught.value.__cause__ is cause

    anyio.run(main, backend=backend)


@BACKENDS
def test_cancellation_from_outside_ends_everything(backend: str) -> None:
    async def main() -> None:
        with anyio.move_on_after(0.05) as scope:
            async with many(range(100), never) as outcomes:
                async for _ in outcomes:
                    raise AssertionError
        assert scope.cancelled_caught

    anyio.run(main, backend=backend)


@BACKENDS
def test_a_failing_iterable_is_raised_after_the_outcomes_of_what_was_drawn(backend: str) -> None:
    def items() -> Iterator[int]:
        yield from range(3)
        raise LookupError("the database went away")

    async def main() -> None:
        taken: list[int] = []

        async def collect() -> None:
            async with many(items(), at_once) as outcomes:
                async for outcome in outcomes:
                    taken.append(outcome.item)  # noqa: PERF401 - what came before the exception counts

        with pytest.raises(LookupError, match="went away"):
            await collect()
        assert sorted(taken) == [0, 1, 2]

    anyio.run(main, backend=backend)


@BACKENDS
def test_a_defect_in_an_upload_ends_the_block_with_that_exception(backend: str) -> None:
    async def upload(item: int) -> Image:
        if item == 2:
            raise ZeroDivisionError
        return await at_once(item)

    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            async with many(range(100), upload) as outcomes:
                [outcome async for outcome in outcomes]

    anyio.run(main, backend=backend)


@BACKENDS
def test_a_slow_async_source_does_not_hold_up_outcomes(backend: str) -> None:
    async def main() -> None:
        asked = anyio.Event()

        async def items() -> AsyncIterator[int]:
            yield 1
            await asked.wait()
            yield 2

        taken = []
        async with many(items(), at_once) as outcomes:
            async for outcome in outcomes:
                taken.append(outcome.item)
                asked.set()
        assert taken == [1, 2]

    anyio.run(main, backend=backend)


async def test_without_items_there_are_no_outcomes() -> None:
    async with many([], at_once) as outcomes:
        assert [outcome async for outcome in outcomes] == []


@pytest.mark.parametrize("items", ["photo.jpg", b"bytes", Path("photo.jpg"), 5, None])
def test_a_single_file_is_rejected(client_without_server: AsyncImgwireClient, items: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="iterable of files"):
        client_without_server.images.upload_many(items)


@pytest.mark.parametrize("concurrency", [0, -1])
def test_a_window_has_room_for_at_least_one_item(
    client_without_server: AsyncImgwireClient, concurrency: int
) -> None:
    with pytest.raises(InvalidArgumentError, match="concurrency"):
        client_without_server.images.upload_many([], concurrency=concurrency)


@pytest.fixture
def client_without_server() -> AsyncImgwireClient:
    return AsyncImgwireClient("sk_test", base_url="http://127.0.0.1:9")


async def test_it_is_entered_once_and_iterated_inside() -> None:
    uploads = many([], at_once)
    with pytest.raises(RuntimeError, match="async with"):
        aiter(uploads)
    async with uploads:
        pass
    with pytest.raises(RuntimeError, match="again"):
        await uploads.__aenter__()


async def test_abandoned_uploads_over_sockets_leave_nothing_behind(
    client: AsyncImgwireClient, sandbox: Sandbox, photo: Path
) -> None:
    before = asyncio.all_tasks()
    sandbox.faults.always("store.put", stall=30)

    with anyio.move_on_after(0.3) as scope:
        async with client.images.upload_many([photo] * 50, concurrency=8) as outcomes:
            async for _ in outcomes:
                raise AssertionError

    assert scope.cancelled_caught
    assert client.stats().in_flight == client.stats().waiting == 0
    assert asyncio.all_tasks() == before
    gc.collect()  # a stream or file left open would warn now, which is an error here


def test_outcomes_are_plain_data() -> None:
    outcome = UploadFailed("a.jpg", UploadSourceError("no"))
    assert (outcome.item, outcome.image, str(outcome.error)) == ("a.jpg", None, "no")


def test_bytes_are_shown_by_their_length(tmp_path: Path) -> None:
    content = bytes(5_000_000)
    item = UploadItem(content, file_name="a.png", upload_token="secret")

    assert repr(item) == (
        "UploadItem(file=<5000000 bytes>, size=None, file_name='a.png', mime_type=None, hash_sha256=None, "
        "idempotency_key=None, purpose=None, custom_metadata=None)"
    )
    assert repr(Uploaded(content, IMAGE)).startswith("Uploaded(item=<5000000 bytes>, image=")
    assert len(repr(UploadFailed(item, UploadSourceError("no")))) < 400
    assert repr(UploadItem(bytearray(3))).startswith("UploadItem(file=<3 bytes>,")
    assert repr(UploadItem(tmp_path)).startswith(f"UploadItem(file={tmp_path!r},")
