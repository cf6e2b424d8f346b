"""Objects of Google's store as targets, checked against the requests that obstore sends.

The server is the small S3 of these tests, which also knows Google's condition for an object that must not
exist: fake-gcs-server does not accept such requests. No test covers the behaviour of Google's own service.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator

import pytest

from imgwire_async import AsyncImgwireClient
from imgwire_async.errors import StoreError
from imgwire_async.stores.opening import Store, open_store
from imgwire_async.stores.reading import look
from imgwire_async.stores.uris import ObjectUri
from imgwire_async.stores.writing import PART, write
from tests.imgwire.export.support import ready_image
from tests.ingest.support import small_image
from tests.stores.real_servers import private_key
from tests.stores.s3_server import S3Server

ODD = "a b/50% ü%41?x#\\.png"


@pytest.fixture(scope="module")
def key() -> str:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl, for a key to sign tokens with")
    return private_key()


@pytest.fixture
def options(s3: S3Server, key: str) -> dict[str, str]:
    account = {"client_email": "a@example.com", "private_key": key, "private_key_id": "1"}
    return {
        "service_account_key": json.dumps(account | {"gcs_base_url": s3.url}),
        "allow_http": "true",
    }


@pytest.fixture
def store(options: dict[str, str]) -> Store:
    return open_store(ObjectUri.of("gs://photos"), options)


async def chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 1024 * 1024):
        yield content[start : start + 1024 * 1024]


@pytest.mark.parametrize("length", [10, PART + 10])
async def test_an_object_is_written_once_unless_it_may_be_replaced(
    s3: S3Server, store: Store, length: int
) -> None:
    first, second = b"1".ljust(length, b"1"), b"2".ljust(length, b"2")

    await write(store, ODD, chunks(first), content_type="image/png")
    with pytest.raises(StoreError) as caught:
        await write(store, ODD, chunks(second))
    assert caught.value.reason == "exists"
    assert s3.objects == {ODD: first}
    assert (await look(store, ODD)).size == length

    await write(store, ODD, chunks(second), overwrite=True)
    assert s3.objects == {ODD: second}
    assert {request.headers["authorization"][:7] for request in s3.requests} == {"Bearer "}


async def test_images_are_exported_to_a_bucket(
    client: AsyncImgwireClient, s3: S3Server, options: dict[str, str]
) -> None:
    await ready_image(client, 1, file_name="50% ü.png")

    async with client.export("gs://photos/all", store_options=options) as job:
        async for _ in job:
            pass

    assert job.report.stored == 1
    assert small_image(1) in s3.objects.values()
