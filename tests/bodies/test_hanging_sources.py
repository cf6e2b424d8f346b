"""Deadlines and timeouts apply from the start of a call, also when a source, a disk or a hook hangs."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest

from imgwire_async import (
    APITimeoutError,
    AsyncImgwireClient,
    DeadlineExceededError,
    Timeouts,
    UploadProgress,
)
from imgwire_async.bodies import paths
from imgwire_async.sandbox import Sandbox
from tests.bodies.running import BACKENDS, run
from tests.clients import client_of

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00".ljust(10_000, b"\0")

LIMIT = 0.3
AT_MOST = 25.0
"""Maximum seconds for a call that should end after `LIMIT`; what hangs in these tests hangs forever."""


class Hanging:
    """Makes sources that return no data, or no more data, until the test has ended."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.entered = threading.Event()

    def wait(self) -> None:
        self.entered.set()
        self.ended.wait(60)

    def generator(self, before: bytes = b"") -> Iterator[bytes]:
        if before:
            yield before
        self.wait()

    async def async_generator(self, before: bytes = b"") -> AsyncIterator[bytes]:
        if before:
            yield before
        await anyio.sleep_forever()

    async def stubborn(self) -> AsyncIterator[bytes]:
        try:
            yield JPEG[:40]
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.2)

    def file(self, before: bytes = b"") -> Any:
        hanging = self

        class File:
            pieces = [before] if before else []

            def read(self, size: int) -> bytes:  # noqa: ARG002 - the interface
                if self.pieces:
                    return self.pieces.pop()
                hanging.wait()
                return b""

        return File()

    def async_file(self) -> Any:
        class File:
            async def read(self, size: int) -> bytes:  # noqa: ARG002 - the interface
                await anyio.sleep_forever()
                raise AssertionError

        return File()

    def seeking_file(self) -> Any:
        hanging = self

        class File(io.BytesIO):
            def seek(self, offset: int, whence: int = 0) -> int:  # noqa: ARG002 - the interface
                hanging.wait()
                return 0

        return File(JPEG)


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    hanging = Hanging()
    yield hanging
    hanging.ended.set()


@pytest.fixture
def pipe() -> Iterator[io.BufferedReader]:
    """A pipe whose other end stays open and writes nothing."""
    reading, writing = os.pipe()
    with ExitStack() as stack:
        file = stack.enter_context(os.fdopen(reading, "rb"))
        other = stack.enter_context(os.fdopen(writing, "wb"))
        yield file
        other.close()  # releases a thread that is still reading


SOURCES: dict[str, Callable[[Hanging], Any]] = {
    "a generator": lambda hanging: hanging.generator(),
    "a generator, later": lambda hanging: hanging.generator(JPEG[:40]),
    "an async generator": lambda hanging: hanging.async_generator(),
    "an async generator, later": lambda hanging: hanging.async_generator(JPEG),
    "an async generator that is slow to close": lambda hanging: hanging.stubborn(),
    "a function": lambda hanging: hanging.generator,
    "a function that does not return": lambda hanging: hanging.wait,
    "a file": lambda hanging: hanging.file(),
    "a file, later": lambda hanging: hanging.file(JPEG),
    "an async file": lambda hanging: hanging.async_file(),
    "a file that seeks": lambda hanging: hanging.seeking_file(),
}


async def ends_soon(sandbox: Sandbox, expected: type[Exception], file: Any, **options: Any) -> Exception:
    of_upload = {"size", "on_progress", "hash_sha256"} & set(options)
    arguments = {name: options.pop(name) for name in of_upload}
    async with client_of(sandbox, **options) as client:
        began = time.monotonic()
        with pytest.raises(expected) as caught:
            await client.images.upload(file, **arguments)
        assert time.monotonic() - began < AT_MOST
    return caught.value


async def all_end_soon(
    sandbox: Sandbox, hanging: Hanging, expected: type[Exception], **options: Any
) -> list[Exception]:
    errors = []

    async def upload(source: Any) -> None:
        errors.append(await ends_soon(sandbox, expected, source, **options))

    async with anyio.create_task_group() as tasks:
        for make in SOURCES.values():
            tasks.start_soon(upload, make(hanging))
    assert len(errors) == len(SOURCES)
    return errors


@BACKENDS
@pytest.mark.parametrize("size", [None, 100_000])
def test_the_deadline_ends_an_upload_whose_source_produces_nothing(
    sandbox: Sandbox, hanging: Hanging, size: int | None, backend: str
) -> None:
    async def main() -> None:
        for error in await all_end_soon(sandbox, hanging, DeadlineExceededError, size=size, deadline=LIMIT):
            assert isinstance(error, DeadlineExceededError)
            assert error.idempotency_key

    run(main, backend)


@BACKENDS
@pytest.mark.parametrize("phase", ["read", "write", "total"])
def test_each_timeout_ends_an_upload_whose_source_produces_nothing(
    sandbox: Sandbox, hanging: Hanging, phase: str, backend: str
) -> None:
    async def main() -> None:
        timeouts = Timeouts(**{phase: LIMIT})
        for error in await all_end_soon(sandbox, hanging, APITimeoutError, timeout=timeouts):
            assert "the source produced no data for 0.3 s" in str(error)
        assert sandbox.requests.of("images.create") == []

    run(main, backend)


@BACKENDS
def test_a_silent_pipe_ends_with_the_deadline(
    sandbox: Sandbox, pipe: io.BufferedReader, backend: str
) -> None:
    async def main() -> None:
        await ends_soon(sandbox, DeadlineExceededError, pipe, deadline=LIMIT)

    run(main, backend)


@BACKENDS
@pytest.mark.parametrize("limit", ["deadline", "timeout"])
def test_a_file_system_that_hangs_is_abandoned(
    sandbox: Sandbox,
    hanging: Hanging,
    photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    backend: str,
    limit: str,
) -> None:
    def open_slowly(*arguments: Any, **options: Any) -> Any:
        hanging.wait()
        return open(*arguments, **options)  # noqa: PTH123 - what it stands for

    monkeypatch.setattr(paths, "open", open_slowly, raising=False)

    async def main() -> None:
        expected = DeadlineExceededError if limit == "deadline" else APITimeoutError
        await ends_soon(sandbox, expected, photo, **{limit: LIMIT})

    run(main, backend)


@BACKENDS
def test_hashing_ends_with_the_deadline(sandbox: Sandbox, backend: str) -> None:
    async def main() -> None:
        calls = 0

        async def second_time() -> AsyncIterator[bytes]:
            nonlocal calls
            calls += 1
            yield JPEG
            if calls > 1:
                await anyio.sleep_forever()

        for limits in ({"deadline": LIMIT}, {"timeout": LIMIT}):
            calls = 0
            expected = DeadlineExceededError if "deadline" in limits else APITimeoutError
            await ends_soon(sandbox, expected, second_time, size=len(JPEG), hash_sha256=True, **limits)
            assert calls == 2

    run(main, backend)


@BACKENDS
@pytest.mark.parametrize("at", ["start", "end"])
def test_a_progress_hook_that_hangs_ends_with_the_deadline(
    sandbox: Sandbox, photo: Path, backend: str, at: str
) -> None:
    async def main() -> None:
        async def hook(progress: UploadProgress) -> None:
            if at == "start" or progress.sent == progress.total:
                await anyio.sleep_forever()

        # Long enough for the upload itself on a busy machine.
        await ends_soon(sandbox, DeadlineExceededError, photo, on_progress=hook, deadline=2)
        assert len(sandbox.requests.of("store.put")) == 1

    run(main, backend)


@BACKENDS
@pytest.mark.parametrize("hook", ["on_request", "on_response", "on_retry"])
def test_any_hook_that_hangs_ends_with_the_deadline(sandbox: Sandbox, backend: str, hook: str) -> None:
    async def hang(event: object) -> None:  # noqa: ARG001 - the interface
        await anyio.sleep_forever()

    async def main() -> None:
        sandbox.faults.once("images.list", status=503)
        async with client_of(sandbox, **{hook: hang}, deadline=LIMIT) as client:
            with pytest.raises(DeadlineExceededError):
                await client.images.list()
            sandbox.faults.once("images.create", status=503)
            with pytest.raises(DeadlineExceededError):
                await client.images.upload(JPEG)

    run(main, backend)


@BACKENDS
def test_waiting_for_an_image_ends_with_the_deadline(sandbox: Sandbox, photo: Path, backend: str) -> None:
    async def main() -> None:
        async with AsyncImgwireClient(api_key=sandbox.server_key, base_url=sandbox.base_url) as client:
            created = await client.images.create(file_name="never-sent.jpg")
            hurried = client.with_options(deadline=LIMIT)
            began = time.monotonic()
            with pytest.raises(DeadlineExceededError):
                await hurried.images.wait_until_ready(created.image.id)
            assert time.monotonic() - began < AT_MOST
            assert (await client.images.upload(photo, wait=True)).status == "READY"

    run(main, backend)


@BACKENDS
def test_one_source_that_hangs_does_not_block_the_others(
    sandbox: Sandbox, hanging: Hanging, photo: Path, backend: str
) -> None:
    async def main() -> None:
        items: list[Any] = [photo, hanging.file(), photo, hanging.async_generator(), photo]
        async with (
            client_of(
                sandbox, timeout=Timeouts(read=4.0)
            ) as client,  # uploading the photos takes a while on a busy machine
            client.images.upload_many(items, concurrency=2) as outcomes,
        ):
            taken = [outcome async for outcome in outcomes]
        errors = sorted(type(outcome.error).__name__ for outcome in taken)
        assert errors == ["APITimeoutError"] * 2 + ["NoneType"] * 3

    run(main, backend)


@pytest.mark.measures_time
def test_a_source_that_is_slow_but_produces_data_is_not_cut_off(sandbox: Sandbox) -> None:
    async def slow() -> AsyncIterator[bytes]:
        for start in range(0, len(JPEG), 1_000):
            await anyio.sleep(0.25)
            yield JPEG[start : start + 1_000]

    async def main() -> None:
        async with client_of(sandbox, timeout=Timeouts(read=2.0)) as client:
            await client.images.upload(slow())

    run(main, "asyncio")
