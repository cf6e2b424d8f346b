"""Every kind of source in a complete upload: it arrives, can be sent again, and leaves nothing behind."""

# ruff: noqa: ASYNC240 - these tests may wait for the disk
from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgwire_async import AsyncImgwireClient, UploadProgress, UploadRejectedError
from imgwire_async.bodies import progress, streams
from imgwire_async.bodies.base import CHUNK_SIZE
from imgwire_async.sandbox import Sandbox
from tests.bodies.source_kinds import EVERY_KIND, NAMED, NAMED_KINDS, ONE_SHOT, REPLAYABLE, Kind, each
from tests.clients import client_of
from tests.raw_servers import Connection, answer, raw_server

JPEG_START = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"
CONTENT = JPEG_START + random.Random(7).randbytes(3 * CHUNK_SIZE)
LARGE = JPEG_START + bytes(8_000_000)  # more than the buffers of both sockets hold


async def stored_hash(client: AsyncImgwireClient, image_id: object) -> str | None:
    return (await client.images.retrieve(str(image_id))).hash_sha256


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(**each(EVERY_KIND))
@pytest.mark.parametrize("content", [CONTENT, CONTENT[:3000]], ids=["large", "small"])
async def test_it_arrives_byte_for_byte(
    client: AsyncImgwireClient, tmp_path: Path, opened: Kind, content: bytes
) -> None:
    async with opened(content, tmp_path) as given:
        image = await client.images.upload(given.file, size=given.size)

    assert image.mime_type == "image/jpeg"
    assert await stored_hash(client, image.id) == sha256(content)


@pytest.mark.parametrize(**each(NAMED_KINDS))
async def test_its_name_is_kept(client: AsyncImgwireClient, tmp_path: Path, opened: Kind) -> None:
    async with opened(CONTENT, tmp_path) as given:
        image = await client.images.upload(given.file)

    assert image.original_filename == NAMED


@pytest.mark.parametrize(**each(REPLAYABLE))
async def test_after_a_503_halfway_it_is_sent_again_from_its_start(
    sandbox: Sandbox, client: AsyncImgwireClient, tmp_path: Path, opened: Kind
) -> None:
    sandbox.faults.once("store.put", disconnect_after=len(CONTENT) // 2, status=503)

    async with opened(CONTENT, tmp_path) as given:
        image = await client.images.upload(given.file, size=given.size)

    assert sandbox.faults.unused() == []
    assert await stored_hash(client, image.id) == sha256(CONTENT)


@pytest.mark.parametrize(**each(ONE_SHOT))
async def test_a_source_that_can_be_read_once_fails_with_the_reason_and_stores_nothing(
    sandbox: Sandbox, client: AsyncImgwireClient, tmp_path: Path, opened: Kind
) -> None:
    sandbox.faults.once("store.put", disconnect_after=len(CONTENT) // 2, status=503)

    async with opened(CONTENT, tmp_path) as given:
        with pytest.raises(UploadRejectedError, match="can be read only once") as caught:
            await client.images.upload(given.file, size=given.size)

    assert caught.value.status == 503
    assert len(sandbox.requests.of("store.put")) == 1
    assert [image.status async for image in client.images.list()] == ["PENDING"]


@pytest.mark.parametrize(**each(ONE_SHOT))
async def test_hashing_makes_it_repeatable(
    sandbox: Sandbox, client: AsyncImgwireClient, tmp_path: Path, opened: Kind
) -> None:
    sandbox.faults.once("store.put", disconnect_after=len(CONTENT) // 2, status=503)

    async with opened(CONTENT, tmp_path) as given:
        image = await client.images.upload(given.file, size=given.size, hash_sha256=True)

    assert sandbox.faults.unused() == []
    assert image.hash_sha256 == await stored_hash(client, image.id) == sha256(CONTENT)


def accept_creates_and_stop_reading_puts(connection: Connection) -> None:
    while head := connection.read_head():
        if head.startswith(b"PUT"):
            connection.wait_for_end_of_test()
            return
        connection.read_body(head)
        now = "2026-05-01T00:00:00Z"
        record: dict[str, Any] = {"id": str(uuid4()), "status": "PENDING", "can_upload": True}
        record |= {"original_filename": "x", "cdn_url": "", "mime_type": "image/jpeg", "extension": "jpg"}
        record |= {"custom_metadata": {}, "exif_data": {}, "created_at": now, "updated_at": now}
        record |= dict.fromkeys(("environment_id", "upload_token_id", "hash_sha256", "purpose"))
        record |= dict.fromkeys(("idempotency_key", "deleted_at", "processed_metadata_at"))
        record |= dict.fromkeys(("width", "height", "size_bytes"), 0)
        record["is_directly_deliverable"] = True
        upload_url = f"{connection.server.base_url}/store"
        connection.send(answer(200, json.dumps({"image": record, "upload_url": upload_url}).encode()))


@pytest.mark.parametrize(**each(EVERY_KIND))
@pytest.mark.parametrize("how", ["task", "scope"])
async def test_cancelled_halfway_it_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: Kind, how: str
) -> None:
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    gc.collect()
    files, tasks = open_files(), asyncio.all_tasks()
    sending = asyncio.Event()
    scope = anyio.CancelScope()

    def watch(seen: UploadProgress) -> None:
        if seen.sent:
            sending.set()

    with raw_server(accept_creates_and_stop_reading_puts, receive_buffer=16_384) as server:
        async with opened(LARGE, tmp_path) as given, client_of(server) as client:

            async def upload() -> None:
                with scope:
                    await client.images.upload(given.file, size=given.size, on_progress=watch)

            task = asyncio.create_task(upload())
            await asyncio.wait_for(sending.wait(), 60)
            (task.cancel if how == "task" else scope.cancel)()
            await asyncio.wait([task])
            assert asyncio.all_tasks() == tasks

    gc.collect()  # warns of anything that was dropped without being closed
    assert not open_files() - files  # files of an earlier test may be closed meanwhile
    assert [path.name for path in tmp_path.iterdir()] in ([], [NAMED])


def open_files() -> Counter[str]:
    found = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            found.append(re.sub(r"\d+", "", str(link.readlink())))
        except OSError:
            continue  # the folder itself
    return Counter(found)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    pieces=st.lists(st.binary(max_size=50) | st.integers(0, 2 * CHUNK_SIZE).map(bytes), max_size=6),
    sized=st.booleans(),
    asynchronous=st.booleans(),
)
def test_any_content_in_any_pieces_arrives_unchanged(
    sandbox: Sandbox, pieces: list[bytes], sized: bool, asynchronous: bool
) -> None:
    content = b"".join([JPEG_START, *pieces])

    async def pieces_one_by_one() -> object:
        for piece in (JPEG_START, *pieces):
            yield piece

    async def scenario() -> str | None:
        async with client_of(sandbox) as client:
            source = pieces_one_by_one() if asynchronous else iter([JPEG_START, *pieces])
            image = await client.images.upload(source, size=len(content) if sized else None)  # type: ignore[arg-type]
            return await stored_hash(client, image.id)

    assert asyncio.run(scenario()) == sha256(content)


async def test_content_too_large_for_a_temporary_file_is_rejected_before_any_call(
    sandbox: Sandbox, client: AsyncImgwireClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "SPOOL_LIMIT", 1_000_000)
    taken = []

    def endless() -> object:
        while True:
            taken.append(1)
            yield JPEG_START.ljust(100_000, b"\0")

    with pytest.raises(ValueError, match="more than 1000000 bytes"):
        await client.images.upload(endless())  # type: ignore[arg-type]

    assert len(taken) < 20
    assert sandbox.requests.of("images.create") == []
