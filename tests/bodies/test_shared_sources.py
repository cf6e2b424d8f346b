"""One open file, iterator or response in several uploads at once: their content is never mixed."""

# ruff: noqa: ASYNC230, PTH123, SIM115 - these tests may wait for the disk
from __future__ import annotations

import asyncio
import bz2
import fcntl
import gzip
import hashlib
import inspect
import io
import os
import random
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import aiofiles
import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx
import pytest

from imgwire_async import AsyncImgwireClient, DeadlineExceededError, UploadError, UploadRejectedError
from imgwire_async.bodies import in_use
from imgwire_async.sandbox import Sandbox
from tests.bodies.running import BACKENDS, run
from tests.clients import client_of
from tests.raw_servers import always, answer, raw_server

CONTENT = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + random.Random(3).randbytes(600_000)
HASH = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(CONTENT)
    return path


def spooled() -> Any:
    file = tempfile.SpooledTemporaryFile(max_size=1000)
    file.write(CONTENT)
    file.seek(0)
    return file


def compressed(module: Any) -> Any:
    return module.open(io.BytesIO(module.compress(CONTENT)), "rb")


class Awaited:
    """A custom async file."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("rb")

    async def read(self, size: int) -> bytes:
        await anyio.lowlevel.checkpoint()
        return self.file.read(size)

    async def seek(self, offset: int, whence: int = 0) -> int:
        await anyio.lowlevel.checkpoint()
        return self.file.seek(offset, whence)

    async def tell(self) -> int:
        return self.file.tell()

    def close(self) -> None:
        self.file.close()


SEEKABLE: dict[str, Callable[[Path], Any]] = {
    "unbuffered": lambda path: open(path, "rb", 0),
    "buffered": lambda path: open(path, "rb"),
    "in memory": lambda _: io.BytesIO(CONTENT),
    "spooled": lambda _: spooled(),
    "gzip": lambda _: compressed(gzip),
    "bz2": lambda _: compressed(bz2),
    "async": Awaited,
}


async def hashes_of(client: AsyncImgwireClient, sources: list[Any], **options: Any) -> list[str]:
    """Upload all concurrently; returns the hash of each stored image, or the text of its error."""
    results = [""] * len(sources)

    async def upload(number: int) -> None:
        try:
            image = await client.images.upload(sources[number], file_name="a.jpg", **options)
        except UploadError as error:
            results[number] = error.message
        else:
            results[number] = str((await client.images.retrieve(image.id)).hash_sha256)

    async with anyio.create_task_group() as tasks:
        for number in range(len(sources)):
            tasks.start_soon(upload, number)
    return results


@BACKENDS
@pytest.mark.parametrize("kind", SEEKABLE)
def test_a_seekable_file_is_stored_whole_by_each_upload(
    sandbox: Sandbox, path: Path, kind: str, backend: str
) -> None:
    async def main() -> None:
        async with client_of(sandbox) as client:
            file = SEEKABLE[kind](path)
            try:
                assert await hashes_of(client, [file, file, file]) == [HASH] * 3
                assert await hashes_of(client, [file]) == [HASH]
            finally:
                file.close()

    run(main, backend)


@BACKENDS
def test_two_wrappers_of_one_file_take_turns(sandbox: Sandbox, path: Path, backend: str) -> None:
    async def main() -> None:
        async with client_of(sandbox) as client:
            with path.open("rb", buffering=0) as raw:
                assert await hashes_of(client, [raw, anyio.wrap_file(raw)]) == [HASH, HASH]
                descriptor = raw.fileno()
                with open(descriptor, "rb", 0, closefd=False) as other:
                    assert await hashes_of(client, [raw, other, raw]) == [HASH] * 3
                # Each buffer reads ahead, so the second one may find the file at its end.
                with open(descriptor, "rb", closefd=False) as other:
                    for found in await hashes_of(client, [other, raw]):
                        assert found == HASH or "its position is its end" in found

    run(main, backend)


class Duck:
    """Reads a file that it keeps in a private attribute."""

    name = "photo.jpg"

    def __init__(self, file: io.RawIOBase) -> None:
        self._mine = file
        self.read, self.seek, self.tell = file.read, file.seek, file.tell
        self.fileno = file.fileno


@BACKENDS
def test_duplicated_descriptors_and_file_like_objects_take_turns(
    sandbox: Sandbox, path: Path, backend: str
) -> None:
    async def main() -> None:
        async with client_of(sandbox) as client:
            with path.open("rb", buffering=0) as raw, os.fdopen(os.dup(raw.fileno()), "rb", 0) as other:
                assert await hashes_of(client, [raw, other, Duck(raw), Duck(other)]) == [HASH] * 4
                assert not fcntl.fcntl(raw, fcntl.F_GETFL) & os.O_APPEND

    run(main, backend)


def test_separately_opened_files_are_not_duplicates(path: Path) -> None:
    with path.open("rb") as one, path.open("rb") as other, os.fdopen(os.dup(one.fileno()), "rb") as same:
        mine, foreign, duplicate = ((in_use._DESCRIPTOR, file.fileno()) for file in (one, other, same))
        uses = in_use._UPLOADS.uses
        before = dict(uses)
        uses.update(dict.fromkeys([foreign, duplicate]))  # type: ignore[arg-type]
        try:
            assert list(in_use._duplicates({mine})) == [duplicate]
        finally:
            uses.clear()
            uses.update(before)


async def test_two_async_files_of_one_file_take_turns(client: AsyncImgwireClient, path: Path) -> None:
    async with aiofiles.open(path, "rb") as file:
        below = file._file  # type: ignore[attr-defined]
        assert await hashes_of(client, [file, below]) == [HASH, HASH]


@BACKENDS
def test_two_files_of_one_path_are_sent_at_the_same_time(sandbox: Sandbox, path: Path, backend: str) -> None:
    async def main() -> None:
        async with client_of(sandbox) as client:
            with path.open("rb") as one, path.open("rb") as other:
                assert await hashes_of(client, [one, other]) == [HASH, HASH]

    run(main, backend)


def pieces() -> Iterator[bytes]:
    for start in range(0, len(CONTENT), 50_000):
        yield CONTENT[start : start + 50_000]


async def async_pieces() -> AsyncIterator[bytes]:
    for piece in pieces():
        await anyio.lowlevel.checkpoint()
        yield piece


class Again:
    """Can be iterated several times, but always returns the same iterator."""

    def __init__(self) -> None:
        self._iterator = iter(list(pieces()))

    def __iter__(self) -> Iterator[bytes]:
        return self._iterator


class OneWay(io.RawIOBase):
    """A file that cannot seek."""

    def __init__(self) -> None:
        self._file = io.BytesIO(CONTENT)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._file.readinto(buffer)


ONCE: dict[str, Callable[[], Any]] = {
    "generator": pieces,
    "async generator": async_pieces,
    "iterator of a list": lambda: iter(list(pieces())),
    "iterable of one iterator": Again,
    "file": OneWay,
    "function": lambda: partial(iter, iter(list(pieces()))),
}


@BACKENDS
@pytest.mark.parametrize("kind", ONCE)
@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_a_source_that_can_be_read_once_is_stored_whole_by_one_upload_only(
    sandbox: Sandbox, kind: str, size: int | None, backend: str
) -> None:
    async def main() -> None:
        async with client_of(sandbox) as client:
            source = ONCE[kind]()
            found = await hashes_of(client, [source, source, source], size=size)
            if kind == "function" and size is not None:
                # Type detection reads the first bytes, so the function would have to return them again.
                assert HASH not in found
            else:
                assert found.count(HASH) == 1
                assert sum("nothing to upload" in one for one in found) == 2

    run(main, backend)


async def test_a_response_is_stored_whole_by_one_upload_only(client: AsyncImgwireClient) -> None:
    with raw_server(always(answer(200, CONTENT))) as server:
        async with httpx.AsyncClient() as web, web.stream("GET", server.base_url) as response:
            found = await hashes_of(client, [response, response])

    assert found.count(HASH) == 1
    assert sum("receiving the response failed" in one for one in found) == 1


@BACKENDS
def test_waiting_for_another_upload_of_the_file_ends_with_the_deadline(
    sandbox: Sandbox, path: Path, backend: str
) -> None:
    async def main() -> None:
        async with client_of(sandbox) as client:
            with path.open("rb") as file:
                begun, finish = anyio.Event(), anyio.Event()

                async def hold(_: object) -> None:
                    begun.set()
                    await finish.wait()

                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(partial(client.images.upload, file, on_progress=hold))
                    await begun.wait()
                    with pytest.raises(DeadlineExceededError):
                        await client.with_options(deadline=0.2).images.upload(file)
                    finish.set()
                assert await hashes_of(client, [file]) == [HASH]

    run(main, backend)


def test_a_second_event_loop_cannot_use_the_same_file(sandbox: Sandbox, path: Path) -> None:
    begun, finish = threading.Event(), threading.Event()

    async def first() -> None:
        async def hold(_: object) -> None:
            begun.set()
            await anyio.to_thread.run_sync(finish.wait, 60)

        async with client_of(sandbox) as client:
            await client.images.upload(file, on_progress=hold)

    async def second() -> list[str]:
        async with client_of(sandbox) as client:
            return await hashes_of(client, [file])

    with path.open("rb") as file:
        thread = threading.Thread(target=asyncio.run, args=(first(),))
        thread.start()
        assert begun.wait(60)
        (found,) = asyncio.run(second())
        finish.set()
        thread.join(60)
        assert "another event loop is uploading from the same source" in found
        assert asyncio.run(second()) == [HASH]


@pytest.mark.parametrize("kind", SEEKABLE)
async def test_the_position_of_a_file_is_restored_however_the_upload_ends(
    client: AsyncImgwireClient, sandbox: Sandbox, path: Path, kind: str
) -> None:
    file = SEEKABLE[kind](path)

    async def position() -> int:
        found = file.tell()
        return int(await found if inspect.isawaitable(found) else found)

    if inspect.isawaitable(moved := file.seek(1000)):
        await moved
    await client.images.upload(file, mime_type="image/jpeg")
    assert await position() == 1000
    sandbox.faults.once("store.put", status=400)
    with pytest.raises(UploadRejectedError):
        await client.images.upload(file, mime_type="image/jpeg")
    assert await position() == 1000
    file.close()
