"""Open files as targets, sync and async; unusable ones are rejected before any request."""

from __future__ import annotations

import asyncio
import codecs
import errno
import gzip
import io
import os
import re
import sys
import tempfile
import threading
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiofiles
import anyio
import numpy as np
import pytest
from starlette.datastructures import UploadFile

from imgwire_async import (
    DeadlineExceededError,
    DownloadInterruptedError,
    DownloadTargetError,
    InvalidArgumentError,
)
from tests.clients import client_of
from tests.downloads.file_host import CONTENT, Step, file_host, job_at
from tests.hangs import HANGS

CHANGED = Step(content=CONTENT[:1000], validators=(), ranges="ignored")


async def download(to: object, *steps: Step, asked: bool = True) -> None:
    with file_host(*(steps or (Step(),))) as server:
        try:
            async with client_of(server) as client:
                await client.images.download_archive(job_at(f"{server.base_url}/a.zip"), to=to)  # type: ignore[call-overload]
        finally:
            assert bool(server.heads) == asked


async def test_a_file_of_anyio_is_written_at_its_position_and_stays_open(tmp_path: Path) -> None:
    async with await anyio.open_file(tmp_path / "a", "wb") as file:
        await file.write(b"before ")
        await download(file)
        await file.write(b" after")
    assert (tmp_path / "a").read_bytes() == b"before " + CONTENT + b" after"


async def test_a_file_of_aiofiles_is_written_at_its_position_and_stays_open(tmp_path: Path) -> None:
    async with aiofiles.open(tmp_path / "a", "wb") as file:
        await file.write(b"before ")
        await download(file)
        await file.write(b" after")
    assert (tmp_path / "a").read_bytes() == b"before " + CONTENT + b" after"


async def test_a_form_file_of_starlette_is_written_and_stays_open() -> None:
    file = UploadFile(io.BytesIO(), filename="a")
    await download(file)
    await file.seek(0)
    assert await file.read() == CONTENT


async def test_async_files_work_on_trio(tmp_path: Path) -> None:
    async def main() -> None:
        async with await anyio.open_file(tmp_path / "a", "wb") as file:
            await download(file)

    await anyio.to_thread.run_sync(lambda: anyio.run(main, backend="trio"))
    assert (tmp_path / "a").read_bytes() == CONTENT


class AsyncWriteOnly:
    """Has only an async `write`, which may write less than it is given."""

    def __init__(self, at_once: int | None = None) -> None:
        self.taken = bytearray()
        self._at_once = at_once

    async def write(self, data: bytes) -> int | None:
        part = data[: self._at_once]
        self.taken += part
        return None if self._at_once is None else len(part)


@pytest.mark.parametrize("at_once", [None, 10_000])
async def test_an_object_with_an_async_write_is_accepted(at_once: int | None) -> None:
    file = AsyncWriteOnly(at_once)
    await download(file)
    assert bytes(file.taken) == CONTENT


@pytest.mark.parametrize("library", ["anyio", "aiofiles"])
async def test_an_async_file_is_truncated_when_the_download_restarts(library: str, tmp_path: Path) -> None:
    opened = anyio.open_file if library == "anyio" else aiofiles.open
    broken = Step(content=CONTENT * 8, after=len(CONTENT) * 7)
    file: Any = await opened(tmp_path / "a", "wb")
    await file.write(b"before ")
    await download(file, broken, CHANGED)
    await (file.aclose() if library == "anyio" else file.close())
    assert (tmp_path / "a").read_bytes() == b"before " + CONTENT[:1000]


async def test_a_file_that_cannot_be_truncated_ends_with_an_error() -> None:
    broken = Step(content=CONTENT * 8, after=len(CONTENT) * 7)
    with pytest.raises(DownloadInterruptedError):
        await download(AsyncWriteOnly(), broken, CHANGED)


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.open("wb"),
        lambda path: path.open("wb", buffering=0),
        lambda path: path.open("r+b"),
        lambda path: path.open("ab"),
        lambda path: gzip.open(path, "wb"),  # noqa: SIM115
        lambda path: zipfile.ZipFile(path, "w").open("member", "w"),  # noqa: SIM115
        lambda _: tempfile.TemporaryFile(),  # noqa: SIM115
        lambda _: tempfile.NamedTemporaryFile(),  # noqa: SIM115
        lambda _: tempfile.SpooledTemporaryFile(max_size=1000),  # noqa: SIM115
        lambda _: io.BytesIO(),
    ],
    ids=["wb", "raw", "r+b", "ab", "gzip", "zip", "temporary", "named", "spooled", "memory"],
)
async def test_every_binary_file_is_accepted(make: Callable[[Path], Any], tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    file = make(tmp_path / "a")
    await download(file)
    file.close()


SHARED: dict[str, Callable[[Path], tuple[Any, Any]]] = {
    "memory": lambda _: (file := io.BytesIO(), file),
    "file": lambda path: (file := path.open("w+b"), file),
    "wrapped": lambda path: (file := path.open("w+b", buffering=0), io.BufferedWriter(file)),
    "same descriptor": lambda path: (file := path.open("w+b"), open(file.fileno(), "ab", closefd=False)),  # noqa: SIM115
    "form file": lambda _: (file := io.BytesIO(), UploadFile(file)),
}


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("shared", SHARED)
def test_downloads_to_one_file_take_turns(shared: str, backend: str, tmp_path: Path) -> None:
    parts = [bytes([number]) * 4_000_000 for number in range(2)]  # several blocks each

    async def fetch(content: bytes, to: Any) -> None:
        with file_host(Step(content=content)) as server:
            async with client_of(server) as client:
                await client.images.download_archive(job_at(f"{server.base_url}/a.zip"), to=to)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for content, file in zip(parts, files, strict=True):
                tasks.start_soon(fetch, content, file)

    files = SHARED[shared](tmp_path / "a")
    anyio.run(main, backend=backend)
    files[0].seek(0)
    content = files[0].read()
    for file in files:
        getattr(file, "file", file).close()
    assert content in {parts[0] + parts[1], parts[1] + parts[0]}


def test_a_second_event_loop_cannot_download_to_the_same_file() -> None:
    begun, finish = threading.Event(), threading.Event()

    class Held(io.BytesIO):
        def write(self, data: Any) -> int:
            begun.set()
            finish.wait(60)
            return super().write(data)

    file = Held()
    thread = threading.Thread(target=asyncio.run, args=(download(file),))
    thread.start()
    assert begun.wait(60)
    with pytest.raises(DownloadTargetError, match="another event loop"):
        asyncio.run(download(file, asked=False))
    finish.set()
    thread.join(60)
    asyncio.run(download(file))
    assert file.getvalue() == CONTENT * 2


class WriteOnly:
    def write(self, data: bytes) -> int:
        return len(data)


class SaysItReads(WriteOnly):
    mode = "rb"

    def flush(self) -> None: ...


def closed(file: Any) -> Any:
    file.close()
    return file


class NumberPath(os.PathLike[str]):
    def __fspath__(self) -> str:
        return 7  # type: ignore[return-value]


REFUSED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "text": (lambda path: path.open("w"), "text mode"),
    "temporary text": (lambda _: tempfile.NamedTemporaryFile("w"), "text mode"),  # noqa: SIM115
    "text in memory": (lambda _: io.StringIO(), "text mode"),
    "stdout": (lambda _: io.TextIOWrapper(io.BytesIO()), "text mode"),
    "closed": (lambda path: closed(path.open("wb")), "closed"),
    "closed memory": (lambda _: closed(io.BytesIO()), "closed"),
    "closed temporary": (lambda _: closed(tempfile.NamedTemporaryFile()), "closed"),  # noqa: SIM115
    "closed form file": (lambda _: UploadFile(closed(io.BytesIO())), "closed"),
    "for reading": (lambda path: path.open("rb"), "reading only"),
    "raw for reading": (lambda path: path.open("rb", buffering=0), "reading only"),
    "mode for reading": (lambda _: SaysItReads(), "reading only"),
    "write and nothing else": (lambda _: WriteOnly(), "WriteOnly has write"),
    "number": (lambda _: 1, "got int"),
    "bytes": (lambda _: b"path", "got bytes"),
    "list": (lambda _: [], "got list"),
    "class": (lambda _: io.BytesIO, "got type"),
    "text of a codec": (lambda _: codecs.getwriter("utf-8")(io.BytesIO()), "text mode"),
    "path that is a number": (lambda _: NumberPath(), "must be a path"),
    "empty path": (lambda _: "", "empty path"),
}


@pytest.mark.parametrize(("make", "reason"), REFUSED.values(), ids=REFUSED)
async def test_unusable_files_are_rejected_before_any_request(
    make: Callable[[Path], Any], reason: str, tmp_path: Path
) -> None:
    (tmp_path / "a").touch()
    file = make(tmp_path / "a")
    with pytest.raises(InvalidArgumentError, match=reason) as caught:
        await download(file, asked=False)
    assert caught.value.operation == "images.download_archive"
    if hasattr(file, "close") and not isinstance(file, type | UploadFile):
        file.close()


async def of_anyio(path: Path, mode: Any) -> Any:
    return await anyio.open_file(path, mode)


async def of_aiofiles(path: Path, mode: Any) -> Any:
    return await aiofiles.open(path, mode)


@pytest.mark.parametrize("opened", [of_anyio, of_aiofiles])
@pytest.mark.parametrize(("mode", "reason"), [("w", "text mode"), ("rb", "reading only"), ("wb", "closed")])
async def test_unusable_async_files_are_rejected_before_any_request(
    opened: Callable[[Path, str], Awaitable[Any]], mode: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "a").touch()
    file = await opened(tmp_path / "a", mode)
    close = file.aclose if opened is of_anyio else file.close
    if reason == "closed":
        await close()
    with pytest.raises(InvalidArgumentError, match=reason):
        await download(file, asked=False)
    await close()


async def test_a_stream_writer_of_asyncio_is_rejected_before_any_request() -> None:
    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        with pytest.raises(InvalidArgumentError, match="StreamWriter"):
            await download(writer, asked=False)
        writer.close()


class Failing(io.BytesIO):
    """Raises in one of its methods."""

    def __init__(self, method: str, error: Exception) -> None:
        super().__init__()
        self._error = error
        setattr(self, method, self._fail)

    def _fail(self, *_: object) -> int:
        raise self._error


@pytest.mark.parametrize("method", ["write", "flush", "tell", "seekable"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), ValueError("odd"), RuntimeError("own")])
async def test_an_exception_of_a_file_is_a_typed_error_with_its_cause(method: str, error: Exception) -> None:
    with pytest.raises(DownloadTargetError) as caught:
        await download(Failing(method, error))
    assert caught.value.__cause__ is error
    assert caught.value.errno == getattr(error, "errno", None)


class Counting:
    """A file whose `write` returns what a test specifies."""

    def __init__(self, counts: Callable[[bytes], Any]) -> None:
        self._counts = counts

    def write(self, data: bytes) -> object:
        return self._counts(bytes(data))

    def flush(self) -> None: ...


class AsyncCounting(Counting):
    async def write(self, data: bytes) -> object:
        return super().write(data)


@pytest.mark.parametrize("kind", [Counting, AsyncCounting])
@pytest.mark.parametrize("count", [-1, True, "7", 1.5, b""], ids=repr)
async def test_a_write_that_returns_no_count_is_a_typed_error(kind: type[Counting], count: object) -> None:
    with pytest.raises(DownloadTargetError, match=re.escape(f"its write() returned {count!r}")):
        await download(kind(lambda _: count))


async def test_a_count_may_be_any_kind_of_whole_number() -> None:
    taken: list[bytes] = []

    def count(data: bytes) -> np.int64:
        taken.append(data[:10_000])
        return np.int64(len(taken[-1]))

    await download(Counting(count))
    assert b"".join(taken) == CONTENT


async def test_an_async_write_may_be_any_async_callable() -> None:
    class Write:
        async def __call__(self, data: bytes) -> None:
            taken.extend(data)

    taken = bytearray()
    await download(SimpleNamespace(write=Write()))
    assert taken == CONTENT


async def test_a_write_that_only_returns_an_awaitable_is_a_typed_error() -> None:
    with pytest.raises(DownloadTargetError, match="an async write must be an async function"):
        await download(Counting(lambda _: asyncio.sleep(0)))


class Odd(Counting):
    """A file that raises its own exception when an attribute is read."""

    def __init__(self, attribute: str) -> None:
        self._odd = attribute

    @property
    def closed(self) -> bool:
        if self._odd == "closed":
            raise ZeroDivisionError
        return False

    def writable(self) -> bool:
        raise ZeroDivisionError


@pytest.mark.parametrize("attribute", ["closed", "writable"])
async def test_an_exception_while_a_file_is_inspected_is_a_typed_error(attribute: str) -> None:
    with pytest.raises(DownloadTargetError) as caught:
        await download(Odd(attribute), asked=False)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


async def test_an_exception_of_an_async_file_is_a_typed_error() -> None:
    class Full:
        async def write(self, data: bytes) -> int:  # noqa: ARG002
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(DownloadTargetError, match="No space left") as caught:
        await download(Full())
    assert caught.value.errno == errno.ENOSPC


async def test_a_file_that_is_closed_during_the_download_is_a_typed_error() -> None:
    class Closing(io.BytesIO):
        def tell(self) -> int:
            self.close()
            return super().tell()

    with pytest.raises(DownloadTargetError, match="closed"):
        await download(Closing())


async def test_standard_output_gets_the_bytes(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with open(os.dup(1), "wb") as stdout:  # noqa: ASYNC230, PTH123 - a descriptor
        await download(stdout)
    assert capfdbinary.readouterr().out == CONTENT
    assert not sys.stdout.closed


class HangingTarget:
    """An async file whose `write` hangs."""

    async def write(self, data: bytes) -> None:  # noqa: ARG002
        await anyio.sleep_forever()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_deadline_applies_to_an_async_file_that_accepts_nothing(backend: str) -> None:
    async def check(server: Any) -> None:
        async with client_of(server) as client:
            job = job_at(f"{server.base_url}/a.zip")
            with pytest.raises(DeadlineExceededError), anyio.fail_after(HANGS):
                await client.with_options(deadline=0.2).images.download_archive(job, to=HangingTarget())

    with file_host(Step()) as server:
        anyio.run(check, server, backend=backend)


async def test_the_deadline_applies_to_a_pipe_that_nobody_reads() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as reader, os.fdopen(writing, "wb", buffering=0) as file:
        with file_host(Step(content=bytes(1_000_000))) as server:
            async with client_of(server) as client:
                job = job_at(f"{server.base_url}/a.zip")
                with pytest.raises(DeadlineExceededError), anyio.fail_after(HANGS):
                    await client.with_options(deadline=0.2).images.download_archive(job, to=file)
        while len(reader.read1(1_000_000)) == 65536:  # releases the thread that is still writing
            pass
