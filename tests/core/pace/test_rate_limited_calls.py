"""Calls during a pause requested by the service, over real sockets."""

from __future__ import annotations

import time
from pathlib import Path

import anyio
import pytest

from imgwire_async import AsyncImgwireClient, ImgwireError, RateLimitError, UploadRejectedError
from imgwire_async.sandbox import Sandbox
from imgwire_async.testing import VirtualClock
from tests.clients import client_of
from tests.ingest.support import folder_of, ingest

BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


@BACKENDS
@pytest.mark.measures_time
def test_a_call_waits_no_longer_than_its_own_max_retry_after(backend: str) -> None:
    async def main() -> None:
        with Sandbox() as sandbox:
            sandbox.faults.once("images.list", status=429, retry_after=300)
            async with client_of(sandbox, max_retry_after=5) as imgwire:
                with pytest.raises(RateLimitError, match=r"asks to wait 300 s, longer than .*\(5 s\)"):
                    await imgwire.images.list()
                began = time.monotonic()

                with pytest.raises(RateLimitError, match=r"not sent.* longer than .*\(5 s\)") as caught:
                    await imgwire.images.list()

                assert time.monotonic() - began < 30
                assert caught.value.retry_after == pytest.approx(60, abs=30)
                assert (caught.value.status, caught.value.attempts) == (429, 0)
                assert len(sandbox.requests) == 1

    anyio.run(main, backend=backend)


async def test_each_call_has_the_patience_of_its_own_options(
    imgwire_sandbox: Sandbox, imgwire_client: AsyncImgwireClient, imgwire_clock: VirtualClock
) -> None:
    imgwire_sandbox.faults.once("images.list", status=429, retry_after=20)
    with pytest.raises(RateLimitError):
        await imgwire_client.with_options(max_retry_after=10).images.list()
    began = imgwire_clock.monotonic()

    with pytest.raises(RateLimitError, match="not sent"):
        await imgwire_client.with_options(max_retry_after=19).images.list()
    await imgwire_client.images.list()

    assert 20 <= imgwire_clock.monotonic() - began <= 22


async def test_an_upload_reports_when_the_store_accepts_bytes_again(
    imgwire_sandbox: Sandbox, imgwire_client: AsyncImgwireClient, photo: Path
) -> None:
    imgwire_sandbox.faults.once("store.put", status=503, retry_after=50)
    impatient = imgwire_client.with_options(max_retry_after=10)
    problems: list[ImgwireError] = []
    for _ in range(2):
        with pytest.raises(UploadRejectedError) as caught:
            await impatient.images.upload(photo)
        problems.append(caught.value)

    assert "not retried, because the service asks to wait 50 s" in str(problems[0])
    assert "not sent: the service asked for a pause" in str(problems[1])
    assert problems[1].retry_after == pytest.approx(50)


async def test_a_bulk_job_waits_for_every_pause(
    imgwire_sandbox: Sandbox, imgwire_client: AsyncImgwireClient, tmp_path: Path
) -> None:
    imgwire_sandbox.faults.times(3, "images.create", status=429, retry_after=300)
    impatient = imgwire_client.with_options(max_retry_after=5)

    for concurrency in ("auto", 8):
        _, report = await ingest(
            impatient, folder_of(tmp_path / str(concurrency), 20), concurrency=concurrency
        )
        assert (report.stored, report.failed) == (20, 0)
