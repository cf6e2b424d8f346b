"""Downloads of archives and single images from a sandbox."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import attrs
import pytest

from imgwire_async import (
    APIConnectionError,
    AsyncImgwireClient,
    BulkDownloadFailedError,
    DeadlineExceededError,
    DownloadRejectedError,
    DownloadTargetError,
    Image,
    InvalidArgumentError,
    InvalidTransformationError,
    NotFoundError,
    RateClass,
    RateLimit,
    RateLimitError,
    Timeouts,
)
from imgwire_async.imgwire.resources.file_names import file_name_of
from imgwire_async.models import ImageDownloadJob
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of
from tests.downloads.file_host import CONTENT, Step, file_host, job_at, names_in
from tests.hangs import HANGS
from tests.lowlevel.support import IMAGE
from tests.raw_servers import answer


@pytest.fixture
async def image(client: AsyncImgwireClient, photo: Path) -> Image:
    return await client.images.wait_until_ready((await client.images.upload(photo)).id)


@pytest.fixture
async def job(client: AsyncImgwireClient, image: Image) -> ImageDownloadJob:
    created = await client.images.create_bulk_download_job([image.id])
    return await client.images.wait_for_bulk_download(created)


async def test_a_job_is_waited_for_by_record_and_by_id(client: AsyncImgwireClient, image: Image) -> None:
    created = await client.images.create_bulk_download_job([image.id])

    waited = await client.images.wait_for_bulk_download(created)
    again = await client.images.wait_for_bulk_download(str(created.id))

    assert (waited.id, waited.status, again.status) == (created.id, "READY", "READY")
    assert waited.download_url


async def test_a_failed_job_is_a_typed_error(client: AsyncImgwireClient) -> None:
    created = await client.images.create_bulk_download_job([uuid4()])

    with pytest.raises(BulkDownloadFailedError) as caught:
        await client.images.wait_for_bulk_download(created)
    assert caught.value.job_id == str(created.id)

    with pytest.raises(BulkDownloadFailedError):
        await client.images.download_archive(created, to=io.BytesIO())


async def test_waiting_ends_with_its_timeout_and_reports_the_last_status() -> None:
    pending = (
        b'{"id":"%s","status":"PROCESSING","image_ids":[],"download_url":null,"environment_id":null,'
        % (str(uuid4()).encode())
    )
    times = b'"created_at":"2026-05-01T00:00:00Z","updated_at":"2026-05-01T00:00:00Z"}'
    with file_host(Step(raw=answer(200, pending + times))) as server:
        async with client_of(server) as client:
            with pytest.raises(DeadlineExceededError, match=r"within 1 s.*PROCESSING"):
                await client.images.wait_for_bulk_download(uuid4(), timeout=1)
            with pytest.raises(InvalidArgumentError, match="wait_for_bulk_download first"):
                await client.images.download_archive(uuid4(), to=io.BytesIO())


async def test_unknown_jobs_and_wrong_ids_are_errors(client: AsyncImgwireClient, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        await client.images.wait_for_bulk_download(uuid4())
    with pytest.raises(InvalidArgumentError, match="job must be a UUID"):
        await client.images.wait_for_bulk_download("x")
    with pytest.raises(NotFoundError):
        await client.images.download_archive(uuid4(), to=tmp_path / "a.zip")
    assert names_in(tmp_path) == []


async def test_an_archive_can_be_downloaded_to_a_file_a_stream_and_a_folder(
    client: AsyncImgwireClient, job: ImageDownloadJob, photo: Path, tmp_path: Path
) -> None:
    written = await client.images.download_archive(job, to=tmp_path / "a.zip")
    async with client.images.download_archive(job.id) as stream:
        announced = (stream.size, stream.content_type)
        content = b"".join([chunk async for chunk in stream])
    paths = await client.images.download_archive(str(job.id), to=tmp_path / "photos", extract=True)

    assert announced == (written.size, "application/zip") == (len(content), written.content_type)
    assert zipfile.ZipFile(tmp_path / "a.zip").namelist() == ["rocket.jpg"]
    assert paths == [tmp_path / "photos" / "rocket.jpg"]
    assert paths[0].read_bytes() == await anyio.Path(photo).read_bytes()
    assert names_in(tmp_path) == ["a.zip", "photos", "photos/rocket.jpg"]


@pytest.mark.parametrize(
    "fault", [{"truncate": True}, {"reset": "before"}, {"reset": "after"}, {"status": 503}]
)
async def test_an_archive_survives_faults(
    fault: dict[str, object],
    client: AsyncImgwireClient,
    sandbox: Sandbox,
    job: ImageDownloadJob,
    photo: Path,
    tmp_path: Path,
) -> None:
    sandbox.faults.times(2, "downloads.get", **fault)  # type: ignore[arg-type]

    paths = await client.images.download_archive(job, to=tmp_path, extract=True)

    assert paths[0].read_bytes() == await anyio.Path(photo).read_bytes()
    assert sandbox.faults.unused() == []
    asked = sandbox.requests.of("downloads.get")
    assert "range" not in asked[0].headers
    assert ("range" in asked[-1].headers) == ("truncate" in fault)
    assert {request.authorized_with for request in asked} == {None}


@pytest.mark.measures_time
async def test_a_slow_archive_does_not_count_as_stalled(
    sandbox: Sandbox, job: ImageDownloadJob, tmp_path: Path
) -> None:
    sandbox.faults.once("downloads.get", slow=50_000)
    async with client_of(sandbox, timeout=Timeouts(read=1.0), max_retries=0) as client:
        await client.images.download_archive(job, to=tmp_path / "a.zip")

    assert (tmp_path / "a.zip").stat().st_size > 1.0 * 50_000, "else it was no slow one"


async def test_a_stalled_archive_is_asked_for_again(
    sandbox: Sandbox, job: ImageDownloadJob, tmp_path: Path
) -> None:
    sandbox.faults.once("downloads.get", stall=30)
    async with client_of(sandbox, timeout=Timeouts(read=0.6)) as client:
        await client.images.download_archive(job, to=tmp_path / "a.zip")

    assert len(sandbox.requests.of("downloads.get")) >= 2
    assert zipfile.is_zipfile(tmp_path / "a.zip")


async def test_an_expired_link_is_replaced_by_a_fresh_one(
    client: AsyncImgwireClient, job: ImageDownloadJob, sandbox: Sandbox
) -> None:
    assert job.download_url is not None
    expired = attrs.evolve(job, download_url=job.download_url.partition("?")[0] + "?signature=expired")
    file = io.BytesIO()

    await client.images.download_archive(expired, to=file)

    assert zipfile.ZipFile(file).namelist() == ["rocket.jpg"]
    assert [request.status for request in sandbox.requests.of("downloads.get")] == [403, 200]


async def test_a_download_whose_link_expires_resumes_with_a_fresh_one(
    client: AsyncImgwireClient, job: ImageDownloadJob, sandbox: Sandbox
) -> None:
    sandbox.faults.once("downloads.get", truncate=True)
    sandbox.faults.once("downloads.get", status=403)
    file = io.BytesIO()

    await client.images.download_archive(job, to=file)

    assert zipfile.ZipFile(file).testzip() is None
    assert "range" in sandbox.requests.of("downloads.get")[2].headers


async def test_a_link_that_is_rejected_twice_is_an_error(
    client: AsyncImgwireClient, job: ImageDownloadJob, sandbox: Sandbox
) -> None:
    sandbox.faults.always("downloads.get", status=403)
    with pytest.raises(DownloadRejectedError) as caught:
        await client.images.download_archive(job, to=io.BytesIO())
    assert (caught.value.status, caught.value.operation) == (403, "images.download_archive")


async def test_leaving_a_stream_early_ends_the_transfer(
    client: AsyncImgwireClient, job: ImageDownloadJob, sandbox: Sandbox
) -> None:
    sandbox.faults.once("downloads.get", slow=1_000)
    with anyio.fail_after(60):  # the rest would take about two minutes
        async with client.images.download_archive(job) as stream:
            assert await anext(stream)
    assert client.stats().in_flight == 0


async def test_one_image_is_fetched_by_record_and_by_id(
    client: AsyncImgwireClient, image: Image, tmp_path: Path
) -> None:
    file = io.BytesIO()

    written = await client.images.download(image, to=tmp_path / "a.jpg", format="jpeg")
    await client.images.download(str(image.id), to=file, format="jpeg")

    assert (written.path, written.content_type) == (tmp_path / "a.jpg", "image/jpeg")
    assert file.getvalue() == await anyio.Path(tmp_path / "a.jpg").read_bytes()
    assert file.getvalue().startswith(b"\xff\xd8\xff")


async def test_transformations_and_presets_are_in_the_url_and_the_key_is_not(image: Image) -> None:
    with file_host(Step()) as server:
        here = attrs.evolve(image, cdn_url=f"{server.base_url}/o/e/{image.id}")
        async with (
            client_of(server) as client,
            client.images.download(here, preset="small", width=80, format="webp") as stream,
        ):
            assert b"".join([chunk async for chunk in stream]) == CONTENT
    assert server.heads[0].startswith(f"GET /o/e/{image.id}@small?format=webp&width=80 ".encode())
    assert b"authorization" not in server.heads[0].lower()


async def test_a_wrong_transformation_is_rejected_before_any_request(image: Image, tmp_path: Path) -> None:
    with file_host(Step()) as server:
        async with client_of(server) as client:
            with pytest.raises(InvalidTransformationError):
                await client.images.download(image, to=tmp_path / "a", width=-1)
            with pytest.raises(InvalidArgumentError, match="image must be a UUID"):
                await client.images.download("x", to=tmp_path / "a")
    assert server.heads == []
    assert names_in(tmp_path) == []


async def test_a_missing_image_is_a_typed_error(
    client: AsyncImgwireClient, image: Image, tmp_path: Path
) -> None:
    await client.images.delete(image.id)
    with pytest.raises(DownloadRejectedError) as caught:
        await client.images.download(image, to=tmp_path / "a.jpg")
    with pytest.raises(NotFoundError):
        await client.images.download(image.id, to=tmp_path / "a.jpg")
    assert (caught.value.status, caught.value.operation) == (404, "images.download")
    assert names_in(tmp_path) == []


async def test_downloads_have_their_own_rate() -> None:
    with file_host(Step(raw=b"HTTP/1.1 429 X\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n")) as server:
        async with client_of(
            server, max_retries=0, rate_limits={RateClass.DELIVERY: RateLimit(1000, 10)}
        ) as client:
            with pytest.raises(DownloadRejectedError) as caught:
                await client.images.download_archive(job_at(f"{server.base_url}/a"), to=io.BytesIO())
            assert caught.value.retry_after == 30
            with anyio.fail_after(HANGS), pytest.raises(RateLimitError):
                await client.images.retrieve(uuid4())


async def test_a_download_that_loses_its_host_reports_that(tmp_path: Path) -> None:
    async with AsyncImgwireClient("sk_test", base_url="http://127.0.0.1:9", max_retries=0) as client:
        with pytest.raises(APIConnectionError) as caught:
            await client.images.download_archive(job_at("http://127.0.0.1:9/a"), to=tmp_path / "a")
    assert caught.value.may_have_acted is False


@pytest.mark.parametrize(
    ("transformations", "name"),
    [
        ({}, "rocket.jpg"),
        ({"format": "webp"}, "rocket.webp"),
        ({"format": "png", "width": 20}, "rocket.png"),
        ({"format": "jpg"}, "rocket.jpg"),
    ],
)
async def test_a_file_in_a_folder_has_the_suffix_of_what_is_delivered(
    client: AsyncImgwireClient, image: Image, transformations: Any, name: str, tmp_path: Path
) -> None:
    by_record = await client.images.download(image, to=f"{tmp_path}/new/", **transformations)
    by_id = await client.images.download(image.id, to=tmp_path, **transformations)

    assert by_record.path == tmp_path / "new" / name
    assert by_id.path == tmp_path / name


async def test_the_path_of_a_file_is_used_unchanged(
    client: AsyncImgwireClient, image: Image, tmp_path: Path
) -> None:
    written = await client.images.download(image, to=tmp_path / "hero.jpg", format="webp")

    assert (written.path, written.content_type) == (tmp_path / "hero.jpg", "image/webp")


async def test_an_existing_file_in_a_folder_is_kept_unless_overwriting_is_allowed(
    client: AsyncImgwireClient, image: Image, tmp_path: Path
) -> None:
    (tmp_path / "rocket.webp").write_bytes(b"mine")

    with pytest.raises(DownloadTargetError, match=r"rocket\.webp.*exists"):
        await client.images.download(image, to=tmp_path, format="webp")
    assert (tmp_path / "rocket.webp").read_bytes() == b"mine"

    await client.images.download(image, to=tmp_path, format="webp", overwrite=True)
    assert (tmp_path / "rocket.webp").read_bytes().startswith(b"RIFF")
    assert names_in(tmp_path) == ["rocket.webp"]


@pytest.mark.parametrize(
    ("original", "content_type", "expected"),
    [
        ("a.jpg", "image/jpeg", "a.jpg"),
        ("a.JPEG", "image/jpeg", "a.JPEG"),
        ("a.jpg", "image/webp", "a.webp"),
        ("a.b.PNG", "image/avif", "a.b.avif"),
        ("photo", "image/png", "photo.png"),
        ("summer.2024", "image/png", "summer.2024.png"),
        ("a.jpg", None, "a.jpg"),
        ("a.jpg", "application/octet-stream", "a.jpg"),
        ("../..\\evil.png", "image/png", "evil.png"),
        (".bashrc", "image/png", "bashrc.png"),
        ("CON.jpg", "image/webp", "_CON.webp"),
        ("new\nline.jpg", "image/jpeg", "new_line.jpg"),
        ("ü" * 200 + ".jpg", "image/webp", "ü" * 120 + "~"),
        ("folder/", "image/png", "ID.png"),
        ("..", "image/png", "ID.png"),
    ],
)
def test_file_names_follow_name_and_type_and_are_valid_everywhere(
    original: str, content_type: str | None, expected: str
) -> None:
    image = attrs.evolve(Image.from_dict(IMAGE), original_filename=original)

    name = file_name_of(image, content_type)

    assert len(name.encode()) <= 255
    if len(original) < 200:
        assert name == expected.replace("ID", str(image.id))
    else:
        assert name.startswith(expected[:100])
        assert name.endswith(".webp")
