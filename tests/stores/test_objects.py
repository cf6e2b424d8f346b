"""Reading, listing, writing and signing objects, on asyncio and on trio."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from urllib.parse import unquote, urlsplit

import anyio
import anyio.from_thread
import anyio.lowlevel
import pytest

from imgwire_async.errors import StoreError
from imgwire_async.stores.listing import SLICE, slices
from imgwire_async.stores.opening import OpenStores, Store, open_store
from imgwire_async.stores.reading import blocks_of, look, open_file, read_part, reading
from imgwire_async.stores.signing import signed_url
from imgwire_async.stores.uris import ObjectUri
from imgwire_async.stores.writing import PART, write
from tests.stores.real_servers import private_key
from tests.stores.s3_server import Failure, Request, S3Server, etag_of

CONTENT = bytes(range(256)) * 8192  # 2 MiB


@pytest.fixture(params=["asyncio", "trio"])
def run(request: pytest.FixtureRequest) -> Callable[[Callable[[], Awaitable[None]]], None]:
    return lambda work: anyio.run(work, backend=request.param)


def store_of(s3: S3Server) -> Store:
    return open_store(ObjectUri.of(s3.uri()))


async def whole(store: Store, key: str, version: str | None = None) -> bytes:
    async with reading(store, key, version=version) as opened:
        return b"".join([chunk async for chunk in opened.chunks])


async def chunks_of(content: bytes, size: int = 1024 * 1024) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def test_an_object_is_read_completely_in_part_and_at_its_version(
    s3: S3Server, run: Callable[..., None]
) -> None:
    s3.objects["a b/50%.jpg"] = CONTENT
    s3.types["a b/50%.jpg"] = "image/jpeg"

    async def work() -> None:
        store = store_of(s3)
        info = await look(store, "a b/50%.jpg")
        assert (info.size, info.version) == (len(CONTENT), etag_of(CONTENT).strip('"'))
        assert await read_part(store, "a b/50%.jpg", 10) == CONTENT[:10]
        async with reading(store, "a b/50%.jpg", version=info.version) as opened:
            assert opened.info.content_type == "image/jpeg"
            assert b"".join([chunk async for chunk in opened.chunks]) == CONTENT

    run(work)


def test_an_interrupted_transfer_resumes_where_it_stopped(s3: S3Server, run: Callable[..., None]) -> None:
    s3.objects["a.jpg"] = CONTENT
    s3.fail = lambda request: None if "range" in request.headers else Failure(0, after=1_000_000)

    async def work() -> None:
        assert await whole(store_of(s3), "a.jpg") == CONTENT

    run(work)
    # Some received bytes may have been lost with the connection.
    assert 0 < int(s3.requests[-1].headers["range"].removeprefix("bytes=").split("-")[0]) <= 1_000_000


def test_a_listing_is_a_stream_regardless_of_the_pages_of_the_store(
    s3: S3Server, run: Callable[..., None]
) -> None:
    s3.objects |= {f"photos/{number:04}.jpg": b"x" for number in range(25)} | {"photosaurus.jpg": b"x"}
    s3.page = 10

    async def work() -> None:
        store = store_of(s3)
        async with aclosing(slices(store, "photos/")) as listed:
            keys = [info.key for part in [part async for part in listed] for info in part]
        assert keys == [f"photos/{number:04}.jpg" for number in range(25)]
        async with aclosing(slices(store, "photos/", after="photos/0019.jpg")) as listed:
            assert [info.key for part in [part async for part in listed] for info in part] == keys[20:]

    run(work)


async def test_the_first_objects_arrive_before_the_second_page_is_requested(s3: S3Server) -> None:
    s3.objects |= {f"{number:05}.jpg": b"x" for number in range(5000)}

    async with aclosing(slices(store_of(s3))) as listed:
        await anext(listed)

    assert len(s3.requests) <= 3


async def test_a_large_page_is_passed_on_in_slices_that_trigger_no_garbage_collection(s3: S3Server) -> None:
    s3.objects |= {f"{number:05}.jpg": b"x" for number in range(1500)}

    async with aclosing(slices(store_of(s3))) as listed:
        sizes = [len(part) async for part in listed]

    # A job creates a few Python objects for each of these; the garbage collector runs after 700 or 2000.
    assert sizes == [SLICE] * 15
    assert SLICE <= 100


def test_small_and_large_objects_are_written_completely(s3: S3Server, run: Callable[..., None]) -> None:
    large = CONTENT * 6

    async def work() -> None:
        await write(store_of(s3), "small.jpg", chunks_of(CONTENT))
        await write(store_of(s3), "large.jpg", chunks_of(large))

    run(work)
    assert len(large) > PART
    assert s3.objects == {"small.jpg": CONTENT, "large.jpg": large}


@pytest.mark.parametrize("length", [10, PART + 10])
def test_nothing_is_overwritten_by_default(s3: S3Server, run: Callable[..., None], length: int) -> None:
    s3.objects["a.jpg"] = b"old"

    async def work() -> None:
        with pytest.raises(StoreError) as caught:
            await write(store_of(s3), "a.jpg", chunks_of(bytes(length)))
        assert caught.value.reason == "exists"
        assert s3.objects == {"a.jpg": b"old"}
        await write(store_of(s3), "a.jpg", chunks_of(bytes(length)), overwrite=True)

    run(work)
    assert s3.objects == {"a.jpg": bytes(length)}


def test_failing_content_leaves_no_object_and_its_error_is_raised(
    s3: S3Server, run: Callable[..., None]
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield bytes(PART)
        raise LookupError("no more")

    async def work() -> None:
        with pytest.raises(LookupError, match="no more"):
            await write(store_of(s3), "a.jpg", broken())

    run(work)
    assert not s3.objects


@pytest.mark.parametrize("waiting", ["for content", "for the store"])
def test_a_cancelled_write_leaves_no_parts_that_somebody_pays_for(
    s3: S3Server, run: Callable[..., None], waiting: str
) -> None:
    async def content() -> AsyncIterator[bytes]:
        for _ in range(6):
            yield bytes(PART)
        if waiting == "for content":
            await anyio.sleep_forever()

    async def work() -> None:
        arrived = anyio.Event()
        told = anyio.lowlevel.current_token()

        def part_arrives(request: Request) -> None:
            if "partNumber" in request.query:
                anyio.from_thread.run_sync(arrived.set, token=told)
                if waiting == "for the store":
                    time.sleep(0.05)

        s3.before = part_arrives
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write, store_of(s3), "a.jpg", content())
            await arrived.wait()
            tasks.cancel_scope.cancel()
        with anyio.move_on_after(5):
            while s3.parts:  # noqa: ASYNC110 - a server in a thread
                await anyio.sleep(0.01)

    run(work)
    assert not s3.objects
    assert not s3.parts
    assert s3.count("DELETE") == {"a.jpg": 1}


KEYS = ("a/50%.png", "a%41.png", "a%2Fb.png", "a?b.png", "a#b.png", "a\\b.png", "ü~*'() +&=;.png")


@pytest.mark.parametrize("provider", ["s3", "gs", "az"])
async def test_a_signed_url_works_for_an_object_with_any_key(provider: str) -> None:
    options = {"account_name": "account", "account_key": "YWJj"} if provider == "az" else {}
    if provider == "gs":
        if shutil.which("openssl") is None:
            pytest.skip("needs openssl, for a key to sign with")
        account = {"client_email": "a@example.com", "private_key": private_key(), "private_key_id": "1"}
        options = {"service_account_key": json.dumps(account)}
    store = open_store(ObjectUri.of(f"{provider}://photos"), options)

    for key in KEYS:
        path = urlsplit((await signed_url(store, key)).reveal()).path
        assert unquote(path).removeprefix("/photos") == f"/{key}"
    for key in ("a/../b.png", "a\tb.png"):
        with pytest.raises(StoreError) as raised:
            await signed_url(store, key)
        assert raised.value.reason == "invalid_key"


def test_a_signed_url_needs_no_credentials_and_is_not_shown_anywhere(
    s3: S3Server, run: Callable[..., None]
) -> None:
    async def work() -> None:
        url = await signed_url(store_of(s3), "a.jpg", seconds=60)
        assert "X-Amz-Signature=" in url.reveal()
        assert "Signature" not in repr(url)

    run(work)


def test_threads_read_objects_as_blocks_and_as_files(s3: S3Server) -> None:
    s3.objects["a.jpg"] = CONTENT

    assert b"".join(blocks_of(store_of(s3), "a.jpg")) == CONTENT
    with open_file(store_of(s3), "a.jpg") as file:
        file.seek(-4, 2)
        assert bytes(file.read(4)) == CONTENT[-4:]


def test_a_bucket_is_opened_once_for_the_same_options_and_environment(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_of(s3)

    assert open_store(ObjectUri.of(s3.uri("another.jpg"))) is store
    assert open_store(ObjectUri.of(s3.uri()), {"region": "eu-west-1"}) is not store
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    assert store_of(s3) is not store


async def test_options_open_a_compatible_store(s3: S3Server) -> None:
    s3.objects["a.jpg"] = CONTENT
    store = open_store(ObjectUri.of("s3://photos/a.jpg"), s3.options)

    assert (await look(store, "a.jpg")).size == len(CONTENT)
    assert "AKIDEXAMPLE" in s3.requests[0].headers["authorization"]
    assert "not-a-secret" not in repr(store)


def test_the_stores_of_a_job_are_distinguished_by_bucket_and_options(s3: S3Server) -> None:
    stores, options = OpenStores(), s3.options
    found = [
        (str(store.uri), key)
        for store, key in (
            stores.of("s3://photo", options),
            stores.of("s3://photos/a/b.jpg", options),
            stores.of("s3://photos/a/c.jpg", options),
            stores.of("s3://photos2/a/c.jpg", options),
            stores.of("s3://photos2/", options),
        )
    ]

    assert found == [
        ("s3://photo/", ""),
        ("s3://photos/", "a/b.jpg"),
        ("s3://photos/", "a/c.jpg"),
        ("s3://photos2/", "a/c.jpg"),
        ("s3://photos2/", ""),
    ]
    other = stores.of("s3://photos/a/b.jpg", options | {"region": "eu-west-1"})[0]
    assert other is not stores.of("s3://photos/a/b.jpg", options)[0]
    assert stores.of("s3://photos/d.jpg", dict(options))[0] is stores.of("s3://photos/e.jpg", options)[0]
