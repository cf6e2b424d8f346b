"""An upload closes what it opened, even if no thread is free for this in time."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from imgwire_async.bodies import base, spool
from imgwire_async.bodies.base import CHUNK_SIZE
from imgwire_async.bodies.sources import open_source
from imgwire_async.core.concurrency.threads import ExclusiveThread
from imgwire_async.core.concurrency.workers import _Workers
from tests.hangs import HANGS

BACKENDS = ["asyncio", "trio"]
CONTENT = bytes(3 * CHUNK_SIZE)


class Kind:
    """A source, and whether the end of an upload has released it."""

    def __init__(self, source: Any, is_released: Callable[[], bool]) -> None:
        self.source = source
        self.is_released = is_released


def a_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Kind:
    (folder / "photo.png").write_bytes(CONTENT)
    opened = []

    def recording(*arguments: Any, **options: Any) -> Any:
        opened.append(open(*arguments, **options))  # noqa: PTH123, SIM115
        return opened[-1]

    monkeypatch.setattr("imgwire_async.bodies.paths.open", recording, raising=False)
    return Kind(folder / "photo.png", lambda: opened[0].closed)


def an_open_file(_: Path, __: pytest.MonkeyPatch) -> Kind:
    file = io.BytesIO(b"before" + CONTENT)
    file.seek(6)
    return Kind(file, lambda: file.tell() == 6)


def an_async_generator(_: Path, __: pytest.MonkeyPatch) -> Kind:
    async def generate() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield bytes(CHUNK_SIZE)

    return Kind(generate(), lambda: not spool._on_disk)


def a_generator(_: Path, __: pytest.MonkeyPatch) -> Kind:
    closed = []

    def generate() -> Iterator[bytes]:
        try:
            while True:
                yield CONTENT
        finally:
            closed.append(True)

    return Kind(partial(generate), lambda: bool(closed))


KINDS = [a_path, an_open_file, an_async_generator, a_generator]


async def begin(kind: Kind, ending: Callable[[], object]) -> None:
    """Begin to read a source, call `ending`, and end the upload."""
    size = len(CONTENT) * 2 if kind.source.__class__ is partial else None
    async with open_source(kind.source, size=size) as source, source.open() as chunks:
        await anext(chunks)
        await anext(chunks)
        ending()


def assert_released(kind: Kind) -> None:
    end = time.monotonic() + HANGS
    while not kind.is_released():
        assert time.monotonic() < end, "it was never released"
        time.sleep(0.01)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("make", KINDS)
def test_a_source_is_released_although_the_program_uses_all_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[..., Kind], backend: str
) -> None:
    monkeypatch.setattr(base, "CLOSING_SECONDS", 0.05)

    async def scenario() -> None:
        kind = make(tmp_path, monkeypatch)
        await begin(kind, use_all_threads)
        await to_thread.run_sync(assert_released, kind, limiter=anyio.CapacityLimiter(1))

    def use_all_threads() -> None:
        # As handlers of a web framework that are not async do. The limiter for disks is full too.
        for limiter in (to_thread.current_default_thread_limiter(), base.disk_threads()):
            while limiter.available_tokens:
                limiter.acquire_on_behalf_of_nowait(object())

    anyio.run(scenario, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("make", KINDS)
def test_a_source_is_released_although_no_thread_can_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[..., Kind], backend: str
) -> None:
    monkeypatch.setattr(base, "CLOSING_SECONDS", 0.05)

    def fail(*_: object, **__: object) -> Any:
        raise RuntimeError("can't start new thread")

    def stop_threads() -> None:
        monkeypatch.setattr(threading.Thread, "start", fail)
        monkeypatch.setattr(to_thread, "run_sync", fail)
        monkeypatch.setattr(_Workers, "start", fail)

    async def scenario() -> None:
        kind = make(tmp_path, monkeypatch)
        await begin(kind, stop_threads)
        monkeypatch.undo()
        await to_thread.run_sync(assert_released, kind)

    anyio.run(scenario, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_a_busy_thread_reads_is_closed_once_and_only_after_the_read(backend: str) -> None:
    reading, goes_on, events = threading.Event(), threading.Event(), list[str]()
    closed = threading.Event()

    def read() -> None:
        reading.set()
        goes_on.wait(HANGS)
        events.append("read")

    def close() -> None:
        events.append("closed")
        closed.set()

    async def scenario() -> None:
        thread = ExclusiveThread(patience=0.05)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(thread.run, read)
            await to_thread.run_sync(reading.wait, HANGS)
            tasks.cancel_scope.cancel()
        await thread.end(close)
        await thread.end(close)
        assert not events
        goes_on.set()
        assert await to_thread.run_sync(closed.wait, HANGS)
        await thread.end(close)
        assert events == ["read", "closed"]

    anyio.run(scenario, backend=backend)
