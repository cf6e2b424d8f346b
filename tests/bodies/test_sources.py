"""Sources: supported ones can be read repeatedly; anything else is rejected before a request is made."""

# ruff: noqa: ASYNC240 - these tests may wait for the disk
from __future__ import annotations

import array
import asyncio
import gc
import io
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgwire_async.bodies import paths
from imgwire_async.bodies.base import CHUNK_SIZE, Source
from imgwire_async.bodies.sources import UploadFile, open_source
from imgwire_async.bodies.spool import Spool
from imgwire_async.core.body import CountedStream, SourceFailedError
from imgwire_async.core.concurrency.threads import ExclusiveThread
from imgwire_async.errors import SourceChangedError, UploadSourceError
from tests.hangs import HANGS


async def read(source: Source) -> bytes:
    async with source.open() as chunks:
        return b"".join([chunk async for chunk in CountedStream(chunks, source.size)])


async def content_of(file: UploadFile) -> bytes:
    async with open_source(file) as source:
        first = await read(source)
        assert source.replayable
        assert await read(source) == first
        assert source.size == len(first)
        assert source.head == first[:4096]
        return first


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "pict ure.png"
    path.write_bytes(os.urandom(3 * CHUNK_SIZE + 17))
    return path


@pytest.mark.parametrize("kind", [str, Path, anyio.Path])
async def test_a_file_is_read_from_every_kind_of_path(picture: Path, kind: Callable[[Path], Any]) -> None:
    assert await content_of(kind(picture)) == picture.read_bytes()
    async with open_source(kind(picture)) as source:
        assert source.file_name == "pict ure.png"


@pytest.mark.parametrize("size", [1, 4095, 4097, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1])
async def test_files_of_every_size_are_read_completely(tmp_path: Path, size: int) -> None:
    (tmp_path / "x").write_bytes(content := os.urandom(size))

    assert await content_of(tmp_path / "x") == content


@pytest.mark.parametrize(
    "content",
    [
        b"abc",
        bytearray(b"abc"),
        memoryview(b"abc"),
        memoryview(b"aXbXcX")[::2],
        memoryview(array.array("H", b"ab" * 10)),
        memoryview(b"abcdef").cast("B", (2, 3)),
        memoryview(b"cba")[::-1],
    ],
    ids=["bytes", "bytearray", "memoryview", "with gaps", "of numbers", "matrix", "backwards"],
)
async def test_every_kind_of_bytes_is_read(content: Any) -> None:
    assert await content_of(content) == memoryview(content).tobytes()


async def test_bytes_are_not_copied_as_a_whole() -> None:
    content = bytearray(4 * CHUNK_SIZE)
    async with open_source(content) as source, source.open() as chunks:
        await anext(chunks)
        content[-1] = 7
        assert (b"".join([chunk async for chunk in chunks]))[-1] == 7


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "missing.png", "No such file"),
        (lambda folder: folder, "^images.upload: cannot upload '[^']*': it is not a regular file$"),
        (lambda folder: "\ud800", "surrogates not allowed"),  # noqa: ARG005
        (lambda folder: folder / "pipe", "not a regular file"),
        (lambda folder: folder / "empty", "is empty"),
        (lambda folder: str(folder / "a\0b"), "null"),
        (lambda folder: "/dev/null", "not a regular file"),  # noqa: ARG005
        (lambda folder: b"", "empty"),  # noqa: ARG005
        (lambda folder: memoryview(b""), "empty"),  # noqa: ARG005
        (lambda folder: 7, "cannot upload a int"),  # noqa: ARG005
        (lambda folder: None, "cannot upload a NoneType"),  # noqa: ARG005
    ],
    ids=range(11),
)
async def test_an_unreadable_source_is_rejected_with_a_reason(
    tmp_path: Path, make: Callable[[Path], Any], words: str
) -> None:
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")

    with anyio.fail_after(HANGS), pytest.raises(UploadSourceError, match=words):
        async with open_source(make(tmp_path)):
            pass


async def test_a_file_without_permission_is_rejected(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, mode: str, buffering: int) -> None:  # noqa: ARG001 - the interface of open
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(paths, "open", refuse, raising=False)

    with pytest.raises(UploadSourceError, match="Permission denied"):
        async with open_source(picture):
            pass


@pytest.mark.parametrize("size", [0, 10, CHUNK_SIZE, CHUNK_SIZE + 1, 4 * CHUNK_SIZE])
async def test_a_file_that_changes_its_size_while_it_is_read_is_noticed(picture: Path, size: int) -> None:
    async with open_source(picture) as source, source.open() as chunks:
        stream = CountedStream(chunks, source.size)
        await anext(stream)
        os.truncate(picture, size)

        with pytest.raises(SourceFailedError):
            await exhaust(stream)

    assert isinstance(stream.failure, SourceChangedError)


async def exhaust(stream: CountedStream) -> None:
    while True:
        await anext(stream)


async def test_a_file_that_is_replaced_during_the_upload_is_sent_as_it_was(picture: Path) -> None:
    before = picture.read_bytes()
    async with open_source(picture) as source:
        first = await read(source)
        picture.unlink()
        picture.write_bytes(b"other")

        assert await read(source) == first == before


async def test_a_name_that_is_not_utf_8_can_be_shown(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png")
    Path(path).write_bytes(b"x")

    async with open_source(path) as source:
        assert source.file_name == "caf\ufffd.png"
    Path(path).unlink()


@pytest.mark.parametrize("where", ["opening", "reading"])
async def test_a_cancelled_task_leaves_no_file_open(
    picture: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    entered, release = threading.Event(), threading.Event()

    def slow(function: Callable[..., Any]) -> Callable[..., Any]:
        def slowly(*arguments: Any, **options: Any) -> Any:
            entered.set()
            release.wait(30)
            return function(*arguments, **options)

        return slowly

    if where == "opening":
        monkeypatch.setattr(paths, "open", slow(open), raising=False)
    else:
        monkeypatch.setattr(paths, "read_cached", lambda *_: None)
        unhurried, hurried = slow(ExclusiveThread._guarded), [ExclusiveThread._guarded]  # opens the file
        monkeypatch.setattr(
            ExclusiveThread,
            "_guarded",
            lambda self, work: (hurried.pop() if hurried else unhurried)(self, work),
        )
    before = open_files()
    task = asyncio.create_task(content_of(picture))
    await asyncio.to_thread(entered.wait, 5)

    task.cancel()
    asyncio.get_running_loop().call_later(0.05, release.set)
    with pytest.raises(asyncio.CancelledError):
        await task

    gc.collect()  # warns of a file that was dropped without being closed
    assert open_files() == before


def open_files() -> list[str]:
    found = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(link.readlink()))
        except OSError:
            continue
    return sorted(name for name in found if name.endswith(".png"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(st.binary(min_size=1, max_size=2000))
def test_any_content_is_read_unchanged_from_memory_and_from_disk(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)

    async def scenario() -> tuple[bytes, bytes]:
        return await content_of(content), await content_of(tmp_path / "x")

    assert asyncio.run(scenario()) == (content, content)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_source_that_is_not_read_to_its_end_is_closed(picture: Path, backend: str) -> None:
    async def scenario() -> None:
        async with open_source(picture) as source, source.open() as chunks:
            await anext(chunks)

    anyio.run(scenario, backend=backend)

    assert open_files() == []


@pytest.mark.parametrize("turns", range(8))
async def test_a_task_that_is_cancelled_while_it_closes_a_file_closes_it(tmp_path: Path, turns: int) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(bytes(2 * CHUNK_SIZE))
    leaving = asyncio.Event()

    async def open_and_leave() -> None:
        async with open_source(path):
            leaving.set()

    before = open_files()
    task = asyncio.create_task(open_and_leave())
    await leaving.wait()
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert open_files() == before


async def test_temporary_files_are_written_in_a_few_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    writing, most = 0, 0
    lock = threading.Lock()
    write = Spool.write

    def slow_write(spooled: Spool, piece: bytes) -> None:
        nonlocal writing, most
        with lock:
            writing += 1
            most = max(most, writing)
        time.sleep(0.01)
        with lock:
            writing -= 1
        write(spooled, piece)

    async def spool() -> None:
        async with open_source(iter([bytes(1000)])):
            pass

    monkeypatch.setattr(Spool, "write", slow_write)
    async with anyio.create_task_group() as tasks:
        for _ in range(24):
            tasks.start_soon(spool)

    assert 1 < most <= 8  # with more threads the event loop waits for the GIL


async def test_a_function_is_called_and_the_file_that_it_returns_closed_in_a_thread() -> None:
    calls = []

    class File(io.BytesIO):
        def close(self) -> None:
            calls.append(("close", threading.get_ident()))
            super().close()

    def content() -> File:
        calls.append(("open", threading.get_ident()))
        return File(b"content")

    async with open_source(content) as source, source.open() as chunks:
        assert b"".join([chunk async for chunk in chunks]) == b"content"
    assert {name for name, _ in calls} == {"open", "close"}
    assert threading.get_ident() not in {thread for _, thread in calls}


async def test_small_bytes_are_sent_without_a_copy() -> None:
    async with open_source(content := b"abc" * 100) as source:
        assert getattr(source, "in_memory", None) is content


@pytest.mark.parametrize("kind", [bytearray, lambda content: memoryview(bytearray(content))])
async def test_memory_that_may_change_is_copied_before_it_is_sent(kind: Callable[[bytes], Any]) -> None:
    content = kind(b"abc" * 100)
    async with open_source(content) as source:
        sent = getattr(source, "in_memory", None)
        content[0] = 0
        assert sent == b"abc" * 100


async def test_a_part_of_bytes_is_sent_without_the_rest() -> None:
    async with open_source(memoryview(b"abcdef")[1:4]) as source:
        assert getattr(source, "in_memory", None) == b"bcd"
