"""Sources whose next use waits for the test, and calls that use them."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import anyio.lowlevel
from anyio import to_thread

from tests.hangs import HANGS

CONTENT = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 40
BEFORE = b"something else"

LONGER = 0.4
"""Seconds that are longer than a call waits for a source that still reads."""


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

    @property
    def is_used(self) -> bool:
        return self._users > 0

    async def has_begun(self) -> None:
        assert await to_thread.run_sync(self.began.wait, HANGS)


class SlowFile(io.BytesIO):
    """A file whose next call of a method may be slow, positioned where the image begins."""

    def __init__(self, slow: Slow, before: bytes = BEFORE) -> None:
        super().__init__(before + CONTENT)
        super().seek(len(before))
        self.slow = slow

    def read(self, size: int | None = -1) -> bytes:
        with self.slow.use("read"):
            return super().read(size)

    def __next__(self) -> bytes:
        with self.slow.use("read"):
            return super().__next__()

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
