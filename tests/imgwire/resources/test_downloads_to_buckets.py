"""`download` and `download_archive` to objects: complete or absent, and nothing overwritten by default."""

from __future__ import annotations

import errno
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgwire_async import AsyncImgwireClient, DownloadRejectedError, DownloadTargetError, InvalidArgumentError
from imgwire_async.downloads import spool
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of
from tests.imgwire.export.support import ready_image
from tests.ingest.support import small_image
from tests.stores.s3_server import S3Server, s3_server


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[S3Server]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-tests")
    with s3_server() as server:
        yield server


@pytest.mark.parametrize("in_memory", [spool.IN_MEMORY, 100], ids=["small", "through a file"])
async def test_an_image_becomes_an_object_of_its_type(
    client: AsyncImgwireClient, s3: S3Server, monkeypatch: pytest.MonkeyPatch, in_memory: int
) -> None:
    monkeypatch.setattr(spool, "IN_MEMORY", in_memory)
    image = await ready_image(client, 1)

    written = await client.images.download(image, to=s3.uri("a/hero.png"))

    assert s3.objects == {"a/hero.png": small_image(1)}
    assert (written.path, written.uri, written.size) == (None, s3.uri("a/hero.png"), len(small_image(1)))
    (put,) = [request for request in s3.requests if request.method == "PUT"]
    assert put.headers["content-type"] == "image/png"


async def test_below_a_prefix_it_gets_its_own_name(client: AsyncImgwireClient, s3: S3Server) -> None:
    image = await ready_image(client, 1, file_name="hero.png")

    written = await client.images.download(image, to=s3.uri("a/"), width=4, format="webp")
    await client.images.download(image, to=s3.uri())

    assert set(s3.objects) == {"a/hero.webp", "hero.png"}
    assert written.uri == s3.uri("a/hero.webp")


async def test_an_object_is_replaced_only_with_overwrite(
    client: AsyncImgwireClient, sandbox: Sandbox, s3: S3Server
) -> None:
    image = await ready_image(client, 1, file_name="hero.png")
    s3.objects["hero.png"] = b"mine"
    sandbox.requests.clear()

    for to in (s3.uri("hero.png"), s3.uri()):
        with pytest.raises(DownloadTargetError, match="overwrite=True") as raised:
            await client.images.download(image, to=to)
        assert raised.value.errno == errno.EEXIST
        assert raised.value.operation == "images.download"
    assert s3.objects["hero.png"] == b"mine"
    assert len(sandbox.requests.of("cdn.get")) == 1  # the image whose name was not known before

    await client.images.download(image, to=s3.uri("hero.png"), overwrite=True)
    assert s3.objects["hero.png"] == small_image(1)


async def test_a_download_that_fails_leaves_no_object(sandbox: Sandbox, s3: S3Server) -> None:
    async with client_of(sandbox, max_retries=0) as client:
        image = await ready_image(client, 1)
        sandbox.faults.once("cdn.get", status=404)

        with pytest.raises(DownloadRejectedError):
            await client.images.download(image, to=s3.uri("hero.png"))

    assert s3.objects == {}
    assert not [request for request in s3.requests if request.method == "PUT"]


async def test_a_broken_transfer_is_resumed_before_anything_is_sent(
    client: AsyncImgwireClient, sandbox: Sandbox, s3: S3Server
) -> None:
    image = await ready_image(client, 1)
    sandbox.faults.once("cdn.get", truncate=True)

    await client.images.download(image, to=s3.uri("hero.png"))

    assert s3.objects == {"hero.png": small_image(1)}


async def test_an_archive_becomes_an_object(client: AsyncImgwireClient, s3: S3Server) -> None:
    image = await ready_image(client, 1)
    job = await client.images.wait_for_bulk_download(await client.images.create_bulk_download_job([image.id]))

    written = await client.images.download_archive(job, to=s3.uri("archives/"))

    assert written.uri == s3.uri(f"archives/{job.id}.zip")
    with zipfile.ZipFile(io.BytesIO(s3.objects[f"archives/{job.id}.zip"])) as archive:
        assert [archive.read(name) for name in archive.namelist()] == [small_image(1)]
    with pytest.raises(InvalidArgumentError, match="not a bucket"):
        await client.images.download_archive(job, to=s3.uri("archives/"), extract=True)
