"""Uploads that wait until the image is READY, single and many."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from imgwire_async import (
    AsyncImgwireClient,
    DeadlineExceededError,
    ImageQuarantinedError,
    InvalidArgumentError,
)
from imgwire_async.sandbox import Sandbox
from tests.bodies.running import BACKENDS, run
from tests.hangs import HANGS

BROKEN = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00".ljust(5_000, b"\0")


def client_of(sandbox: Sandbox, **options: Any) -> AsyncImgwireClient:
    return AsyncImgwireClient(sandbox.server_key, base_url=sandbox.base_url, **options)


@BACKENDS
def test_an_upload_that_waits_returns_the_ready_image(sandbox: Sandbox, photo: Path, backend: str) -> None:
    async def main() -> None:
        async with client_of(sandbox) as client:
            image = await client.images.upload(photo, wait=True)
            assert (image.status, image.width) == ("READY", 640)
            with pytest.raises(ImageQuarantinedError):
                await client.images.upload(BROKEN, wait=True)
            assert (await client.images.upload(photo)).status == "PENDING"

    run(main, backend)


@BACKENDS
def test_many_uploads_that_wait_end_with_ready_images(sandbox: Sandbox, photo: Path, backend: str) -> None:
    async def main() -> None:
        async with (
            client_of(sandbox) as client,
            client.images.upload_many([photo, BROKEN, photo], wait=True) as outcomes,
        ):
            found = [
                type(outcome.error).__name__ if outcome.error else outcome.image.status
                async for outcome in outcomes
            ]
        assert sorted(found) == ["ImageQuarantinedError", "READY", "READY"]

    run(main, backend)


@pytest.mark.parametrize("how", ["wait", "verify"])
async def test_the_timeout_limits_the_wait_and_says_so(photo: Path, how: str) -> None:
    async with Sandbox(processing_delay=600) as slow, client_of(slow) as client:
        began = time.monotonic()
        with pytest.raises(DeadlineExceededError, match=r"not READY within 1\.5 s, its last status was PROC"):
            await client.images.upload(photo, timeout=1.5, **{how: True})  # type: ignore[arg-type]
        async with client.images.upload_many([photo], wait=True, timeout=0.2) as outcomes:
            assert [type(outcome.error) async for outcome in outcomes] == [DeadlineExceededError]
        hurried = client.with_options(deadline=1)
        with pytest.raises(DeadlineExceededError):
            await hurried.images.upload(photo, wait=True)
        assert time.monotonic() - began < HANGS


@pytest.mark.parametrize("seconds", [-1, True, "3", None, float("nan")])
async def test_a_timeout_that_is_not_a_number_is_rejected_before_any_call(
    client: AsyncImgwireClient, sandbox: Sandbox, photo: Path, seconds: Any
) -> None:
    with pytest.raises(InvalidArgumentError, match="timeout"):
        await client.images.upload(photo, timeout=seconds)
    with pytest.raises(InvalidArgumentError, match="timeout"):
        client.images.upload_many([photo], timeout=seconds)
    with pytest.raises(InvalidArgumentError, match="timeout"):
        await client.images.upload_via_url("https://assets.example.com/a.jpg", wait=True, timeout=seconds)
    assert len(sandbox.requests.of("images.create")) == 0
    assert len(sandbox.requests.of("images.upload_via_url")) == 0
