"""Every operation of the client against the local imgix, which was written independently, over a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from imgwire_async.core.pace.limits import RateLimit
from imgwire_async.errors import AuthenticationError, ConflictError, NotFoundError, PermissionDeniedError
from imgwire_async.imgix import AsyncImgixClient, Deployment, ImgixRateClass
from imgwire_async.sandbox import ImgixSandbox, Permission

UNLIMITED = dict.fromkeys(ImgixRateClass, RateLimit(1e6, burst=1000))


SIZE = len((files("skimage") / "data" / "rocket.jpg").read_bytes())


@pytest.fixture(scope="module")
def server() -> Iterator[ImgixSandbox]:
    with ImgixSandbox() as server:
        yield server


@pytest.fixture
async def imgix(server: ImgixSandbox) -> AsyncIterator[AsyncImgixClient]:
    async with AsyncImgixClient(server.api_key, base_url=server.base_url, rate_limits=UNLIMITED) as imgix:
        yield imgix
    server.reset()


async def test_a_source_is_created_deployed_changed_and_disabled(imgix: AsyncImgixClient) -> None:
    deployment = Deployment(
        type="s3",
        imgix_subdomains=["shop"],
        s3_access_key="AKIA",
        s3_secret_key="t0psecret",
        s3_bucket="photos",
    )
    made = await imgix.sources.create(name="Shop", deployment=deployment)
    deployed = await imgix.sources.wait_until_deployed(made, timeout=30)
    assert deployed.deployment.imgix_subdomains == ("shop",)
    assert deployed.deployment.s3_secret_key is None

    assert (await imgix.sources.update(made, name="Store")).name == "Store"
    assert [source.id async for source in imgix.sources.list(filters={"deployment.type": "s3"})] == [made.id]
    assert (await imgix.sources.disable(made)).enabled is False
    assert (await imgix.sources.enable(made)).enabled is True


async def test_a_file_is_uploaded_found_changed_and_purged(
    imgix: AsyncImgixClient, server: ImgixSandbox, photo: Path
) -> None:
    source = server.add_source("shop")

    uploaded = await imgix.assets.upload(source, "/heroes/a b.jpg", photo, wait=True, timeout=30)
    assert uploaded.file_size == SIZE
    assert uploaded.origin_path == "/heroes/a b.jpg"
    with pytest.raises(ConflictError):
        await imgix.assets.upload(source, "heroes/a b.jpg", photo)
    await imgix.assets.upload(source, "heroes/a b.jpg", photo, overwrite=True)

    changed = await imgix.assets.update(source, "heroes/a b.jpg", custom_fields={"season": "spring"})
    assert changed.custom_fields == {"season": "spring"}
    found = [asset.id async for asset in imgix.assets.list(source, filters={"custom": {"season": "spring"}})]
    assert found == [uploaded.id]
    assert (await imgix.assets.refresh(source, "heroes/a b.jpg")).id == uploaded.id
    assert (await imgix.assets.add(source, "heroes/a b.jpg")).origin_path == "/heroes/a b.jpg"

    url = "https://shop.imgix.net/heroes/a b.jpg"
    assert not (await imgix.purge(url)).duplicate
    assert (await imgix.purge(url)).duplicate
    assert (await imgix.unpublish(url, source=source)).unpublish_id
    assert (await imgix.publish(url, source=source)).publish_id


async def test_a_large_file_goes_through_a_session(
    imgix: AsyncImgixClient, server: ImgixSandbox, photo: Path
) -> None:
    source = server.add_source("shop")

    uploaded = await imgix.assets.upload_large(source, "a.jpg", photo, wait=True, timeout=30)

    assert uploaded.file_size == SIZE
    session = await imgix.upload_sessions.create(source, "b.jpg")
    assert (await imgix.upload_sessions.status(source, session)).status == "PENDING"
    assert await imgix.upload_sessions.cancel(source, session)
    await imgix.upload_sessions.cancel(source, "unknown")


async def test_reports_are_listed_and_fetched(
    imgix: AsyncImgixClient, server: ImgixSandbox, tmp_path: Path
) -> None:
    server.add_report("source_analytics", period_start=0, period_end=86_400, files=[b"a,b\n1,2\n"])
    server.add_report("source_analytics", period_start=0, period_end=86_400, completed_after=600)

    (report,) = (await imgix.reports.list(filters={"completed": True})).data
    (fetched,) = await imgix.reports.download(report, to=tmp_path)

    assert fetched.path is not None
    assert fetched.path.read_bytes() == b"a,b\n1,2\n"


async def test_an_unknown_or_forbidden_resource_is_an_error(
    imgix: AsyncImgixClient, server: ImgixSandbox
) -> None:
    with pytest.raises(NotFoundError):
        await imgix.sources.retrieve("5f73d9798d5327eb5194d54a")
    with pytest.raises(NotFoundError):
        await imgix.assets.retrieve(server.add_source("shop"), "missing.jpg")
    async with AsyncImgixClient("ak_wrong", base_url=server.base_url, rate_limits=UNLIMITED) as other:
        with pytest.raises(AuthenticationError):
            await other.sources.list()
    narrow = server.create_key(Permission.ASSET_PURGE)
    async with AsyncImgixClient(narrow, base_url=server.base_url, rate_limits=UNLIMITED) as other:
        with pytest.raises((AuthenticationError, PermissionDeniedError), match="Sources"):
            await other.sources.list()
