"""Sources that cannot be uploaded are rejected with a reason, before any request or while being read."""

# ruff: noqa: PTH123 - these tests may wait for the disk
from __future__ import annotations

import io
import socket
from collections.abc import AsyncGenerator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import aiofiles
import aiohttp
import anyio
import httpx
import pytest

from imgwire_async import AsyncImgwireClient, SourceChangedError, UploadSourceError
from imgwire_async.bodies.base import CHUNK_SIZE
from imgwire_async.bodies.sources import open_source
from imgwire_async.sandbox import Sandbox
from tests.hangs import HANGS
from tests.raw_servers import Connection, answer, in_turn, raw_server

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00".ljust(10_000, b"\0")
SMALL = JPEG[:3_000]  # fewer bytes than type detection reads


def at_its_end() -> io.BytesIO:
    file = io.BytesIO(JPEG)
    file.read()
    return file


def closed() -> io.BytesIO:
    file = io.BytesIO(JPEG)
    file.close()
    return file


def write_only(folder: Path) -> io.BufferedWriter:
    return open(folder / "out", "wb")


async def no_generator() -> bytes:
    return JPEG


async def nothing() -> AsyncGenerator[bytes, None]:
    for chunk in list[bytes]():
        yield chunk


def lines() -> Iterator[str]:
    yield "not bytes"


class Interrupted:
    """A source whose disk fails."""

    def read(self, size: int) -> bytes:  # noqa: ARG002 - the interface
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda _: io.StringIO("text"), "text mode"),
        (lambda folder: (folder / "text.svg").open("w+"), "text mode"),
        (lambda _: io.BytesIO(), "the file is empty"),
        (lambda _: at_its_end(), r"position is its end, 10000; call seek\(0\)"),
        (lambda _: closed(), "closed file"),
        (write_only, "cannot read the file"),
        (lambda _: Interrupted(), "Input/output error"),
        (lambda _: iter([]), "source is empty"),
        (lambda _: iter([b"", b""]), "source is empty"),
        (lambda _: nothing(), "source is empty"),
        (lambda _: nothing, "source is empty"),
        (lambda _: lines(), "text instead of bytes"),
        (lambda _: [Path("a.png"), Path("b.png")], "PosixPath instead of bytes"),
        (lambda _: {"a": 1}, "text instead of bytes"),
        (lambda _: no_generator, "returned a coroutine"),
        (lambda _: lambda: 7, "returned a int"),
        (lambda _: 7, "cannot upload a int"),
        (lambda _: object(), "cannot upload a object"),
    ],
    ids=range(18),
)
async def test_an_unsupported_source_is_rejected_before_any_call(
    sandbox: Sandbox, client: AsyncImgwireClient, tmp_path: Path, make: Callable[[Path], Any], words: str
) -> None:
    file = make(tmp_path)

    with pytest.raises(UploadSourceError, match=words):
        await client.images.upload(file)

    assert sandbox.requests.of("images.create") == []
    if isinstance(file, io.IOBase):
        file.close()


async def test_a_socket_is_rejected(client: AsyncImgwireClient) -> None:
    with socket.socket() as connection, pytest.raises(UploadSourceError, match="socket"):
        await client.images.upload(connection)  # type: ignore[arg-type]


async def test_async_files_in_text_mode_are_rejected(client: AsyncImgwireClient, tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text("<svg>")

    async with await anyio.open_file(tmp_path / "a.svg") as of_anyio:
        with pytest.raises(UploadSourceError, match="text instead of bytes"):
            await client.images.upload(of_anyio)  # type: ignore[arg-type]
    async with aiofiles.open(tmp_path / "a.svg") as of_aiofiles:
        with pytest.raises(UploadSourceError, match="text instead of bytes"):
            await client.images.upload(of_aiofiles)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [2_999, 3_001, 1, 0])
@pytest.mark.parametrize(
    "make",
    [lambda: SMALL, lambda: io.BytesIO(SMALL), lambda: iter([SMALL]), lambda: lambda: [SMALL]],
    ids=["bytes", "file", "iterator", "factory"],
)
@pytest.mark.parametrize("replayable", [False, True])
async def test_a_wrong_size_is_rejected_before_any_call(
    make: Callable[[], Any], size: int, replayable: bool
) -> None:
    async def read() -> None:
        async with open_source(make(), size=size, replayable=replayable):
            pass

    with pytest.raises(UploadSourceError, match=f"size={size} is wrong"):
        await read()


@pytest.mark.parametrize("wrong_by", [-1, 1])
async def test_a_wrong_size_that_is_detected_later_stores_nothing(
    client: AsyncImgwireClient, wrong_by: int
) -> None:
    pieces = [JPEG.ljust(CHUNK_SIZE, b"\0"), b"the rest"]

    with pytest.raises(SourceChangedError):
        await client.images.upload(iter(pieces), size=CHUNK_SIZE + 8 + wrong_by)

    assert [image.status async for image in client.images.list()] == ["PENDING"]


@pytest.mark.parametrize("library", ["httpx", "aiohttp"])
async def test_the_body_of_an_error_is_not_an_image(client: AsyncImgwireClient, library: str) -> None:
    with raw_server(in_turn(answer(404, JPEG))) as server:
        async with httpx.AsyncClient() as a, aiohttp.ClientSession() as b:
            response: Any = await (a if library == "httpx" else b).get(server.base_url)
            with pytest.raises(UploadSourceError, match="status 404"):
                await client.images.upload(response)


@pytest.mark.parametrize("library", ["httpx", "aiohttp"])
@pytest.mark.parametrize("announced", [True, False])
async def test_a_broken_download_is_a_failure_of_the_source(
    client: AsyncImgwireClient, library: str, announced: bool
) -> None:
    framing = b"Content-Length: 900000" if announced else b"Transfer-Encoding: chunked"
    body = JPEG if announced else b"%x\r\n%b\r\n" % (len(JPEG), JPEG)

    def break_off(connection: Connection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n" + body)
        connection.hang_up()

    with raw_server(break_off) as server:
        async with httpx.AsyncClient() as a, aiohttp.ClientSession() as b:
            opened: Any = a.stream("GET", server.base_url) if library == "httpx" else b.get(server.base_url)
            async with opened as response:
                with pytest.raises(UploadSourceError, match="receiving the response failed"):
                    await client.images.upload(response)

    assert [image.status async for image in client.images.list()] == (["PENDING"] if announced else [])


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_generator_is_closed_when_the_upload_fails(
    client: AsyncImgwireClient, asynchronous: bool
) -> None:
    ended = []

    def generator() -> Iterator[bytes]:
        try:
            yield b"no image" * 1000
            yield b"more"
        finally:
            ended.append(True)

    async def async_generator() -> AsyncGenerator[bytes, None]:
        try:
            yield b"no image" * 1000
            yield b"more"
        finally:
            ended.append(True)

    source = async_generator() if asynchronous else generator()
    with pytest.raises(ValueError, match="not a supported image"):
        await client.images.upload(source, size=8004)

    assert ended == [True]


def endless_sync() -> Iterator[bytes]:
    with io.BytesIO(b"x" * 300_000) as file:
        # A common mistake: the end of a binary file is b"" and not "".
        yield from iter(partial(file.read, 65_536), "")


async def endless_async() -> AsyncGenerator[bytes, None]:
    for chunk in endless_sync():
        yield chunk


@pytest.mark.parametrize("make", [endless_sync, endless_async])
@pytest.mark.parametrize("size", [None, 300_001])
async def test_an_endless_iterator_of_empty_chunks_is_rejected(
    client: AsyncImgwireClient, make: Callable[[], Any], size: int | None
) -> None:
    with anyio.fail_after(HANGS), pytest.raises(UploadSourceError, match="only empty chunks"):
        await client.images.upload(make(), size=size, mime_type="image/png")


async def test_a_file_without_a_reliable_size_is_rejected_before_any_call(
    client: AsyncImgwireClient, sandbox: Sandbox
) -> None:
    with pytest.raises(UploadSourceError, match="more bytes than its size of 0"):
        await client.images.upload("/proc/self/status", mime_type="image/png")

    assert sandbox.requests.of("images.create") == []
