"""A source that is slow when its upload ends: the call waits for it, or the next upload does."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import threading
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
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
from imgwire_async.bodies import in_use
from imgwire_async.sandbox import Sandbox
from tests.bodies.running import BACKENDS, run
from tests.bodies.slow import (
    BEFORE,
    CONTENT,
    LONGER,
    Slow,
    SlowFile,
    SlowIterator,
    cancelled_while_slow,
    does_not_end,
)
from tests.clients import client_of
from tests.hangs import HANGS

HASH = hashlib.sha256(CONTENT).hexdigest()

pytestmark = pytest.mark.usefixtures("limits")


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
            assert id(source) not in in_use._UPLOADS.uses

    run(main, backend)
    assert not slow.is_mixed


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
            with pytest.raises(APITimeoutError, match="a thread of an earlier upload") as caught:
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


class AsyncFile:
    """An async file that awaits something before each seek."""

    def __init__(self, before_seek: Callable[[], Awaitable[None]]) -> None:
        self._file = io.BytesIO(BEFORE + CONTENT)
        self._file.seek(len(BEFORE))
        self._before_seek = before_seek

    async def read(self, size: int) -> bytes:
        return self._file.read(size)

    async def tell(self) -> int:
        return self._file.tell()

    async def seek(self, offset: int, whence: int = 0) -> int:
        await self._before_seek()
        return self._file.seek(offset, whence)


@BACKENDS
def test_an_async_file_that_seeks_slowly_is_returned_to_its_position(sandbox: Sandbox, backend: str) -> None:
    async def main() -> None:
        pause = 0.0

        def when_sent(progress: Any) -> None:
            nonlocal pause
            pause = LONGER if progress.sent == progress.total else 0

        file = AsyncFile(lambda: anyio.sleep(pause))
        async with client_of(sandbox) as client:
            await client.images.upload(file, on_progress=when_sent)
        assert await file.tell() == len(BEFORE)

    run(main, backend)


@BACKENDS
def test_a_file_that_gets_the_descriptor_of_a_closed_one_is_another_file(
    sandbox: Sandbox, tmp_path: Path, backend: str
) -> None:
    reading, writing = os.pipe()
    pipe = open(reading, "rb", 0, closefd=False)  # noqa: SIM115

    class Pipe(io.RawIOBase):
        """A pipe that says when it is read."""

        began = threading.Event()

        def readable(self) -> bool:
            return True

        def fileno(self) -> int:
            return pipe.fileno()

        def readinto(self, buffer: Any) -> int | None:
            self.began.set()
            return pipe.readinto(buffer)

    async def main() -> None:
        source = Pipe()
        async with client_of(sandbox) as client:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.images.upload, source)
                assert await to_thread.run_sync(source.began.wait, HANGS)
                tasks.cancel_scope.cancel()
            pipe.close()
            with path.open("rb") as file:
                os.dup2(file.fileno(), reading)
            with os.fdopen(reading, "rb") as file:
                await client.images.upload(file)

    path = tmp_path / "photo.jpg"
    path.write_bytes(CONTENT)
    try:
        run(main, backend)
    finally:
        os.close(writing)


class OneWay(SlowFile):
    """A file that cannot seek."""

    def seek(self, offset: int, whence: int = 0) -> int:  # noqa: ARG002 - the interface
        raise io.UnsupportedOperation("seek")


@pytest.mark.parametrize(("kind", "method"), [(SlowFile, "seek"), (SlowFile, "read"), (OneWay, "read")])
def test_a_form_file_is_not_used_while_a_cancelled_call_uses_it(
    sandbox: Sandbox, slow: Slow, kind: type[SlowFile], method: str
) -> None:
    pytest.importorskip("fastapi")
    from fastapi import UploadFile

    from imgwire_async.integrations.fastapi import upload_form_file

    async def main() -> None:
        file = UploadFile(kind(slow, b""), filename="photo.jpg")
        slow.next = method
        async with client_of(sandbox) as client:
            upload = partial(upload_form_file, client, file, max_bytes=1_000_000)
            task = asyncio.create_task(upload())
            await slow.has_begun()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            before = slow.uses

            async def again() -> None:
                with pytest.raises(UploadSourceError) if kind is OneWay else nullcontext():
                    await upload()

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(again)
                await anyio.sleep(LONGER)
                assert slow.uses == before
                slow.goes_on.set()

    run(main, "asyncio")
    assert not slow.is_mixed


def test_an_async_file_whose_seek_is_cancelled_by_others_cancels_no_upload(sandbox: Sandbox) -> None:
    async def main() -> None:
        is_sent = False

        def when_sent(progress: Any) -> None:
            nonlocal is_sent
            is_sent = progress.sent == progress.total

        async def cancelled_by_others() -> None:
            if is_sent:
                future = asyncio.get_running_loop().create_future()
                future.cancel()
                await future

        async with client_of(sandbox) as client:
            await client.images.upload(AsyncFile(cancelled_by_others), on_progress=when_sent)

    run(main, "asyncio")


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
                with pytest.raises(DownloadTargetError, match="a thread of an earlier download"):
                    await download()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(download)
                await anyio.sleep(LONGER)
                assert slow.uses == before
                slow.goes_on.set()
        assert file.getvalue() == content * 2  # one after the other

    run(main, backend)
    assert not slow.is_mixed
