"""A source that is slow when its upload ends: the call waits for it, or the next upload does."""

from __future__ import annotations

import asyncio
import hashlib
import io
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from anyio import to_thread

from imgwire_async import (
    APITimeoutError,
    AsyncImgwireClient,
    DownloadTargetError,
    UploadSourceError,
)
from imgwire_async.bodies import base, in_use
from imgwire_async.bodies.sources import open_source
from imgwire_async.core.concurrency.threads import ExclusiveThread
from imgwire_async.sandbox import Sandbox
from tests.bodies.running import BACKENDS, run
from tests.clients import client_of
from tests.hangs import HANGS

CONTENT = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 40
HASH = hashlib.sha256(CONTENT).hexdigest()
BEFORE = b"something else"

LONGER = 0.4
"""Seconds that are longer than a call waits for a source that still reads."""


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "CLOSING_SECONDS", 0.05)


class Slow:
    """Something that one thread at a time may use, and whose next use of a method waits for the test."""

    def __init__(self) -> None:
        self.began, self.goes_on = threading.Event(), threading.Event()
        self.next: str | None = None
        self.uses = 0
        self.is_mixed = False
        self._users = 0

    @contextmanager
    def use(self, method: str) -> Iterator[None]:
        self.uses += 1
        self.is_mixed |= self._users > 0
        self._users += 1
        try:
            if method == self.next:
                self.next = None
                self.began.set()
                assert self.goes_on.wait(HANGS)
            yield
        finally:
            self._users -= 1

    async def has_begun(self) -> None:
        assert await to_thread.run_sync(self.began.wait, HANGS)


class SlowFile(io.BytesIO):
    """A file whose next call of a method may be slow, positioned where the image begins."""

    def __init__(self, slow: Slow) -> None:
        super().__init__(BEFORE + CONTENT)
        super().seek(len(BEFORE))
        self.slow = slow

    def read(self, size: int | None = -1) -> bytes:
        with self.slow.use("read"):
            return super().read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        with self.slow.use("seek"):
            return super().seek(offset, whence)

    def tell(self) -> int:
        with self.slow.use("tell"):
            return super().tell()

    def write(self, data: Any) -> int:
        with self.slow.use("write"):
            return super().write(data)

    def close(self) -> None:
        with self.slow.use("close"):
            super().close()


class SlowIterator:
    """An iterator in memory, which may be advanced by one thread at a time."""

    def __init__(self, slow: Slow) -> None:
        self.slow = slow
        self._pieces = iter([CONTENT[:100], CONTENT[100:]])

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        with self.slow.use("read"):
            return next(self._pieces)


class Resource:
    """Something that has no path but can be opened, such as a member of a zip archive."""

    name = "photo.jpg"

    def __init__(self, slow: Slow, file: SlowFile) -> None:
        self._slow = slow
        self._file = file

    def open(self, _: str) -> SlowFile:
        with self._slow.use("open"):
            return self._file

    def read_bytes(self) -> bytes:
        raise AssertionError


@pytest.fixture
def slow() -> Iterator[Slow]:
    slow = Slow()
    yield slow
    slow.goes_on.set()


async def cancelled_while_slow(slow: Slow, upload: Callable[[], Any]) -> None:
    """Begin a call, and cancel it once the source is slow."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(upload)
        await slow.has_begun()
        tasks.cancel_scope.cancel()


async def does_not_end(slow: Slow, work: Callable[[], Any]) -> None:
    """Run a call, and assert that it does not end before the source, which is slow, goes on."""
    ended = False

    async def until_ended() -> None:
        nonlocal ended
        await work()
        ended = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(until_ended)
        await slow.has_begun()
        await anyio.sleep(LONGER)
        assert not ended
        slow.goes_on.set()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - threads set no event of the loop
        await anyio.sleep(0.01)


async def stored_hash(client: AsyncImgwireClient, source: Any, **options: Any) -> str | None:
    image = await client.images.upload(source, file_name="photo.jpg", **options)
    return str((await client.images.retrieve(image.id)).hash_sha256)


@BACKENDS
def test_an_upload_returns_only_once_its_file_is_back_at_its_position(
    sandbox: Sandbox, slow: Slow, backend: str
) -> None:
    file = SlowFile(slow)

    async def upload() -> None:
        def when_sent(progress: Any) -> None:
            slow.next = "seek" if progress.sent == progress.total else None

        async with client_of(sandbox) as client:
            await client.images.upload(file, on_progress=when_sent)
        assert file.tell() == len(BEFORE)

    run(lambda: does_not_end(slow, upload), backend)
    assert not slow.is_mixed


@BACKENDS
@pytest.mark.parametrize("kind", [SlowFile, SlowIterator])
def test_the_next_upload_waits_for_a_thread_that_a_cancelled_one_has_left(
    sandbox: Sandbox, slow: Slow, backend: str, kind: Callable[[Slow], Any]
) -> None:
    async def main() -> None:
        async with client_of(sandbox) as client:
            source = kind(slow)
            slow.next = "read"
            await cancelled_while_slow(slow, partial(client.images.upload, source, file_name="photo.jpg"))

            async def again() -> None:
                found = await stored_hash(client, source)
                # The cancelled upload has taken a part of the iterator.
                assert (found == HASH) is (kind is SlowFile)

            before = slow.uses
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(again)
                await anyio.sleep(LONGER)
                assert slow.uses == before
                slow.goes_on.set()
            if kind is SlowFile:
                assert source.tell() == len(BEFORE)

    run(main, backend)
    assert not slow.is_mixed
    assert not in_use._UPLOADS.uses


@BACKENDS
def test_a_thread_that_does_not_return_ends_the_next_upload_with_a_timeout(
    sandbox: Sandbox, slow: Slow, backend: str
) -> None:
    async def main() -> None:
        async with client_of(sandbox) as client:
            file = SlowFile(slow)
            slow.next = "read"
            await cancelled_while_slow(slow, partial(client.images.upload, file))
            before = slow.uses
            with pytest.raises(APITimeoutError, match="an earlier upload of it has ended") as caught:
                await client.with_options(timeout=0.2).images.upload(file)
            assert not caught.value.may_have_acted
            assert slow.uses == before
            slow.goes_on.set()
            assert await stored_hash(client, file) == HASH

    run(main, backend)


def test_a_thread_left_by_an_event_loop_that_was_closed_is_waited_for(sandbox: Sandbox, slow: Slow) -> None:
    file = SlowFile(slow)
    slow.next = "read"

    async def cancelled() -> None:
        async with client_of(sandbox) as client:
            await cancelled_while_slow(slow, partial(client.images.upload, file))

    async def again() -> None:
        async with client_of(sandbox) as client, anyio.create_task_group() as tasks:
            before = slow.uses

            async def upload() -> None:
                assert await stored_hash(client, file) == HASH

            tasks.start_soon(upload)
            await anyio.sleep(LONGER)
            assert slow.uses == before
            slow.goes_on.set()

    asyncio.run(cancelled())
    asyncio.run(again())
    assert not slow.is_mixed


@BACKENDS
def test_an_async_file_that_seeks_slowly_is_returned_to_its_position(sandbox: Sandbox, backend: str) -> None:
    class File:
        """An async file whose position changes only at the end of a seek."""

        def __init__(self) -> None:
            self._file = io.BytesIO(BEFORE + CONTENT)
            self._file.seek(len(BEFORE))
            self.pause = 0.0

        async def read(self, size: int) -> bytes:
            return self._file.read(size)

        async def tell(self) -> int:
            return self._file.tell()

        async def seek(self, offset: int, whence: int = 0) -> int:
            await anyio.sleep(self.pause)
            return self._file.seek(offset, whence)

    async def main() -> None:
        file = File()

        def when_sent(progress: Any) -> None:
            file.pause = LONGER if progress.sent == progress.total else 0

        async with client_of(sandbox) as client:
            await client.images.upload(file, on_progress=when_sent)
        assert await file.tell() == len(BEFORE)

    run(main, backend)


@BACKENDS
@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_an_async_generator_may_take_its_time_to_close(
    sandbox: Sandbox, backend: str, size: int | None
) -> None:
    closed = []

    async def generate() -> AsyncIterator[bytes]:
        try:
            yield CONTENT
            yield b""
        finally:
            await anyio.sleep(LONGER)
            closed.append(True)

    async def main() -> None:
        async with client_of(sandbox) as client:
            await client.images.upload(generate(), size=size, mime_type="image/jpeg")
        assert closed

    run(main, backend)


@BACKENDS
def test_a_cancelled_call_closes_its_async_generator_but_does_not_wait_for_long(
    sandbox: Sandbox, backend: str
) -> None:
    events = []

    async def generate() -> AsyncIterator[bytes]:
        try:
            yield CONTENT
            events.append("waits")
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()
            events.append("closing")
            try:
                await anyio.sleep_forever()
            finally:
                events.append("closed")

    async def main() -> None:
        async with client_of(sandbox) as client, anyio.create_task_group() as tasks:
            tasks.start_soon(partial(client.images.upload, generate(), size=len(CONTENT) + 1))
            await until(lambda: bool(events))
            tasks.cancel_scope.cancel()

    run(main, backend)
    assert events == ["waits", "closing", "closed"]


@BACKENDS
def test_an_upload_waits_until_a_slow_generator_is_closed_and_raises_its_error(
    sandbox: Sandbox, slow: Slow, backend: str
) -> None:
    slow.next = "close"

    def generate() -> Iterator[bytes]:
        try:
            while True:
                yield CONTENT
        finally:
            with slow.use("close"):
                raise OSError("cannot be closed")

    async def upload() -> None:
        async with client_of(sandbox) as client:
            with pytest.raises(UploadSourceError) as caught:
                await client.images.upload(generate(), size=3)
        assert "size=3 is wrong" in str(caught.value) or "cannot be closed" in str(caught.value)

    run(lambda: does_not_end(slow, upload), backend)


@BACKENDS
@pytest.mark.parametrize("backward", [False, True])
def test_a_file_that_an_abandoned_thread_opens_is_closed(
    sandbox: Sandbox, slow: Slow, backend: str, *, backward: bool
) -> None:
    """Of a resource, and of a function that returns a file."""
    file = SlowFile(slow)
    resource = Resource(slow, file)
    slow.next = "open"

    async def main() -> None:
        async with client_of(sandbox) as client:
            source = partial(resource.open, "rb") if backward else resource
            await cancelled_while_slow(slow, partial(client.images.upload, source))
        assert not file.closed
        slow.goes_on.set()
        await until(lambda: file.closed)

    run(main, backend)


@BACKENDS
@pytest.mark.parametrize("kind", ["resource", "function"])
def test_a_file_that_an_abandoned_thread_reads_is_closed_after_the_read(
    sandbox: Sandbox, slow: Slow, backend: str, kind: str
) -> None:
    file = SlowFile(slow)
    slow.next = "read"

    class Lines(SlowFile):
        def __next__(self) -> bytes:
            with self.slow.use("read"):
                return super().readline()

    async def main() -> None:
        nonlocal file
        if kind == "function":
            file = Lines(slow)
        source: Any = Resource(slow, file) if kind == "resource" else lambda: file
        async with client_of(sandbox) as client:
            await cancelled_while_slow(slow, partial(client.images.upload, source))
        await anyio.sleep(LONGER)
        assert not file.closed
        slow.goes_on.set()
        await until(lambda: file.closed)

    run(main, backend)
    assert not slow.is_mixed


@BACKENDS
def test_a_file_that_was_opened_for_an_upload_is_closed_when_it_returns(
    sandbox: Sandbox, slow: Slow, backend: str
) -> None:
    file = SlowFile(slow)
    slow.next = "close"

    async def upload() -> None:
        async with client_of(sandbox) as client:
            await client.images.upload(Resource(slow, file))
        assert file.closed

    run(lambda: does_not_end(slow, upload), backend)


@BACKENDS
def test_the_next_download_waits_for_a_thread_that_a_cancelled_one_has_left(
    sandbox: Sandbox, slow: Slow, photo: Path, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = photo.read_bytes()

    async def main() -> None:
        file = SlowFile(slow)
        file.truncate(0)
        file.seek(0)
        async with client_of(sandbox) as client:
            image = await client.images.upload(photo, wait=True)

            async def download() -> None:
                await client.images.download(image.id, to=file)

            slow.next = "write"
            await cancelled_while_slow(slow, download)
            before = slow.uses
            with monkeypatch.context() as hurried:
                hurried.setattr(in_use, "LONGEST_WAIT", 0.2)
                with pytest.raises(DownloadTargetError, match="its write has not returned"):
                    await download()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(download)
                await anyio.sleep(LONGER)
                assert slow.uses == before
                slow.goes_on.set()
        assert file.getvalue() == content * 2  # one after the other

    run(main, backend)
    assert not slow.is_mixed


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_thread_that_reads_closes_the_file_if_no_other_can_be_started(
    slow: Slow, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    file = SlowFile(slow)

    def fail(*_: object, **__: object) -> Any:
        raise RuntimeError("can't start new thread")

    def read() -> None:
        file.read()

    async def main() -> None:
        thread = ExclusiveThread(patience=0.05)
        slow.next = "read"
        await cancelled_while_slow(slow, partial(thread.run, read))
        with monkeypatch.context() as no_threads:
            no_threads.setattr(threading.Thread, "start", fail)
            no_threads.setattr(to_thread, "run_sync", fail)
            await thread.end(file.close)
        assert thread.is_used
        slow.goes_on.set()
        await until(lambda: file.closed)

    run(main, backend)
    assert not slow.is_mixed


async def test_a_failure_of_closing_is_raised_although_a_thread_of_the_program_closes() -> None:
    def close() -> None:
        raise OSError("cannot be closed")

    async def read() -> None:
        async with open_source(source, size=len(CONTENT)) as opened, opened.open() as chunks:
            await anext(chunks)
            limiter = to_thread.current_default_thread_limiter()
            while limiter.available_tokens:
                limiter.acquire_on_behalf_of_nowait(object())

    def source() -> Iterator[bytes]:
        try:
            yield CONTENT[:-1]
            yield CONTENT[-1:]
        finally:
            close()

    with pytest.raises(UploadSourceError, match="cannot be closed"):
        await read()
