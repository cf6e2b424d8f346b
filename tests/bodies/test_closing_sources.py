"""Whatever an upload opens is closed, and the upload waits for it."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from anyio import to_thread

from imgwire_async import (
    UploadSourceError,
)
from imgwire_async.bodies.sources import open_source
from imgwire_async.core.concurrency.threads import ExclusiveThread
from imgwire_async.sandbox import Sandbox
from tests.bodies.running import BACKENDS, run
from tests.bodies.slow import (
    CONTENT,
    LONGER,
    Resource,
    Slow,
    SlowFile,
    cancelled_while_slow,
    does_not_end,
    until,
)
from tests.clients import client_of

pytestmark = pytest.mark.usefixtures("limits")


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
def test_an_upload_waits_until_a_slow_generator_is_closed_and_raises_its_error(
    sandbox: Sandbox, slow: Slow, backend: str
) -> None:
    slow.next = "close"

    def generate() -> Iterator[bytes]:
        try:
            yield CONTENT
            yield b""
        finally:
            with slow.use("close"):
                raise OSError("cannot be closed")

    async def upload() -> None:
        async with client_of(sandbox) as client:
            with pytest.raises(UploadSourceError, match="cannot be closed"):
                await client.images.upload(generate, size=len(CONTENT), mime_type="image/jpeg")

    run(lambda: does_not_end(slow, upload), backend)


@BACKENDS
@pytest.mark.parametrize("kind", ["resource", "function"])
def test_a_file_that_an_abandoned_thread_opens_is_closed(
    sandbox: Sandbox, slow: Slow, backend: str, kind: str
) -> None:
    file = SlowFile(slow)
    resource = Resource(slow, file)
    slow.next = "open"

    async def main() -> None:
        async with client_of(sandbox) as client:
            source: Any = resource if kind == "resource" else partial(resource.open, "rb")
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

    async def main() -> None:
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
@pytest.mark.parametrize("kind", ["resource", "function"])
def test_a_file_opened_by_an_upload_that_is_cancelled_while_it_waits_is_closed(
    sandbox: Sandbox, tmp_path: Path, backend: str, kind: str
) -> None:
    """It shares its position with a file that another upload reads."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(CONTENT)
    opened: list[Any] = []

    async def main() -> None:
        begun, finish = anyio.Event(), anyio.Event()

        async def hold(_: object) -> None:
            begun.set()
            await finish.wait()

        def open_again() -> Any:
            opened.append(os.fdopen(os.dup(file.fileno()), "rb"))
            return opened[-1]

        class Again:
            name = "photo.jpg"

            def open(self, _: str) -> Any:
                return open_again()

            def read_bytes(self) -> bytes:
                raise AssertionError

        async with client_of(sandbox) as client, anyio.create_task_group() as tasks:
            tasks.start_soon(partial(client.images.upload, file, on_progress=hold))
            await begun.wait()
            async with anyio.create_task_group() as others:
                source: Any = Again() if kind == "resource" else open_again
                others.start_soon(partial(client.images.upload, source))
                await until(lambda: bool(opened))
                await anyio.sleep(0.05)
                others.cancel_scope.cancel()
            await until(lambda: opened[0].closed)
            finish.set()

    with path.open("rb", buffering=0) as file:
        run(main, backend)


def test_a_file_that_a_function_returns_is_closed_whatever_its_iterator_is(sandbox: Sandbox) -> None:
    class Chunked(SlowFile):
        def __iter__(self) -> Iterator[bytes]:
            return iter(partial(self.read, 1000), b"")

    class Broken(SlowFile):
        def __iter__(self) -> Iterator[bytes]:
            raise OSError("cannot be iterated")

    async def main() -> None:
        async with client_of(sandbox) as client:
            file: Any = Chunked(Slow())
            await client.images.upload(lambda: file, mime_type="image/jpeg")
            assert file.closed
            broken: Any = Broken(Slow())
            with pytest.raises(UploadSourceError, match="cannot be iterated"):
                await client.images.upload(lambda: broken)
            assert broken.closed

    run(main, "asyncio")


def test_a_generator_is_closed_before_the_file_that_it_reads() -> None:
    content = CONTENT * 60
    events = []

    class Rewinding(io.BytesIO):
        def __iter__(self) -> Iterator[bytes]:
            try:
                while piece := self.read(100_000):
                    yield piece
            finally:
                events.append(f"generator closed, file {'closed' if self.closed else 'open'}")

        def close(self) -> None:
            super().close()
            events.append("file closed")

    async def main() -> None:
        file: Any = Rewinding(content)
        async with open_source(lambda: file, size=len(content)):
            pass
        assert events == ["generator closed, file open", "file closed"]

    run(main, "asyncio")


def test_an_async_file_that_a_resource_opens_is_closed(sandbox: Sandbox) -> None:
    class AsyncFile:
        closed = False

        def __init__(self) -> None:
            self._file = io.BytesIO(CONTENT)

        async def read(self, size: int) -> bytes:
            return self._file.read(size)

        def close(self) -> None:
            self.closed = True

    file: Any = AsyncFile()

    async def main() -> None:
        async with client_of(sandbox) as client:
            await client.images.upload(Resource(Slow(), file))

    run(main, "asyncio")
    assert file.closed


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_object_is_in_use_until_a_thread_has_closed_it(
    monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    """Its own thread, because all others are in use."""
    waiting: list[threading.Thread] = []
    closed = threading.Event()

    async def main() -> None:
        full = anyio.CapacityLimiter(1)
        full.acquire_on_behalf_of_nowait(object())
        thread = ExclusiveThread(lambda: full, patience=0.05)
        with anyio.CancelScope() as scope:
            scope.cancel()
            with monkeypatch.context() as delayed:
                delayed.setattr(threading.Thread, "start", lambda thread: waiting.append(thread))
                await thread.end(closed.set)
        assert thread.is_used
        assert not closed.is_set()
        (started,) = waiting
        started.start()
        await until(lambda: not thread.is_used)
        assert closed.is_set()

    run(main, backend)


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
