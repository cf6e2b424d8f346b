"""Every source that does not need asyncio works on trio: it can be sent again and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import anyio
import pytest

from imgwire_async import Image, UploadProgress, UploadRejectedError
from imgwire_async.bodies import progress
from imgwire_async.bodies.base import CHUNK_SIZE
from imgwire_async.sandbox import Sandbox
from tests.bodies.source_kinds import EVERY_KIND, ONE_SHOT, REPLAYABLE, Kind, each
from tests.bodies.test_every_source import LARGE, accept_creates_and_stop_reading_puts, open_files
from tests.clients import client_of
from tests.raw_servers import raw_server

CONTENT = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + random.Random(8).randbytes(2 * CHUNK_SIZE)
T = TypeVar("T")


def on_trio(kinds: dict[str, Kind]) -> dict[str, Kind]:
    return {name: kind for name, kind in kinds.items() if not name.startswith(("aiofiles", "aiohttp"))}


async def run_on_trio(function: Callable[[], Awaitable[T]]) -> T:
    # In a thread, because the sandbox runs on this one's event loop.
    return await asyncio.to_thread(lambda: anyio.run(function, backend="trio"))


async def assert_stored(sandbox: Sandbox, image: Image) -> None:
    async with client_of(sandbox) as client:
        stored = await client.images.retrieve(image.id)
    assert stored.hash_sha256 == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.parametrize(**each(on_trio(ONE_SHOT)))
async def test_a_source_that_can_be_read_once_arrives_and_is_not_sent_twice(
    sandbox: Sandbox, tmp_path: Path, opened: Kind
) -> None:
    async def upload() -> Image:
        async with opened(CONTENT, tmp_path) as given, client_of(sandbox) as client:
            return await client.images.upload(given.file, size=given.size)

    await assert_stored(sandbox, await run_on_trio(upload))
    sandbox.faults.once("store.put", disconnect_after=len(CONTENT) // 2, status=503)
    with pytest.raises(UploadRejectedError, match="can be read only once"):
        await run_on_trio(upload)


@pytest.mark.parametrize(**each(on_trio(REPLAYABLE)))
async def test_after_a_503_halfway_it_is_sent_again_from_its_start(
    sandbox: Sandbox, tmp_path: Path, opened: Kind
) -> None:
    async def upload() -> Image:
        async with opened(CONTENT, tmp_path) as given, client_of(sandbox) as client:
            return await client.images.upload(given.file, size=given.size)

    sandbox.faults.once("store.put", disconnect_after=len(CONTENT) // 2, status=503)

    await assert_stored(sandbox, await run_on_trio(upload))
    assert sandbox.faults.unused() == []


@pytest.mark.parametrize(**each(on_trio(EVERY_KIND)))
def test_cancelled_halfway_it_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: Kind
) -> None:
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    gc.collect()
    files = open_files()
    cancelled: list[bool] = []

    async def scenario() -> None:
        async with opened(LARGE, tmp_path) as given, client_of(server) as client:
            with anyio.CancelScope() as scope:

                def cancel(seen: UploadProgress) -> None:
                    if seen.sent:
                        scope.cancel()

                await client.images.upload(given.file, size=given.size, on_progress=cancel)
            cancelled.append(scope.cancelled_caught)

    with raw_server(accept_creates_and_stop_reading_puts, receive_buffer=16_384) as server:
        anyio.run(scenario, backend="trio")  # returns only once every task has ended

    assert cancelled == [True]
    gc.collect()  # warns of anything that was dropped without being closed
    assert not open_files() - files
