"""Uploads that are cancelled or time out while their source is being read."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import anyio
import pytest

from imgwire_async import APITimeoutError, AsyncImgwireClient, Timeouts, UploadRejectedError
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of
from tests.hangs import HANGS

PNG = b"\x89PNG\r\n\x1a\n" + bytes(200_000)


class StalledSource:
    """Returns its first bytes and then no more data."""

    def __init__(self) -> None:
        self.waits = anyio.Event()
        self.closed = False

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        try:
            yield PNG
            self.waits.set()
            await anyio.sleep_forever()
        finally:
            self.closed = True

    async def beginning(self) -> AsyncGenerator[bytes, None]:
        self.closed = False
        try:
            yield PNG[:4_500]
            await anyio.sleep_forever()
        finally:
            self.closed = True


async def test_cancelling_ends_and_closes_a_source_that_produces_nothing(client: AsyncImgwireClient) -> None:
    source = StalledSource()

    async with anyio.create_task_group() as tasks:

        async def upload() -> None:
            await client.images.upload(source.chunks(), size=10_000_000)

        tasks.start_soon(upload)
        await source.waits.wait()
        tasks.cancel_scope.cancel()

    assert source.closed


async def test_a_source_that_produces_nothing_hits_the_write_timeout(sandbox: Sandbox) -> None:
    source = StalledSource()

    async with client_of(sandbox, timeout=Timeouts(write=0.2)) as client:
        with pytest.raises(APITimeoutError, match="no byte of the body"):
            await client.images.upload(source.chunks(), size=10_000_000)

    assert source.closed


async def test_a_small_source_that_produces_nothing_the_second_time_hits_the_write_timeout(
    sandbox: Sandbox,
) -> None:
    source = StalledSource()

    async with client_of(sandbox, timeout=Timeouts(write=0.5), max_retries=1) as client:
        with (
            anyio.fail_after(HANGS),
            pytest.raises(APITimeoutError, match="the source produced no data") as caught,
        ):
            await client.images.upload(source.beginning, size=5_000)

    assert not caught.value.may_have_acted
    assert source.closed


@pytest.mark.measures_time
async def test_a_small_source_that_is_slow_does_not_count_as_stalled(sandbox: Sandbox) -> None:
    async def slow() -> AsyncGenerator[bytes, None]:
        for start in range(0, 5_000, 1_000):
            await anyio.sleep(0.3)
            yield PNG[start : start + 1_000]

    async with client_of(sandbox, timeout=Timeouts(write=1.2, read=20), max_retries=0) as client:
        await client.images.upload(slow, size=5_000, mime_type="image/png")

    assert len(sandbox.requests.of("store.put")) == 1


async def test_an_early_rejection_does_not_wait_for_the_source(
    client: AsyncImgwireClient, sandbox: Sandbox
) -> None:
    sandbox.faults.once("store.put", status=403)
    source = StalledSource()

    with anyio.fail_after(HANGS), pytest.raises(UploadRejectedError):
        await client.images.upload(source.chunks(), size=10_000_000)

    assert source.closed
