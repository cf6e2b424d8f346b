"""Uploads directly from an object of a cloud store."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgwire_async import AsyncImgwireClient
from imgwire_async.bodies.objects import StoredObject
from imgwire_async.bodies.sources import open_source
from imgwire_async.errors import ConfigurationError, SourceChangedError, SourceStoreError, UploadSourceError
from imgwire_async.sandbox import Sandbox
from tests.bodies.running import BACKENDS, run
from tests.clients import client_of
from tests.stores.s3_server import Failure, S3Server, etag_of, s3_server

LARGE = 3 * 1024 * 1024


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[S3Server]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-tests")
    with s3_server() as server:
        yield server


@pytest.fixture
def small(photo: Path) -> bytes:
    return photo.read_bytes()


@pytest.fixture
def large(small: bytes) -> bytes:
    return small + bytes(LARGE - len(small))


async def both_readings(uri: StoredObject | str, between: object = None) -> list[str]:
    """The digests of the bytes that two attempts of one upload read."""
    digests = []
    async with open_source(uri) as source:
        for number in range(2):
            async with source.open() as chunks:
                digests.append(hashlib.sha256(b"".join([chunk async for chunk in chunks])).hexdigest())
            if number == 0 and callable(between):
                between()
    return digests


@BACKENDS
@pytest.mark.parametrize("size", ["small", "large"])
def test_an_object_is_uploaded_with_the_size_name_and_type_of_the_store(
    sandbox: Sandbox, s3: S3Server, small: bytes, large: bytes, backend: str, size: str
) -> None:
    content = small if size == "small" else large
    s3.objects["photos/hero 1"] = content

    async def main() -> None:
        async with client_of(sandbox) as imgwire:
            image = await imgwire.images.upload(s3.uri("photos/hero 1"))
            assert image.original_filename == "hero 1"
            assert image.mime_type == "image/jpeg"
            image = await imgwire.images.wait_until_ready(image.id)
            assert image.size_bytes == len(content)

    run(main, backend)
    assert s3.count("GET") == {"photos/hero 1": 1}


async def test_an_attempt_that_fails_reads_the_same_version_again(s3: S3Server, large: bytes) -> None:
    s3.objects["hero.jpg"] = large

    assert await both_readings(s3.uri("hero.jpg")) == [hashlib.sha256(large).hexdigest()] * 2
    assert s3.requests[-1].headers["if-match"] == etag_of(large)


async def test_a_small_object_is_read_only_once_and_can_be_sent_again(s3: S3Server, small: bytes) -> None:
    s3.objects["hero.jpg"] = small

    assert (
        await both_readings(s3.uri("hero.jpg"), s3.objects.clear) == [hashlib.sha256(small).hexdigest()] * 2
    )
    assert len(s3.requests) == 1


async def test_an_object_that_changes_between_two_attempts_is_not_mixed(s3: S3Server, large: bytes) -> None:
    s3.objects["hero.jpg"] = large

    def change() -> None:
        s3.objects["hero.jpg"] = large[:-1] + b"x"

    with pytest.raises(SourceChangedError, match=r"hero\.jpg"):
        await both_readings(s3.uri("hero.jpg"), change)


async def test_an_object_must_have_the_requested_version(
    client: AsyncImgwireClient, sandbox: Sandbox, s3: S3Server, small: bytes
) -> None:
    s3.objects["hero.jpg"] = small
    given = StoredObject(uri="s3://photos/hero.jpg", version="another", options=s3.options)

    with pytest.raises(SourceChangedError):
        await client.images.upload(given)
    assert not sandbox.requests
    assert "not-a-secret" not in repr(given)


@pytest.mark.parametrize(
    ("failure", "reason"),
    [(Failure(403, "AccessDenied"), "denied"), (Failure(400, "ExpiredToken"), "credentials")],
)
async def test_an_object_that_the_store_denies_is_an_error_of_the_source(
    client: AsyncImgwireClient, sandbox: Sandbox, s3: S3Server, failure: Failure, reason: str
) -> None:
    s3.objects["hero.jpg"] = b"x"
    s3.fail = lambda _: failure

    with pytest.raises(SourceStoreError) as caught:
        await client.images.upload(s3.uri("hero.jpg"))

    assert (caught.value.reason, caught.value.operation) == (reason, "images.upload")
    assert not sandbox.requests


@pytest.mark.parametrize(
    ("key", "content", "problem"),
    [("gone.jpg", None, "does not exist"), ("empty.jpg", b"", "empty"), ("", None, "names no object")],
)
async def test_an_object_that_is_not_an_image_is_rejected_before_anything_is_sent(
    client: AsyncImgwireClient, sandbox: Sandbox, s3: S3Server, key: str, content: bytes | None, problem: str
) -> None:
    if content is not None:
        s3.objects[key] = content

    with pytest.raises(UploadSourceError, match=problem):
        await client.images.upload(s3.uri(key))
    assert not sandbox.requests


async def test_the_store_decides_the_type_if_neither_content_nor_name_does(
    client: AsyncImgwireClient, s3: S3Server
) -> None:
    s3.objects["odd"] = b"no known signature"
    s3.types["odd"] = "image/heic; q=1"

    assert (await client.images.upload(s3.uri("odd"))).mime_type == "image/heic"


async def test_upload_many_accepts_objects_and_file_uris(
    client: AsyncImgwireClient, s3: S3Server, photo: Path, small: bytes
) -> None:
    s3.objects |= {f"{number}.jpg": small for number in range(3)}

    async with client.images.upload_many([*map(s3.uri, s3.objects), photo.as_uri()]) as outcomes:
        images = [outcome.image async for outcome in outcomes]

    assert sorted(image.original_filename for image in images if image is not None) == [
        "0.jpg",
        "1.jpg",
        "2.jpg",
        photo.name,
    ]


async def test_without_the_extra_an_object_names_what_to_install(
    client: AsyncImgwireClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)

    with pytest.raises(ConfigurationError, match=r"pip install 'imgwire-async\[cloud\]'"):
        await client.images.upload("s3://bucket-of-this-test/hero.jpg")


async def test_a_transfer_that_breaks_is_sent_again_under_the_same_key(
    client: AsyncImgwireClient, sandbox: Sandbox, s3: S3Server, large: bytes
) -> None:
    s3.objects["hero.jpg"] = large
    sandbox.faults.once("store.put", disconnect_after=LARGE // 2, status=503)

    image = await client.images.upload(s3.uri("hero.jpg"), hash_sha256=True, verify=True)

    assert image.size_bytes == LARGE
    assert sandbox.faults.unused() == []
    assert {request.headers.get("if-match") for request in s3.requests} == {None, etag_of(large)}
