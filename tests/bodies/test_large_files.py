"""A large upload needs little memory, never blocks the event loop, and leaves nothing open."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from imgwire_async.bodies.sources import open_source
from imgwire_async.core.clients.client import core_of
from imgwire_async.core.put import put_bytes
from imgwire_async.core.values.redaction import Secret
from imgwire_async.errors import CallContext
from tests.clients import client_of
from tests.raw_servers import OK, Connection, content_length, raw_server

pytestmark = pytest.mark.measures_time

SIZE = 256 * 1024 * 1024  # bytes
PAGE = os.sysconf("SC_PAGE_SIZE")  # bytes


def resident_bytes() -> int:
    with Path("/proc/self/statm").open() as statm:
        return int(statm.read().split()[1]) * PAGE


def drain(connection: Connection) -> None:
    head = connection.read_head()
    left = content_length(head) - len(connection.unread)
    buffer = bytearray(1 << 20)
    while left > 0 and (received := connection.socket.recv_into(buffer)):
        left -= received
    assert left == 0
    connection.send(OK)


class Watch:
    """Peak memory and longest turn of the event loop in a watched block."""

    def __init__(self) -> None:
        self.memory = 0
        self.longest_turn = 0.0
        """Seconds of CPU time until another task of the loop could run; other programs do not count."""


@asynccontextmanager
async def watched() -> AsyncIterator[Watch]:
    watch = Watch()
    at_first = resident_bytes()

    async def look() -> None:
        while True:
            before = time.thread_time()
            await anyio.sleep(0.005)
            watch.longest_turn = max(watch.longest_turn, time.thread_time() - before)
            watch.memory = max(watch.memory, resident_bytes() - at_first)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(look)
        yield watch
        tasks.cancel_scope.cancel()


@pytest.fixture
def sparse_file(tmp_path: Path) -> Path:
    path = tmp_path / "large.jpg"
    with path.open("wb") as file:
        file.write(b"\xff\xd8\xff\xe0")
        file.truncate(SIZE)
    return path


async def test_a_large_file_is_sent_with_little_memory_and_without_blocking_the_loop(
    sparse_file: Path,
) -> None:
    turns = []
    with raw_server(drain) as server:
        async with client_of(server) as client:
            await client.health()  # loads the certificates, which is not part of an upload
            for _ in range(3):  # the garbage collector may block one run, but not every run
                async with watched() as watch, open_source(sparse_file) as source:
                    await put_bytes(
                        core_of(client),
                        Secret(server.base_url),
                        source,
                        mime_type="image/jpeg",
                        context=CallContext(),
                    )
                assert watch.memory < 32 * 1024 * 1024
                turns.append(watch.longest_turn)
                if watch.longest_turn < 0.05:
                    break

    assert min(turns) < 0.05


async def test_many_uploads_at_once_need_memory_for_their_chunks_only(sparse_file: Path) -> None:
    with raw_server(drain) as server:
        async with client_of(server) as client:

            async def upload() -> None:
                async with open_source(sparse_file) as source:
                    await put_bytes(
                        core_of(client),
                        Secret(server.base_url),
                        source,
                        mime_type="image/jpeg",
                        context=CallContext(),
                    )

            os.truncate(sparse_file, SIZE // 8)
            async with watched() as watch, anyio.create_task_group() as tasks:
                for _ in range(8):
                    tasks.start_soon(upload)

    # Eight times the server's buffer of 1 MiB, and some 2 MiB for each upload.
    assert watch.memory < 48 * 1024 * 1024
