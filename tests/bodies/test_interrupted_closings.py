"""Closing a source neither delays nor hides a cancellation or a timeout."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any
from weakref import ref

import anyio
import anyio.lowlevel
import pytest

from imgwire_async import (
    APITimeoutError,
)
from imgwire_async.bodies import base, in_use
from imgwire_async.bodies.base import Patience
from imgwire_async.bodies.sources import open_source
from tests.bodies.running import BACKENDS, run
from tests.bodies.slow import (
    BEFORE,
    CONTENT,
    LONGER,
    Resource,
    Slow,
    SlowFile,
    until,
)
from tests.hangs import HANGS

pytestmark = pytest.mark.usefixtures("limits")


async def reading(source: Any, read: anyio.Event) -> None:
    """Open a source, read its beginning, and wait."""
    async with open_source(source, size=len(CONTENT)) as opened, opened.open() as chunks:
        await anext(chunks)
        read.set()
        await anyio.sleep_forever()


async def reading_file(file: Any, read: asyncio.Event) -> None:
    async with open_source(file) as opened, opened.open() as chunks:
        await anext(chunks)
        read.set()
        await asyncio.Event().wait()


async def cancelled_by_scope(work: Callable[[anyio.Event], Coroutine[Any, Any, None]]) -> None:
    async with anyio.create_task_group() as tasks:
        ready = anyio.Event()
        tasks.start_soon(work, ready)
        await ready.wait()
        tasks.cancel_scope.cancel()


async def cancelled_by_task(work: Callable[[anyio.Event], Coroutine[Any, Any, None]]) -> None:
    ready = anyio.Event()
    task = asyncio.create_task(work(ready))
    await ready.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await anyio.lowlevel.checkpoint()  # where a scope that has timed out says so


CANCELLED = pytest.mark.parametrize(
    ("backend", "cancelled"),
    [
        ("asyncio", cancelled_by_scope),
        ("asyncio", cancelled_by_task),
        ("uvloop", cancelled_by_task),
        ("trio", cancelled_by_scope),
    ],
)


@CANCELLED
def test_a_cancelled_call_gives_its_async_generator_a_moment_to_close(
    monkeypatch: pytest.MonkeyPatch, backend: str, cancelled: Callable[..., Awaitable[None]]
) -> None:
    monkeypatch.setattr(base, "CLOSING_SECONDS", HANGS)
    events = []

    async def generate() -> AsyncIterator[bytes]:
        try:
            yield CONTENT
        finally:
            await anyio.sleep(0.01)
            events.append("closed")

    run(lambda: cancelled(partial(reading, generate())), backend)
    assert events == ["closed"]


@CANCELLED
def test_a_cancelled_call_does_not_wait_for_an_async_generator_that_hangs(
    backend: str, cancelled: Callable[..., Awaitable[None]]
) -> None:
    async def generate() -> AsyncIterator[bytes]:
        try:
            yield CONTENT
        finally:
            await anyio.sleep_forever()

    run(lambda: cancelled(partial(reading, generate())), backend)


@CANCELLED
def test_a_cancelled_call_does_not_wait_for_a_thread_that_hangs(
    slow: Slow, backend: str, cancelled: Callable[..., Awaitable[None]]
) -> None:
    slow.next = "close"
    run(lambda: cancelled(partial(reading, Resource(slow, SlowFile(slow, b"")))), backend)
    assert slow.began.wait(HANGS)
    assert slow.is_used


class PatienceOf(Patience):
    """Patience that ends once a source is slow."""

    def __init__(self, slow: Slow) -> None:
        super().__init__(HANGS)
        self._slow = slow
        self._scope = anyio.CancelScope()

    @contextmanager
    def step(self) -> Iterator[None]:
        self._scope = anyio.CancelScope()
        with self._scope:
            yield
        if self._scope.cancelled_caught:
            raise APITimeoutError("out of patience", may_have_acted=False)

    async def end(self) -> None:
        await self._slow.has_begun()
        self._scope.cancel()


@BACKENDS
def test_an_upload_whose_read_hangs_does_not_wait_for_it(slow: Slow, backend: str) -> None:
    async def main() -> None:
        slow.next = "read"
        patience = PatienceOf(slow)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(patience.end)
            with pytest.raises(APITimeoutError, match="out of patience"):
                async with open_source(SlowFile(slow), patience=patience):
                    raise AssertionError

    run(main, backend)
    assert slow.is_used


@pytest.mark.parametrize("close_is", ["sync", "async"])
def test_an_earlier_cancellation_that_the_program_has_ignored_does_not_count(close_is: str) -> None:
    closed = []

    def generate() -> Iterator[bytes]:
        try:
            yield CONTENT
        finally:
            time.sleep(LONGER)
            closed.append(True)

    async def async_generate() -> AsyncIterator[bytes]:
        try:
            yield CONTENT
        finally:
            await anyio.sleep(LONGER)
            closed.append(True)

    async def main() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(HANGS)
        source = generate() if close_is == "sync" else async_generate()
        async with open_source(source, size=len(CONTENT)) as opened, opened.open() as chunks:
            await anext(chunks)
        assert closed

    async def scenario() -> None:
        task = asyncio.create_task(main())
        await asyncio.sleep(0)
        task.cancel()
        await task

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", ["generator", "resource", "function", "slow resource", "slow function"])
@pytest.mark.parametrize("limit", ["patience", "asyncio.timeout"])
def test_an_error_of_closing_does_not_replace_a_timeout(
    slow: Slow, monkeypatch: pytest.MonkeyPatch, kind: str, limit: str
) -> None:
    class Unclosable(SlowFile):
        def close(self) -> None:
            self.slow.goes_on.set()
            super().close()
            raise OSError("cannot be closed")

    def generate() -> Iterator[bytes]:
        try:
            yield CONTENT
            slow.began.set()
            slow.goes_on.wait(LONGER)
            yield CONTENT
        finally:
            raise OSError("cannot be closed")

    def source() -> Any:
        if kind == "generator":
            return generate()
        slow.next = "open" if kind.startswith("slow") else "read"
        resource = Resource(slow, Unclosable(slow))
        return partial(resource.open, "rb") if kind.endswith("function") else resource

    async def goes_on() -> None:
        await slow.has_begun()
        await anyio.sleep(LONGER)
        slow.goes_on.set()

    async def out_of_patience() -> None:
        patience = PatienceOf(slow)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(patience.end)
            tasks.start_soon(goes_on)
            with pytest.raises(APITimeoutError, match="out of patience"):
                async with open_source(source(), patience=patience):
                    raise AssertionError

    async def out_of_time() -> None:
        async def end(limit: asyncio.Timeout) -> None:
            await slow.has_begun()
            limit.reschedule(0)

        async def upload() -> None:
            async with asyncio.timeout(None) as limit:
                tasks.start_soon(end, limit)
                async with open_source(source()):
                    raise AssertionError

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(goes_on)
            with pytest.raises(TimeoutError):
                await upload()

    monkeypatch.setattr(base, "CLOSING_SECONDS", HANGS)
    run(out_of_patience if limit == "patience" else out_of_time, "asyncio")


def test_an_upload_lost_with_its_event_loop_releases_its_file_and_cancels_nobody(slow: Slow) -> None:
    file = SlowFile(slow)
    read = asyncio.Event()
    pending = reading_file(file, read)
    loop = asyncio.new_event_loop()
    task = loop.create_task(pending)
    loop.run_until_complete(read.wait())
    loop.close()
    task._log_destroy_pending = False  # type: ignore[attr-defined]

    async def main() -> None:
        pending.close()  # as the garbage collector does, at any moment
        await until(lambda: id(file) not in in_use._UPLOADS.uses)
        assert file.tell() == len(BEFORE)
        async with open_source(file) as opened:
            assert opened.size == len(CONTENT)
        await asyncio.sleep(LONGER)

    run(main, "asyncio")


def test_an_upload_lost_with_its_event_loop_can_be_collected(slow: Slow) -> None:
    file = SlowFile(slow)
    is_alive = ref(file)
    read = asyncio.Event()
    loop = asyncio.new_event_loop()
    task = loop.create_task(reading_file(file, read))
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.run_until_complete(read.wait())
    loop.close()
    del task, loop, file, read

    gc.collect()
    assert is_alive() is None


def test_a_task_that_cancels_itself_before_a_call_does_not_wait(slow: Slow) -> None:
    def generate() -> Iterator[bytes]:
        try:
            yield CONTENT
            yield CONTENT
        finally:
            with slow.use("close"):
                pass

    async def upload() -> None:
        generator = generate()
        next(generator)
        slow.next = "close"
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        async with open_source(generator, size=len(CONTENT)):
            raise AssertionError

    async def main() -> None:
        task = asyncio.create_task(upload())
        with pytest.raises(asyncio.CancelledError):
            await task
        await anyio.lowlevel.checkpoint()

    run(main, "asyncio")
    assert slow.began.wait(HANGS)
    assert slow.is_used
