"""Uploads to a store that responds at once keep their connection, with every source and event loop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import pytest

from imgwire_async import AsyncImgwireClient
from imgwire_async.bodies.base import CHUNK_SIZE
from tests.bodies.running import BACKENDS, run
from tests.bodies.source_kinds import EVERY_KIND, Kind
from tests.clients import client_of
from tests.raw_servers import Connection, answer, content_length, raw_server

JPEG_START = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"
CONTENT = JPEG_START.ljust(2 * CHUNK_SIZE + 1000, b"\0")
MIB = 1024 * 1024

_NOW = "2026-05-01T00:00:00Z"
_RECORD: dict[str, Any] = {
    "original_filename": "x.jpg",
    "cdn_url": "",
    "mime_type": "image/jpeg",
    "extension": "jpg",
    "status": "PENDING",
    "created_at": _NOW,
    "updated_at": _NOW,
    "width": 0,
    "height": 0,
    "size_bytes": 0,
}


def create_and_store(connection: Connection, *, once: bool = False) -> None:
    """Respond to creates, and to PUTs as soon as their last byte has arrived."""
    buffer = bytearray(MIB)
    while head := connection.read_head():
        if head.startswith(b"PUT"):
            left = content_length(head) - len(connection.unread)
            connection.unread = b""
            while left > 0 and (received := connection.socket.recv_into(buffer)):
                left -= received
            connection.send(answer(200, b""))
        else:
            connection.read_body(head)
            upload_url = f"{connection.server.base_url}/store"
            created = {"image": _RECORD | {"id": str(uuid4())}, "upload_url": upload_url}
            connection.send(answer(200, json.dumps(created).encode()))
        if once:
            return


ON_EACH_LOOP = [
    pytest.param(opened, backend, id=f"{backend}-{name}")
    for name, opened in EVERY_KIND.items()
    for backend in ("asyncio", "uvloop", "trio")
    if backend != "trio" or not name.startswith(("aiofiles", "aiohttp"))
]


@pytest.mark.parametrize(("opened", "backend"), ON_EACH_LOOP)
def test_uploads_one_after_another_share_one_connection(tmp_path: Path, opened: Kind, backend: str) -> None:
    async def main() -> None:
        async with client_of(server) as client:
            for number in range(3):
                folder = tmp_path / str(number)
                await anyio.Path(folder).mkdir()
                async with opened(CONTENT, folder) as given:
                    await client.images.upload(given.file, size=given.size)

    with raw_server(create_and_store) as server:
        run(main, backend)

    assert server.connections == 1


@BACKENDS
def test_twenty_paths_of_3_mb_share_one_connection(tmp_path: Path, backend: str) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(JPEG_START.ljust(3 * MIB, b"\0"))

    async def main() -> None:
        async with client_of(server) as client:
            for _ in range(20):
                await client.images.upload(path)

    with raw_server(create_and_store) as server:
        run(main, backend)

    assert server.connections == 1


@BACKENDS
def test_eighty_paths_of_3_mb_eight_at_once_need_no_more_than_eight_connections(
    tmp_path: Path, backend: str
) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(JPEG_START.ljust(3 * MIB, b"\0"))
    left = iter(range(80))

    async def upload(client: AsyncImgwireClient) -> None:
        for _ in left:
            await client.images.upload(path)

    async def main() -> None:
        async with client_of(server) as client, anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(upload, client)

    with raw_server(create_and_store) as server:
        run(main, backend)

    assert server.connections <= 8
