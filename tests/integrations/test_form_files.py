"""Files of forms, in any state in which a handler may pass them on."""

from __future__ import annotations

import io
import threading
from contextlib import nullcontext
from typing import BinaryIO, cast

import anyio
import pytest
from anyio import to_thread
from fastapi import FastAPI, HTTPException, UploadFile

from imgwire_async import AsyncImgwireClient
from imgwire_async.errors import UploadSourceError
from imgwire_async.integrations.fastapi import ImgwireDep, get_imgwire, upload_form_file
from imgwire_async.sandbox import Sandbox
from tests.integrations.serving import serving
from tests.integrations.test_hostile_requests import PNG


class Pipe(io.RawIOBase):
    """A file whose content can be read only once."""

    def __init__(self, content: bytes) -> None:
        self._bytes = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readall(self) -> bytes:
        return self._bytes.read()

    def read(self, size: int = -1, /) -> bytes:
        return self._bytes.read(size)


def form_file(content: bytes, *, size: int | None = None, seekable: bool = True) -> UploadFile:
    file = io.BytesIO(content) if seekable else Pipe(content)
    return UploadFile(cast("BinaryIO", file), size=size, filename="a.png")


def received(sandbox: Sandbox) -> list[int]:
    """The lengths of all bodies received by the object store."""
    return [request.bytes_received for request in sandbox.requests if request.operation == "store.put"]


@pytest.mark.parametrize("padding", [0, 3_000_000], ids=["in memory", "on disk"])
@pytest.mark.parametrize("looked_at", [1, 16, None], ids=["a byte", "the magic bytes", "everything"])
async def test_a_handler_may_read_the_content_first(
    sandbox: Sandbox, client: AsyncImgwireClient, padding: int, looked_at: int | None
) -> None:
    app = FastAPI()
    app.dependency_overrides[get_imgwire] = lambda: client
    content = PNG + bytes(padding)

    @app.post("/")
    async def form(file: UploadFile, imgwire: ImgwireDep) -> str:
        assert content.startswith(await file.read(-1 if looked_at is None else looked_at))
        return (await upload_form_file(imgwire, file, max_bytes=len(content))).status

    async with serving(app) as browser:
        answer = await browser.post("/", files={"file": ("a.png", content)})

    assert answer.status_code == 200
    assert received(sandbox) == [len(content)]


async def test_the_whole_file_is_sent_on_every_attempt(sandbox: Sandbox, client: AsyncImgwireClient) -> None:
    sandbox.faults.once("store.put", status=503)
    file = form_file(PNG)
    await file.read(16)

    await upload_form_file(client, file, max_bytes=len(PNG))

    assert received(sandbox)[-1] == len(PNG)


async def test_a_form_file_passed_to_the_client_is_sent_whole(
    sandbox: Sandbox, client: AsyncImgwireClient
) -> None:
    file = form_file(PNG, size=len(PNG))
    await file.read(16)

    await client.images.upload(file)
    await file.read()
    async with client.images.upload_many([file]) as outcomes:
        assert [outcome.error async for outcome in outcomes] == [None]

    assert received(sandbox) == [len(PNG)] * 2


@pytest.mark.parametrize("seekable", [True, False])
@pytest.mark.parametrize("size", [None, 0, 1, len(PNG)], ids=lambda size: f"size={size}")
async def test_the_limit_applies_whatever_the_declared_size(
    sandbox: Sandbox, client: AsyncImgwireClient, seekable: bool, size: int | None
) -> None:
    file = form_file(PNG + b"\0", size=size, seekable=seekable)

    with pytest.raises(HTTPException) as refused:
        await upload_form_file(client, file, max_bytes=len(PNG))

    assert refused.value.status_code == 413
    assert list(sandbox.requests) == []


@pytest.mark.parametrize("seekable", [True, False])
@pytest.mark.parametrize("size", [None, 1, len(PNG)], ids=lambda size: f"size={size}")
async def test_a_file_of_exactly_the_limit_is_stored(
    sandbox: Sandbox, client: AsyncImgwireClient, seekable: bool, size: int | None
) -> None:
    file = form_file(PNG, size=size, seekable=seekable)

    image = await upload_form_file(client, file, max_bytes=len(PNG))

    assert image.original_filename == "a.png"
    assert received(sandbox) == [len(PNG)]


@pytest.mark.parametrize("seekable", [True, False])
async def test_a_file_is_not_measured_while_another_call_uploads_it(
    sandbox: Sandbox, client: AsyncImgwireClient, *, seekable: bool
) -> None:
    class Watched(io.BytesIO):
        reading = False
        moved = 0
        begun, go_on = threading.Event(), threading.Event()

        def read(self, size: int | None = -1, /) -> bytes:
            self.reading = True
            self.begun.set()
            assert self.go_on.wait(30)
            self.reading = False
            return super().read(size)

        def seekable(self) -> bool:
            return seekable

        def seek(self, offset: int, whence: int = 0, /) -> int:
            self.moved += self.reading
            if not seekable:
                raise io.UnsupportedOperation("seek")
            return super().seek(offset, whence)

    content = Watched(PNG)
    file = UploadFile(content, filename="a.png")

    async def upload() -> None:
        await upload_form_file(client, file, max_bytes=len(PNG))

    async def upload_again() -> None:
        # A file that cannot seek is empty by then.
        with nullcontext() if seekable else pytest.raises(UploadSourceError):
            await upload()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(upload)
        await to_thread.run_sync(content.begun.wait, 30)
        tasks.start_soon(upload_again)
        await anyio.wait_all_tasks_blocked()
        await to_thread.run_sync(lambda: None)
        moved = content.moved
        content.go_on.set()

    assert moved == 0
    assert received(sandbox) == [len(PNG)] * (2 if seekable else 1)


async def test_no_more_than_the_limit_is_read_from_a_file_without_an_end(client: AsyncImgwireClient) -> None:
    class Endless(io.RawIOBase):
        given = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
            Endless.given += len(buffer)
            return len(buffer)

    file = UploadFile(cast("BinaryIO", io.BufferedReader(Endless())), filename="a.png")

    with pytest.raises(HTTPException, match="too large"):
        await upload_form_file(client, file, max_bytes=1_000_000)

    assert Endless.given < 3_000_000


async def test_a_partly_read_file_that_cannot_seek_is_not_stored_truncated(
    sandbox: Sandbox, client: AsyncImgwireClient
) -> None:
    file = form_file(PNG, size=len(PNG), seekable=False)
    await file.read(16)

    with pytest.raises(UploadSourceError, match="already been read"):
        await upload_form_file(client, file, max_bytes=len(PNG))

    assert list(sandbox.requests) == []


async def test_a_file_of_unknown_size_with_a_position_is_not_stored_truncated(
    sandbox: Sandbox, client: AsyncImgwireClient
) -> None:
    class Positioned(Pipe):
        def tell(self) -> int:
            return self._bytes.tell()

    file = UploadFile(cast("BinaryIO", Positioned(PNG)), filename="a.png")
    await file.read(16)

    with pytest.raises(UploadSourceError, match="already been read"):
        await upload_form_file(client, file, max_bytes=len(PNG))

    assert list(sandbox.requests) == []


async def test_a_file_that_can_only_seek_to_its_start_is_sent_whole(
    sandbox: Sandbox, client: AsyncImgwireClient
) -> None:
    class OnlyBack(Pipe):
        def seek(self, offset: int, whence: int = 0, /) -> int:
            if whence != io.SEEK_SET:
                raise io.UnsupportedOperation("seek from the end")
            return self._bytes.seek(offset)

    file = UploadFile(cast("BinaryIO", OnlyBack(PNG)), filename="a.png")
    await file.read(16)

    await upload_form_file(client, file, max_bytes=len(PNG))

    assert received(sandbox) == [len(PNG)]


async def test_a_closed_file_is_reported_as_such(client: AsyncImgwireClient) -> None:
    file = form_file(PNG)
    await file.close()

    with pytest.raises(UploadSourceError, match="closed"):
        await upload_form_file(client, file, max_bytes=len(PNG))
