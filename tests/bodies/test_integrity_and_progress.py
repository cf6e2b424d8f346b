"""Hashes, verification and progress of uploads."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from imgwire_async import (
    AsyncImgwireClient,
    ImageQuarantinedError,
    InvalidArgumentError,
    UploadItem,
    UploadProgress,
    UploadVerificationError,
)
from imgwire_async.bodies import progress as progress_module
from imgwire_async.bodies.progress import OnSent, reporting
from imgwire_async.imgwire.verification import check_record
from imgwire_async.sandbox import Sandbox

JPEG_START = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"
CONTENT = JPEG_START + random.Random(7).randbytes(1_500_000)


async def test_the_hash_is_computed_and_declared(client: AsyncImgwireClient, photo: Path) -> None:
    image = await client.images.upload(photo, hash_sha256=True)

    assert image.hash_sha256 == hashlib.sha256(photo.read_bytes()).hexdigest()  # noqa: ASYNC240


async def test_a_hash_that_is_passed_is_declared_unchanged(client: AsyncImgwireClient, photo: Path) -> None:
    assert (await client.images.upload(photo, hash_sha256="AB12")).hash_sha256 == "AB12"


async def test_uploads_of_many_files_can_have_hashes_and_sizes(client: AsyncImgwireClient) -> None:
    item = UploadItem(iter([CONTENT]), size=len(CONTENT), hash_sha256=True)

    async with client.images.upload_many([item]) as outcomes:
        found = [outcome async for outcome in outcomes]

    assert found[0].image is not None
    assert found[0].image.hash_sha256 == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.parametrize("hash_sha256", [True, None])
async def test_a_verified_upload_returns_the_record_when_it_is_ready(
    client: AsyncImgwireClient, photo: Path, hash_sha256: Any
) -> None:
    image = await client.images.upload(photo, verify=True, hash_sha256=hash_sha256)

    assert image.status == "READY"
    assert image.size_bytes == photo.stat().st_size  # noqa: ASYNC240


async def test_verification_reports_an_image_that_the_service_cannot_process(
    client: AsyncImgwireClient,
) -> None:
    with pytest.raises(ImageQuarantinedError):
        await client.images.upload(CONTENT, verify=True)


async def test_a_record_that_does_not_match_the_bytes_is_an_error(
    client: AsyncImgwireClient, photo: Path
) -> None:
    image = await client.images.upload(photo, verify=True)
    image.hash_sha256 = "a" * 64
    size = image.size_bytes

    with pytest.raises(UploadVerificationError, match=f"{size} bytes instead of {size + 1}") as caught:
        check_record(image, size + 1, None)
    with pytest.raises(UploadVerificationError, match="instead of bbbb"):
        check_record(image, size, "B" * 64)
    check_record(image, size, "A" * 64)
    image.hash_sha256 = "etag-1"  # not a SHA-256
    check_record(image, size, "b" * 64)
    assert caught.value.image_id == str(image.id)


def sync_hook(seen: list[UploadProgress]) -> Callable[[UploadProgress], object]:
    return seen.append


def async_hook(seen: list[UploadProgress]) -> Callable[[UploadProgress], object]:
    async def hook(progress: UploadProgress) -> None:
        await anyio.lowlevel.checkpoint()
        seen.append(progress)

    return hook


@pytest.mark.parametrize("make_hook", [sync_hook, async_hook])
async def test_start_end_and_restart_are_reported(
    sandbox: Sandbox,
    client: AsyncImgwireClient,
    make_hook: Callable[[list[UploadProgress]], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(progress_module, "INTERVAL", 0.0)
    sandbox.faults.once("store.put", disconnect_after=700_000, status=503)
    seen: list[UploadProgress] = []

    await client.images.upload(CONTENT, on_progress=make_hook(seen))

    assert seen[0] == UploadProgress(0, len(CONTENT), 1)
    assert seen[-1] == UploadProgress(len(CONTENT), len(CONTENT), 2)
    assert {progress.attempt for progress in seen} == {1, 2}
    assert sorted(seen, key=lambda p: (p.attempt, p.sent)) == seen
    assert len(set(seen)) == len(seen)


async def test_the_start_is_reported_even_if_the_transfer_is_already_further() -> None:
    seen: list[int] = []

    async def transfer(on_sent: progress_module.OnSent | None) -> None:
        assert on_sent is not None
        for sent in (0, 5, 10):
            on_sent(sent)

    await progress_module.reporting(lambda progress: seen.append(progress.sent), 10, transfer)

    assert seen == [0, 10]


async def test_a_fresh_url_counts_as_another_attempt(sandbox: Sandbox, client: AsyncImgwireClient) -> None:
    sandbox.faults.once("store.put", status=403)
    seen: list[UploadProgress] = []

    await client.images.upload(CONTENT, on_progress=seen.append)

    assert seen[-1] == UploadProgress(len(CONTENT), len(CONTENT), 2)


async def test_a_hook_that_is_not_callable_is_rejected_before_any_request(
    sandbox: Sandbox, client: AsyncImgwireClient
) -> None:
    hook: Any = "show"
    with pytest.raises(InvalidArgumentError, match="on_progress must be a function, got str"):
        await client.images.upload(CONTENT, on_progress=hook)
    assert not sandbox.requests


@pytest.mark.parametrize("make_hook", [sync_hook, async_hook])
@pytest.mark.parametrize("at", ["begin", "end"])
async def test_an_exception_of_a_hook_ends_the_upload(
    client: AsyncImgwireClient, make_hook: Callable[[list[UploadProgress]], Any], at: str
) -> None:
    class Failing(list[UploadProgress]):
        def append(self, progress: UploadProgress) -> None:
            if at == "begin" or progress.sent == progress.total:
                raise KeyError(at)

    with pytest.raises(KeyError, match=at):
        await client.images.upload(CONTENT, on_progress=make_hook(Failing()))


async def test_a_slow_hook_receives_the_latest_report_and_delays_nothing() -> None:
    go_on = anyio.Event()
    seen: list[int] = []

    async def slow(progress: UploadProgress) -> None:
        seen.append(progress.sent)
        await go_on.wait()

    async def transfer(on_sent: OnSent | None) -> None:
        assert on_sent is not None
        for sent in range(1000):
            on_sent(sent)
            await anyio.lowlevel.checkpoint()
        assert seen == [0]
        on_sent(1000)
        go_on.set()

    await reporting(slow, 1000, transfer)

    assert seen == [0, 1000]


async def test_reports_are_rare() -> None:
    seen: list[UploadProgress] = []

    async def transfer(on_sent: OnSent | None) -> None:
        assert on_sent is not None
        for sent in range(501):
            on_sent(sent)
            await anyio.lowlevel.checkpoint()

    await reporting(seen.append, 500, transfer)

    assert len(seen) <= 4
    assert (seen[0].sent, seen[-1].sent) == (0, 500)
