"""Objects of Google's store as sources, against a server of its API: scripts/test --stores.

Writing is tested in test_google_writes.py, because this server rejects the requests with which obstore writes
objects. Not covered: replaced objects (it ignores `If-Match`), and whether Google accepts a signature.
"""

from __future__ import annotations

import hashlib
import urllib.request
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
from anyio import to_thread

from imgwire_async import AsyncImgwireClient, Bucket
from imgwire_async.bodies.objects import StoredObject
from imgwire_async.errors import SourceStoreError
from imgwire_async.ingest.options import WHOLE
from imgwire_async.stores.listing import slices
from imgwire_async.stores.opening import Store, open_store
from imgwire_async.stores.reading import look, read_part, reading
from imgwire_async.stores.signing import signed_url, signs_here
from imgwire_async.stores.uris import ObjectUri
from tests.ingest.support import counts, ingest, server_images, small_image
from tests.stores.real_servers import GCS, fake_gcs, put_into_gcs

pytestmark = pytest.mark.stores

BUCKET = "photos"
LARGE = small_image(30).ljust(WHOLE + 1, b"\0")
CONTENTS = {f"photos/{number}.png": small_image(number) for number in range(20)}
ODD = "photos/a b/50% ü%41?x#.png"
CONTENTS |= {
    ODD: small_image(20),
    "photos/large.png": LARGE,
    "photos/notes.txt": b"text",
}


@pytest.fixture(scope="module")
def options() -> Iterator[dict[str, str]]:
    if not GCS.exists():
        pytest.skip("fake-gcs-server is not installed; scripts/stores installs it on Linux")
    with fake_gcs(BUCKET) as (url, options):
        for key, content in CONTENTS.items():
            put_into_gcs(url, BUCKET, key, content)
        yield options


@pytest.fixture
def store(options: dict[str, str]) -> Store:
    return open_store(ObjectUri.of(f"gs://{BUCKET}"), options)


async def test_objects_are_listed_and_read(store: Store) -> None:
    async with aclosing(slices(store, "photos/")) as listed:
        found = {info.key: info async for page in listed for info in page}
    assert {key: info.size for key, info in found.items()} == {
        key: len(content) for key, content in CONTENTS.items()
    }
    for key in (ODD, "photos/large.png"):
        assert (await look(store, key)).version == found[key].version
        async with reading(store, key, version=found[key].version) as opened:
            digest = hashlib.sha256(b"".join([chunk async for chunk in opened.chunks]))
        assert digest.digest() == hashlib.sha256(CONTENTS[key]).digest()
    assert await read_part(store, "photos/large.png", 10) == LARGE[:10]


async def test_an_object_that_does_not_exist_is_missing(store: Store) -> None:
    with pytest.raises(SourceStoreError) as caught:
        await look(store, "nowhere")
    assert caught.value.reason == "missing"


async def test_a_url_is_signed_without_a_request(store: Store, options: dict[str, str]) -> None:
    def fetched(url: str) -> bytes:
        with urllib.request.urlopen(url) as response:
            return bytes(response.read())

    assert signs_here(ObjectUri.of(f"gs://{BUCKET}"), options)
    url = (await signed_url(store, "photos/1.png", seconds=60)).reveal()
    assert "X-Goog-Signature=" in url
    assert await to_thread.run_sync(fetched, url) == small_image(1)


async def test_an_object_is_uploaded(client: AsyncImgwireClient, options: dict[str, str]) -> None:
    image = await client.images.upload(
        StoredObject(uri=f"gs://{BUCKET}/photos/large.png", options=options), hash_sha256=True, verify=True
    )
    assert (image.original_filename, image.size_bytes) == ("large.png", len(LARGE))


@pytest.mark.parametrize("transfer", ["bytes", "url"])
async def test_a_bucket_is_ingested_once(
    client: AsyncImgwireClient, options: dict[str, str], tmp_path: Path, transfer: str
) -> None:
    journal = tmp_path / "journal"
    bucket = Bucket(f"gs://{BUCKET}/photos/", include=("*.png",), options=options)

    outcomes, first = await ingest(client, bucket, journal=journal, transfer=transfer)
    _, again = await ingest(client, bucket, journal=journal, transfer=transfer)

    images = await server_images(client)
    assert not [outcome.error for outcome in outcomes if outcome.error]
    assert counts(first)[0] == counts(again)[1] == len(images) == 22
    for image in images:
        ready = await client.images.wait_until_ready(image.id)
        (key,) = [key for key in CONTENTS if key.endswith(f"/{ready.original_filename}")]
        assert ready.size_bytes == len(CONTENTS[key])
