"""Closing a source neither delays nor hides a cancellation or a timeout."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from imgwire_async import (
    APITimeoutError,
)
from imgwire_async.bodies import base, in_use
from imgwire_async.bodies.sources import open_source
from imgwire_async.sandbox import Sandbox
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
from tests.clients import client_of
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
    assert slow.is_used


@BACKENDS
def test_an_upload_whose_read_hangs_does_not_wait_for_it(sandbox: Sandbox, slow: Slow, backend: str) -> None:
    async def main() -> None:
        slow.next = "read"
        async with client_of(sandbox, timeout=0.2) as client:
            with pytest.raises(APITimeoutError):
                await client.images.upload(SlowFile(slow))

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
def test_an_error_of_closing_does_not_replace_a_timeout(
    sandbox: Sandbox, slow: Slow, monkeypatch: pytest.MonkeyPatch, kind: str
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

    async def main() -> None:
        async with client_of(sandbox, timeout=0.2) as client, anyio.create_task_group() as tasks:
            tasks.start_soon(goes_on)
            with pytest.raises(APITimeoutError):
                await client.images.upload(source())
        slow.began.clear()
        slow.goes_on.clear()
        async with client_of(sandbox) as client, anyio.create_task_group() as tasks:
            tasks.start_soon(goes_on)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await client.images.upload(source())

    monkeypatch.setattr(base, "CLOSING_SECONDS", HANGS)
    run(main, "asyncio")


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
        await until(lambda: not in_use._UPLOADS.uses)
        assert file.tell() == len(BEFORE)
        async with open_source(file) as opened:
            assert opened.size == len(CONTENT)
        await asyncio.sleep(LONGER)

    asyncio.run(main())
    assert not task.cancelled()
