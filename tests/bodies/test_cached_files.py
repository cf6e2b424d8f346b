"""Cached parts of a file are read without a thread; the other parts are read in a thread."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest

from imgwire_async.bodies.base import CHUNK_SIZE
from imgwire_async.bodies.sources import open_source
from imgwire_async.core.body import CountedStream, SourceFailedError
from imgwire_async.core.concurrency.threads import ExclusiveThread
from imgwire_async.errors import SourceChangedError
from tests.bodies.running import BACKENDS, run
from tests.bodies.test_kept_connections import create_and_store
from tests.clients import client_of
from tests.raw_servers import raw_server

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems cannot read only cached bytes")

Preadv = Callable[[int, list[bytearray], int, int], int]

CONTENT = (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 8192)[: 3 * CHUNK_SIZE + 17]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.jpg"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def visits(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The calls that ran in threads."""
    made: list[object] = []
    guarded = ExclusiveThread._guarded

    def counted(thread: ExclusiveThread, work: Callable[[], Any]) -> object:
        made.append(work)
        return guarded(thread, work)

    monkeypatch.setattr(ExclusiveThread, "_guarded", counted)
    return made


def cached(descriptor: int, buffers: list[bytearray], offset: int, _: int) -> int:
    """Read as if all of the file were in memory."""
    read = os.pread(descriptor, len(buffers[0]), offset)
    buffers[0][: len(read)] = read
    return len(read)


def cached_up_to(limit: int) -> Preadv:
    def preadv(descriptor: int, buffers: list[bytearray], offset: int, flags: int) -> int:
        if offset >= limit:
            raise BlockingIOError(errno.EAGAIN, "not cached")
        return min(cached(descriptor, buffers, offset, flags), limit - offset)

    return preadv


async def content_of(path: Path) -> bytes:
    async with open_source(path) as source, source.open() as chunks:
        return b"".join([piece async for piece in CountedStream(chunks, source.size)])


async def rest_of(stream: CountedStream) -> AsyncGenerator[memoryview, None]:
    while piece := await anext(stream, None):
        yield piece


async def test_a_cached_file_needs_a_thread_only_for_opening_it(
    picture: Path, monkeypatch: pytest.MonkeyPatch, visits: list[object]
) -> None:
    monkeypatch.setattr(os, "preadv", cached)

    assert await content_of(picture) == CONTENT
    assert len(visits) == 1


async def test_a_read_asks_for_cached_bytes_only_and_never_for_more_than_a_chunk(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []

    def preadv(descriptor: int, buffers: list[bytearray], offset: int, flags: int) -> int:
        asked.append((len(buffers[0]), flags))
        return cached(descriptor, buffers, offset, flags)

    monkeypatch.setattr(os, "preadv", preadv)

    await content_of(picture)

    assert asked == [(CHUNK_SIZE, os.RWF_NOWAIT)] * 2 + [(17, os.RWF_NOWAIT), (1, os.RWF_NOWAIT)]


@pytest.mark.parametrize("limit", [0, CHUNK_SIZE, CHUNK_SIZE + 4096, len(CONTENT) - 1, len(CONTENT)])
async def test_what_is_not_cached_is_read_in_threads(
    picture: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(os, "preadv", cached_up_to(limit))

    assert await content_of(picture) == CONTENT


async def test_a_file_that_is_read_from_the_disk_meanwhile_is_read_without_threads_again(
    picture: Path, monkeypatch: pytest.MonkeyPatch, visits: list[object]
) -> None:
    answers = [cached_up_to(0)]
    monkeypatch.setattr(os, "preadv", lambda *call: (answers.pop() if answers else cached)(*call))

    assert await content_of(picture) == CONTENT
    assert len(visits) == 2


@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EIO])
async def test_a_file_system_that_cannot_do_it_is_asked_once(
    picture: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    asked = []

    def preadv(*call: object) -> int:
        asked.append(call)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "preadv", preadv)

    assert await content_of(picture) == CONTENT
    assert len(asked) == 1


@pytest.mark.parametrize("size", [CHUNK_SIZE, CHUNK_SIZE + 1, 3 * CHUNK_SIZE, len(CONTENT) + 1])
@pytest.mark.parametrize("preadv", [cached, cached_up_to(0)], ids=["cached", "from disk"])
async def test_a_file_that_changes_its_size_meanwhile_is_not_sent_as_if_it_were_whole(
    picture: Path, monkeypatch: pytest.MonkeyPatch, preadv: Preadv, size: int
) -> None:
    monkeypatch.setattr(os, "preadv", preadv)

    async with open_source(picture) as source, source.open() as chunks:
        stream = CountedStream(chunks, source.size)
        await anext(stream)
        os.truncate(picture, size)
        with pytest.raises(SourceFailedError):
            b"".join([piece async for piece in rest_of(stream)])

    assert isinstance(stream.failure, SourceChangedError)


async def test_a_closed_file_is_not_read(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(os, "preadv", lambda *call: asked.append(call))

    async with open_source(picture) as source, source.open() as chunks:
        assert await anext(chunks)
    stream = CountedStream(chunks, source.size)
    with pytest.raises(SourceFailedError):
        await anext(stream)

    assert asked == []


@BACKENDS
@pytest.mark.parametrize("every", [1, 2], ids=["cached", "every other chunk"])
def test_uploads_of_files_in_memory_and_on_disk_keep_their_connection(
    picture: Path, monkeypatch: pytest.MonkeyPatch, backend: str, every: int
) -> None:
    reads = 0

    def preadv(*call: Any) -> int:
        nonlocal reads
        reads += 1
        return (cached if reads % every == 0 else cached_up_to(0))(*call)

    monkeypatch.setattr(os, "preadv", preadv)

    async def main() -> None:
        async with client_of(server) as client:
            for _ in range(3):
                await client.images.upload(picture)

    with raw_server(create_and_store) as server:
        run(main, backend)

    assert server.connections == 1
    assert reads >= 9
