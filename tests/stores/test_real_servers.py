"""Real servers behave like the small S3 of the other tests: scripts/test --stores."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from functools import partial
from pathlib import Path

import obstore
import pytest
from anyio import to_thread

from imgwire_async import AsyncImgwireClient, Bucket, Failed, IngestItem
from imgwire_async.bodies.objects import StoredObject
from imgwire_async.errors import SourceStoreError, StoreError
from imgwire_async.ingest.options import WHOLE
from imgwire_async.stores.listing import slices
from imgwire_async.stores.opening import Store, open_store
from imgwire_async.stores.reading import look, read_part, reading
from imgwire_async.stores.signing import signed_url
from imgwire_async.stores.uris import ObjectUri
from imgwire_async.stores.writing import PART, write, write_file
from tests.ingest.support import counts, ingest, server_images, small_image
from tests.stores.real_servers import AZURITE, MOTO, azurite, moto

pytestmark = pytest.mark.stores

BUCKET = "photos"
Server = tuple[str, dict[str, str]]


@pytest.fixture(scope="module")
def s3() -> Iterator[Server]:
    if not MOTO.exists():
        pytest.skip("moto is not installed; scripts/stores installs it")
    with moto(BUCKET) as options:
        yield f"s3://{BUCKET}", options


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if not AZURITE.exists():
        pytest.skip("Azurite is not installed; scripts/stores installs it where there is npm")
    with azurite(BUCKET, tmp_path_factory.mktemp("azurite")) as options:
        yield f"az://{BUCKET}", options


@pytest.fixture(params=["s3", "azure"])
def server(request: pytest.FixtureRequest) -> Server:
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]


@pytest.fixture
def store(server: Server) -> Store:
    uri, options = server
    return open_store(ObjectUri.of(uri), options)


async def chunks_of(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 1024 * 1024):
        yield content[start : start + 1024 * 1024]


def fetched(url: str) -> bytes:
    with urllib.request.urlopen(url) as response:
        content: bytes = response.read()
        return content


async def put(store: Store, prefix: str, contents: dict[str, bytes]) -> None:
    for key, content in contents.items():
        await write(store, f"{prefix}/{key}", chunks_of(content), overwrite=True)


async def test_objects_are_written_listed_and_read(store: Store) -> None:
    large = bytes(range(256)) * (PART // 128)
    await put(store, "objects", {"a b/50% ü.jpg": b"small", "large": large})

    async with aclosing(slices(store, "objects/")) as listed:
        found = {info.key: info async for page in listed for info in page}
    assert {key: info.size for key, info in found.items()} == {
        "objects/a b/50% ü.jpg": 5,
        "objects/large": len(large),
    }
    for key, info in found.items():
        assert (await look(store, key)).version == info.version
        async with reading(store, key, version=info.version) as opened:
            digest = hashlib.sha256(b"".join([chunk async for chunk in opened.chunks]))
        assert digest.digest() == hashlib.sha256(large if info.size > 5 else b"small").digest()
    assert await read_part(store, "objects/large", 10) == large[:10]


async def test_another_version_is_rejected(store: Store) -> None:
    await put(store, "versions", {"a": b"first"})
    version = (await look(store, "versions/a")).version
    await put(store, "versions", {"a": b"second"})

    with pytest.raises(SourceStoreError) as caught:
        await read_part(store, "versions/a", 3, version=version)
    assert caught.value.reason == "changed"


@pytest.mark.parametrize("length", [3, PART + 3])
async def test_nothing_is_overwritten_by_default(store: Store, length: int) -> None:
    await put(store, f"overwriting-{length}", {"a": b"old"})

    with pytest.raises(StoreError) as caught:
        await write(store, f"overwriting-{length}/a", chunks_of(bytes(length)))

    assert caught.value.reason == "exists"
    assert await read_part(store, f"overwriting-{length}/a", 9) == b"old"


@pytest.mark.parametrize("length", [3, PART + 3])
async def test_no_file_overwrites_an_object_by_default(store: Store, tmp_path: Path, length: int) -> None:
    key = f"files-{length}/a"
    await put(store, f"files-{length}", {"a": b"old"})
    file = tmp_path / "file"
    file.write_bytes(bytes(length))

    with pytest.raises(StoreError) as caught:
        await to_thread.run_sync(write_file, store, key, file)

    assert caught.value.reason == "exists"
    assert await read_part(store, key, 9) == b"old"
    await to_thread.run_sync(partial(write_file, store, key, file, overwrite=True))
    assert (await look(store, key)).size == length


WRITER = """
import json, sys
import anyio
from imgwire_async.stores.opening import open_store
from imgwire_async.stores.uris import ObjectUri
from imgwire_async.stores.writing import write

async def endless():
    while True:
        yield bytes(1024 * 1024)
        print(flush=True)

async def main(uri, options):
    await write(open_store(ObjectUri.of(uri), options), "killed/a", endless(), overwrite=True)

anyio.run(main, sys.argv[1], json.loads(sys.argv[2]))
"""


@pytest.mark.parametrize("older", [b"old", None], ids=["an older object", "none"])
async def test_a_killed_writer_leaves_the_object_unchanged(
    server: Server, store: Store, older: bytes | None
) -> None:
    await put(store, "killed", {"a": older or b""})
    if older is None:
        await to_thread.run_sync(obstore.delete, store.handle, "killed/a")

    def written_and_killed() -> None:
        command = [sys.executable, "-c", WRITER, server[0], json.dumps(server[1])]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(5 * PART // 1024**2):  # more than are in flight at a time
                assert process.stdout.readline()
            process.kill()

    await to_thread.run_sync(written_and_killed)
    if older is None:
        with pytest.raises(SourceStoreError) as caught:
            await look(store, "killed/a")
        assert caught.value.reason == "missing"
    else:
        assert await read_part(store, "killed/a", 9) == older


async def test_an_object_that_does_not_exist_is_missing(store: Store) -> None:
    with pytest.raises(SourceStoreError) as caught:
        await look(store, "nowhere")
    assert caught.value.reason == "missing"


async def test_a_missing_bucket_is_reported(server: Server) -> None:
    uri, options = server
    with pytest.raises(SourceStoreError) as caught:
        async for _ in slices(open_store(ObjectUri.of(f"{uri}-elsewhere"), options)):
            pass
    assert caught.value.reason == "no_bucket"


async def test_a_signed_url_is_fetched_without_credentials(store: Store) -> None:
    await put(store, "signed", {"a": b"content"})

    url = await signed_url(store, "signed/a", seconds=60)

    assert await to_thread.run_sync(fetched, url.reveal()) == b"content"


async def test_an_object_is_uploaded(client: AsyncImgwireClient, server: Server, store: Store) -> None:
    large = small_image(1) + bytes(2 * WHOLE)
    await put(store, "upload", {"hero.png": large})

    image = await client.images.upload(
        StoredObject(uri=f"{server[0]}/upload/hero.png", options=server[1]), hash_sha256=True, verify=True
    )

    assert (image.original_filename, image.size_bytes) == ("hero.png", len(large))


async def test_a_bucket_is_ingested_once(
    client: AsyncImgwireClient, server: Server, store: Store, tmp_path: Path
) -> None:
    uri, options = server
    contents = {f"{number}.png": small_image(number) for number in range(20)}
    contents |= {"large.png": small_image(30) + bytes(WHOLE), "deep/notes.txt": b"text"}
    await put(store, "ingest", contents)
    bucket = Bucket(f"{uri}/ingest/", options=options)

    _, first = await ingest(client, bucket, journal=tmp_path / "j")
    _, again = await ingest(client, bucket, journal=tmp_path / "j")

    assert counts(first) == (21, 0, 1, 0)
    assert counts(again) == (0, 21, 1, 0)
    assert len(await server_images(client)) == 21


async def test_wrong_credentials_stop_a_job(client: AsyncImgwireClient, azure: Server) -> None:
    uri, options = azure
    wrong = options | {"account_key": "d3Jvbmc="}

    with pytest.raises(SourceStoreError) as caught:
        await ingest(client, Bucket(f"{uri}/ingest/", options=wrong))

    assert caught.value.concerns_bucket
    assert "d3Jvbmc" not in str(caught.value)


async def test_a_missing_object_fails_alone(
    client: AsyncImgwireClient, s3: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri, options = s3
    monkeypatch.setenv("AWS_ENDPOINT_URL", options["endpoint"])
    await put(open_store(ObjectUri.of(uri), options), "named", {"a.png": small_image(1)})

    outcomes, report = await ingest(client, [IngestItem(f"{uri}/named/{name}.png") for name in "ab"])

    assert counts(report) == (1, 0, 0, 1)
    (error,) = [outcome.error for outcome in outcomes if isinstance(outcome, Failed)]
    assert isinstance(error, SourceStoreError)
    assert error.reason == "missing"
