"""The fixtures and the virtual clock, used by this project itself."""

from __future__ import annotations

import hashlib
import math
import time
from pathlib import Path
from typing import Any

import anyio
import pytest

from imgwire_async import (
    AsyncImgwireClient,
    AuthenticationError,
    DeadlineExceededError,
    IngestStoppedError,
    Stored,
)
from imgwire_async.sandbox import Sandbox, SteadyRate
from imgwire_async.sandbox.imgwire.resources import archives
from imgwire_async.sandbox.imgwire.storage import fetching, processing
from imgwire_async.testing import VirtualClock
from tests.ingest.support import folder_of, ingest, small_image
from tests.stores.s3_server import Failure, s3_server


async def test_retries_and_their_waits_take_no_time(
    imgwire_sandbox: Sandbox, imgwire_client: AsyncImgwireClient, imgwire_clock: VirtualClock
) -> None:
    imgwire_sandbox.faults.times(4, "images.list", status=503, retry_after=30)
    real, virtual = time.monotonic(), imgwire_clock.monotonic()

    await imgwire_client.images.list()

    assert imgwire_clock.monotonic() - virtual >= 4 * 30
    assert time.monotonic() - real < 30, "that was no virtual time"


async def test_a_deadline_counts_virtual_time(
    imgwire_sandbox: Sandbox, imgwire_client: AsyncImgwireClient
) -> None:
    imgwire_sandbox.faults.always("images.list", status=503, retry_after=30)

    with pytest.raises(DeadlineExceededError):
        await imgwire_client.with_options(deadline=70).images.list()

    assert len(imgwire_sandbox.requests) == 3


@pytest.mark.imgwire_sandbox(processing_delay=60)
async def test_an_image_that_takes_a_minute_is_ready_at_once_in_virtual_time(
    imgwire_client: AsyncImgwireClient, imgwire_clock: VirtualClock, photo: Path
) -> None:
    image = await imgwire_client.images.upload(photo)
    real, virtual = time.monotonic(), imgwire_clock.monotonic()

    assert (await imgwire_client.images.wait_until_ready(image.id)).status == "READY"

    assert 60 <= imgwire_clock.monotonic() - virtual < 63
    assert time.monotonic() - real < 30, "that was no virtual time"


@pytest.mark.imgwire_sandbox(processing_delay=300)
async def test_waiting_for_an_image_ends_in_virtual_time(
    imgwire_client: AsyncImgwireClient, photo: Path
) -> None:
    image = await imgwire_client.images.upload(photo)

    with pytest.raises(DeadlineExceededError, match="PROCESSING"):
        await imgwire_client.images.wait_until_ready(image.id, timeout=100)


async def test_advancing_the_clock_expires_a_token(
    imgwire_client: AsyncImgwireClient, imgwire_clock: VirtualClock
) -> None:
    token = await imgwire_client.images.create_upload_token()

    imgwire_clock.advance(901)

    with pytest.raises(AuthenticationError):
        await imgwire_client.images.create(file_name="a.png", upload_token=token.token)


async def test_a_bulk_job_ends_in_virtual_time(imgwire_client: AsyncImgwireClient, tmp_path: Path) -> None:
    outcomes, report = await ingest(imgwire_client, folder_of(tmp_path / "photos", 40), concurrency="auto")

    assert (len(outcomes), report.stored) == (40, 40)


async def test_waiting_for_an_image_does_not_end_because_the_machine_is_slow(
    imgwire_client: AsyncImgwireClient, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inspect = processing._inspect

    def slowly(*arguments: Any) -> Any:
        time.sleep(1.5)
        return inspect(*arguments)

    monkeypatch.setattr(processing, "_inspect", slowly)

    assert (await imgwire_client.images.upload(photo, wait=True)).status == "READY"


async def test_waiting_for_an_image_does_not_end_because_its_url_is_slow(
    imgwire_client: AsyncImgwireClient, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = photo.read_bytes()  # noqa: ASYNC240 - a small file

    async def slowly(runtime: object, url: str, path: Path) -> tuple[int, str]:  # noqa: ARG001
        await anyio.sleep(1.5)
        return path.write_bytes(content), hashlib.sha256(content).hexdigest()  # noqa: ASYNC240

    monkeypatch.setattr(fetching, "_download", slowly)
    image = await imgwire_client.images.upload_via_url("https://assets.example.com/a.png", wait=True)

    assert image.status == "READY"


async def test_waiting_for_an_archive_does_not_end_because_the_machine_is_slow(
    imgwire_client: AsyncImgwireClient, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = await imgwire_client.images.upload(photo, wait=True)
    write = archives._write_zip

    def slowly(*arguments: Any) -> Any:
        time.sleep(1.5)
        return write(*arguments)

    monkeypatch.setattr(archives, "_write_zip", slowly)
    job = await imgwire_client.images.create_bulk_download_job([image.id])

    assert (await imgwire_client.images.wait_for_bulk_download(job.id)).status == "READY"


@pytest.mark.imgwire_sandbox(rate_limits={"images.create": SteadyRate(rate=0.1, burst=2)})
async def test_a_bulk_job_waits_for_a_rate_limit_in_virtual_time(
    imgwire_client: AsyncImgwireClient, imgwire_clock: VirtualClock, tmp_path: Path
) -> None:
    source = folder_of(tmp_path / "photos", 6)
    real, virtual = time.monotonic(), imgwire_clock.monotonic()

    async with imgwire_client.ingest(source, deadline=3600) as job:
        outcomes = [outcome async for outcome in job]

    assert [type(outcome) for outcome in outcomes] == [Stored] * 6
    assert imgwire_clock.monotonic() - virtual >= 40
    assert time.monotonic() - real < 20


async def test_a_bulk_job_waits_for_the_list_of_a_bucket_in_virtual_time(
    imgwire_client: AsyncImgwireClient, imgwire_clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    begun = imgwire_clock.monotonic()
    with s3_server() as s3:
        s3.objects["a.png"] = small_image(1)
        s3.fail = lambda _: Failure(503, "SlowDown") if len(s3.requests) <= 15 else None

        outcomes, _ = await ingest(imgwire_client, s3.uri())

    assert [type(outcome) for outcome in outcomes] == [Stored]
    assert imgwire_clock.monotonic() - begun >= 15


async def test_a_job_stops_when_the_service_is_down_for_too_long_in_virtual_time(
    imgwire_sandbox: Sandbox, imgwire_client: AsyncImgwireClient, tmp_path: Path
) -> None:
    imgwire_sandbox.faults.always("images.create", status=500)

    with pytest.raises(IngestStoppedError, match="no response came for 900 s"):
        await ingest(imgwire_client, folder_of(tmp_path / "photos", 30), concurrency="auto")


@pytest.mark.imgwire_sandbox(rate_limits={"images.list": SteadyRate(rate=0.1, retry_after="date")})
async def test_a_retry_after_date_is_relative_to_the_advanced_clock(
    imgwire_client: AsyncImgwireClient, imgwire_clock: VirtualClock
) -> None:
    imgwire_clock.advance(900)
    await imgwire_client.images.list()
    before = imgwire_clock.monotonic()

    await imgwire_client.images.list()

    assert 9 <= imgwire_clock.monotonic() - before <= 13


async def test_waiting_for_others_does_not_use_up_a_deadline(
    imgwire_client: AsyncImgwireClient, imgwire_clock: VirtualClock
) -> None:
    before = imgwire_clock.monotonic()

    async with anyio.create_task_group() as tasks:
        for _ in range(130):  # more than may be in flight at once
            tasks.start_soon(imgwire_client.with_options(deadline=20).health)

    assert imgwire_clock.monotonic() == before


async def test_a_limit_ends_when_the_clock_is_moved_past_it() -> None:
    clock = VirtualClock()

    with clock.move_on_after(3600) as scope:
        clock.advance(3600)
        await anyio.sleep_forever()

    assert scope.cancelled_caught


async def test_a_separate_limit_does_not_move_the_clock() -> None:
    clock = VirtualClock()

    with clock.move_on_after(0.01) as scope:
        await anyio.sleep_forever()

    assert scope.cancelled_caught
    assert clock.monotonic() == 0


async def test_concurrent_sleeps_end_at_the_latest_of_their_ends() -> None:
    clock = VirtualClock()

    async with anyio.create_task_group() as tasks:
        for seconds in (1.0, 3.0, 2.0):
            tasks.start_soon(clock.sleep, seconds)

    assert clock.monotonic() == 3.0


async def test_an_event_ends_a_wait_before_its_time() -> None:
    clock, event = VirtualClock(), anyio.Event()
    event.set()

    await clock.wait(event, 10)
    await clock.wait(event, math.inf)

    assert clock.monotonic() == 0


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf])
def test_time_does_not_run_backwards(seconds: float) -> None:
    with pytest.raises(ValueError, match="from 0"):
        VirtualClock().advance(seconds)
