"""A disk that fills up while the temporary file of a source is written or read."""

from __future__ import annotations

import errno
import math
import os
import resource
import signal
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from imgwire_async import AsyncImgwireClient, UploadItem, UploadSourceError
from imgwire_async.bodies import spool
from imgwire_async.bodies.base import CHUNK_SIZE
from imgwire_async.sandbox import Sandbox
from tests.bodies.running import BACKENDS, run
from tests.clients import client_of

LIMIT = CHUNK_SIZE + 100_000
"""Bytes that fit on the disk: more than a source keeps in memory."""


@pytest.fixture
def little_room() -> Iterator[None]:
    """No file can grow beyond `LIMIT` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def large() -> AsyncIterator[bytes]:
    """More bytes than are kept in memory."""
    return pieces(2 * CHUNK_SIZE)


async def pieces(total: int) -> AsyncIterator[bytes]:
    for start in range(0, total, 1000):
        yield bytes(min(1000, total - start))


@pytest.mark.usefixtures("little_room")
@BACKENDS
@pytest.mark.parametrize("beyond", [3000, 200_000])
@pytest.mark.parametrize("options", [{}, {"size": True, "hash_sha256": True}])
def test_a_full_disk_is_a_failure_of_the_source_however_late_it_appears(
    beyond: int, options: dict[str, Any], backend: str
) -> None:
    total = LIMIT + beyond
    arguments: Any = options | ({"size": total} if options else {})

    async def main() -> None:
        # A sandbox in this process could not write its database either.
        async with AsyncImgwireClient("sk_test", base_url="http://127.0.0.1:9") as client:
            with pytest.raises(UploadSourceError, match="cannot write a temporary file") as caught:
                await client.images.upload(pieces(total), mime_type="image/png", **arguments)
        assert isinstance(caught.value.__cause__, OSError)
        assert caught.value.__cause__.errno == errno.EFBIG

    run(main, backend)


real_temporary_file = tempfile.TemporaryFile


class FailingFile:
    """Fails in one of its operations, as a network file system may; with `times`, only that often."""

    def __init__(self, failing: str, code: int, times: float = math.inf, most: int = 1 << 30) -> None:
        self._file = real_temporary_file(buffering=0)
        self._failing, self._code, self._times, self._most = failing, code, times, most

    def _fail(self, operation: str) -> None:
        if operation == self._failing and self._times > 0:
            self._times -= 1
            raise OSError(self._code, os.strerror(self._code))

    def write(self, content: memoryview) -> int:
        self._fail("write")
        return self._file.write(content[: self._most])

    def seek(self, *arguments: int) -> int:
        self._fail("seek")
        return self._file.seek(*arguments)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def read(self, *arguments: int) -> bytes:
        self._fail("read")
        return self._file.read(*arguments)

    def close(self) -> None:
        self._file.close()
        self._fail("close")

    @property
    def closed(self) -> bool:
        return self._file.closed


def failing_files(
    monkeypatch: pytest.MonkeyPatch, make: Callable[[], FailingFile | OSError]
) -> list[FailingFile]:
    """Replace temporary files with these; returns the list of those that were opened."""
    made: list[FailingFile] = []

    def fake(**_: Any) -> FailingFile:
        file = make()
        if isinstance(file, OSError):
            raise file
        made.append(file)
        return file

    monkeypatch.setattr(tempfile, "TemporaryFile", fake)
    return made


@pytest.mark.parametrize(
    ("failing", "problem"),
    [
        ("write", "cannot write a temporary file: Input/output error"),
        ("seek", "cannot write a temporary file: Input/output error"),
        ("read", "cannot read the file: .*Input/output error"),
        ("close", None),  # all bytes have been read by then
    ],
)
def test_every_operation_on_a_temporary_file_fails_with_the_same_class(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, failing: str, problem: str | None
) -> None:
    made = failing_files(monkeypatch, lambda: FailingFile(failing, errno.EIO))

    async def main() -> None:
        async with client_of(sandbox) as client:
            upload: Callable[[], Any] = lambda: client.images.upload(large(), mime_type="image/png")  # noqa: E731
            if problem is None:
                await upload()
            else:
                with pytest.raises(UploadSourceError, match=problem):
                    await upload()

    run(main, "asyncio")
    assert [file.closed for file in made] == [True]


def test_a_missing_folder_for_temporary_files_is_a_failure_of_the_source(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")

    async def main() -> None:
        async with client_of(sandbox) as client:
            with pytest.raises(UploadSourceError, match="cannot write a temporary file: No such file"):
                await client.images.upload(pieces(2 * CHUNK_SIZE), mime_type="image/png")

    run(main, "asyncio")


@BACKENDS
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_folder_with_no_files_of_this_process_fails_the_item_and_is_named(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, backend: str, code: int
) -> None:
    made = failing_files(monkeypatch, lambda: FailingFile("write", code))

    async def main() -> None:
        async with client_of(sandbox) as client:
            with pytest.raises(UploadSourceError, match=f"the folder '{tempfile.gettempdir()}' is full"):
                await client.images.upload(large(), mime_type="image/png")

    run(main, backend)
    assert [file.closed for file in made] == [True]
    assert not spool._on_disk
    assert not spool._waiting


class Disk:
    """A folder that can hold this many bytes."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.refused = 0
        self.lock = threading.Lock()  # several threads write at once

    def file(self) -> FailingFile:
        disk = self

        class File(FailingFile):
            size = 0

            def write(self, content: memoryview) -> int:
                with disk.lock:
                    taken = min(len(content), disk.room)
                    if not taken:
                        disk.refused += 1
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    disk.room -= taken
                self.size += taken
                return super().write(content[:taken])

            def close(self) -> None:
                with disk.lock:
                    disk.room += self.size
                self.size = 0
                super().close()

        return File("", 0)


@BACKENDS
def test_uploads_wait_for_space_that_others_free(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    monkeypatch.setattr(spool, "PAUSE", 0.01)
    content = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8192
    disk = Disk(len(content) + 500_000)
    failing_files(monkeypatch, disk.file)

    async def source() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 65_536):
            yield content[start : start + 65_536]
            # The end of each waits until a thread found no room.
            while start + 131_072 >= len(content) and not disk.refused:  # noqa: ASYNC110
                await anyio.sleep(0.001)

    async def main() -> None:
        stored = []
        async with (
            client_of(sandbox, concurrency=4) as client,
            client.images.upload_many(
                UploadItem(source(), mime_type="image/png") for _ in range(4)
            ) as outcomes,
        ):
            async for outcome in outcomes:
                assert outcome.error is None
                stored.append(outcome)
        assert len(stored) == 4

    run(main, backend)
    assert disk.refused
    assert not spool._on_disk | spool._in_memory | spool._waiting


def test_an_upload_waits_for_descriptors_for_its_temporary_file(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "PAUSE", 0.01)
    lacks = [OSError(errno.EMFILE, "Too many open files") for _ in range(3)]
    made = failing_files(monkeypatch, lambda: lacks.pop() if lacks else FailingFile("", 0))

    async def main() -> None:
        async with client_of(sandbox) as client:
            await client.images.upload(large(), mime_type="image/png")

    run(main, "asyncio")
    assert not lacks
    assert len(made) == 1


def test_a_partial_write_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failing_files(monkeypatch, lambda: FailingFile("", 0, most=1000))
    one = spool.Spool()
    for start in range(0, 3 * CHUNK_SIZE, CHUNK_SIZE):
        one.write(bytes([start // CHUNK_SIZE]) * CHUNK_SIZE)
    one.rewind()
    assert one.file.read() == b"".join(bytes([number]) * CHUNK_SIZE for number in range(3))
    one.discard()
