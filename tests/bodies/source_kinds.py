"""Every kind of source that can be uploaded, each with the same content."""

# ruff: noqa: ASYNC230, PTH123 - these tests may wait for the disk, and close what they open
from __future__ import annotations

import io
import os
import tempfile
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import aiofiles
import aiohttp
import anyio
import fastapi
import httpx

from tests.raw_servers import Connection, always, answer, raw_server

NAMED = "photo.jpg"


@dataclass(frozen=True)
class Given:
    """A source as it is passed to `upload`."""

    file: Any
    size: int | None = None


Kind = Callable[[bytes, Path], AbstractAsyncContextManager[Given]]


def kind(make: Callable[[bytes, Path], AsyncIterator[Given]]) -> Kind:
    return asynccontextmanager(make)


def in_pieces(content: bytes, size: int = 100_000) -> Iterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def async_pieces(content: bytes) -> AsyncGenerator[bytes, None]:
    for piece in in_pieces(content):
        yield piece


def of_value(convert: Callable[[bytes], Any]) -> Kind:
    @kind
    async def opened(content: bytes, folder: Path) -> AsyncIterator[Given]:  # noqa: ARG001
        yield Given(convert(content))

    return opened


def of_path(convert: Callable[[Path], Any]) -> Kind:
    @kind
    async def opened(content: bytes, folder: Path) -> AsyncIterator[Given]:
        (folder / NAMED).write_bytes(content)
        yield Given(convert(folder / NAMED))

    return opened


def of_open_file(buffering: int) -> Kind:
    @kind
    async def opened(content: bytes, folder: Path) -> AsyncIterator[Given]:
        (folder / NAMED).write_bytes(content)
        with open(folder / NAMED, "rb", buffering) as file:
            yield Given(file)
            assert not file.closed

    return opened


@kind
async def file_with_an_offset(content: bytes, folder: Path) -> AsyncIterator[Given]:
    (folder / NAMED).write_bytes(b"not part of it" + content)
    with open(folder / NAMED, "rb") as file:
        file.seek(14)
        yield Given(file)


@kind
async def temporary_file(content: bytes, folder: Path) -> AsyncIterator[Given]:  # noqa: ARG001
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield Given(file)


@kind
async def anyio_file(content: bytes, folder: Path) -> AsyncIterator[Given]:
    (folder / NAMED).write_bytes(content)
    async with await anyio.open_file(folder / NAMED, "rb") as file:
        yield Given(file)


@kind
async def aiofiles_file(content: bytes, folder: Path) -> AsyncIterator[Given]:
    (folder / NAMED).write_bytes(content)
    async with aiofiles.open(folder / NAMED, "rb") as file:
        yield Given(file)


@kind
async def form_file(content: bytes, folder: Path) -> AsyncIterator[Given]:  # noqa: ARG001
    with tempfile.SpooledTemporaryFile(max_size=1000) as file:
        file.write(content)
        file.seek(0)
        # Starlette itself passes a `SpooledTemporaryFile`, despite the `BinaryIO` of its annotation.
        yield Given(fastapi.UploadFile(cast(BinaryIO, file), filename=f"C:\\pictures\\{NAMED}"))


def of_pipe(*, sized: bool) -> Kind:
    @kind
    async def opened(content: bytes, folder: Path) -> AsyncIterator[Given]:  # noqa: ARG001
        reading, writing = os.pipe()

        def write() -> None:
            try:
                with open(writing, "wb") as file:
                    file.write(content)
            except BrokenPipeError:
                pass  # the reader closed the pipe early

        writer = threading.Thread(target=write)
        writer.start()
        with open(reading, "rb", 0) as file:
            yield Given(file, len(content) if sized else None)
        writer.join()

    return opened


def of_iterator(make: Callable[[bytes], Any], *, sized: bool = False) -> Kind:
    @kind
    async def opened(content: bytes, folder: Path) -> AsyncIterator[Given]:  # noqa: ARG001
        yield Given(make(content), len(content) if sized else None)

    return opened


def without_length(content: bytes) -> Callable[[Connection], None]:
    def behave(connection: Connection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + content)

    return behave


def of_response(library: str, *, sized: bool) -> Kind:
    @kind
    async def opened(content: bytes, folder: Path) -> AsyncIterator[Given]:  # noqa: ARG001
        host = always(answer(200, content)) if sized else without_length(content)
        with raw_server(host) as server:
            url = f"{server.base_url}/a/{NAMED}?signed"
            if library == "httpx":
                # Reading the certificates takes longer than the test, and the URL is http.
                async with httpx.AsyncClient(verify=False) as client, client.stream("GET", url) as response:
                    yield Given(response)
            else:
                async with aiohttp.ClientSession() as session, session.get(url) as answered:
                    yield Given(answered)

    return opened


NAMED_KINDS: dict[str, Kind] = {
    "str": of_path(str),
    "Path": of_path(Path),
    "anyio.Path": of_path(anyio.Path),
    "buffered file": of_open_file(-1),
    "raw file": of_open_file(0),
    "file with an offset": file_with_an_offset,
    "anyio file": anyio_file,
    "aiofiles file": aiofiles_file,
    "UploadFile": form_file,
    "httpx response without length": of_response("httpx", sized=False),
    "aiohttp response without length": of_response("aiohttp", sized=False),
}
REPLAYABLE: dict[str, Kind] = NAMED_KINDS | {
    "bytes": of_value(bytes),
    "bytearray": of_value(bytearray),
    "memoryview": of_value(memoryview),
    "BytesIO": of_value(io.BytesIO),
    "temporary file": temporary_file,
    "pipe": of_pipe(sized=False),
    "list": of_iterator(lambda content: list(in_pieces(content))),
    "generator": of_iterator(in_pieces),
    "async generator": of_iterator(async_pieces),
    "factory": of_iterator(lambda content: lambda: in_pieces(content)),
    "async factory": of_iterator(lambda content: lambda: async_pieces(content)),
    "sized factory": of_iterator(lambda content: lambda: in_pieces(content), sized=True),
    "sized async factory": of_iterator(lambda content: lambda: async_pieces(content), sized=True),
    "factory of files": of_iterator(lambda content: lambda: io.BytesIO(content), sized=True),
}
ONE_SHOT: dict[str, Kind] = {
    "sized pipe": of_pipe(sized=True),
    "sized generator": of_iterator(in_pieces, sized=True),
    "sized async generator": of_iterator(async_pieces, sized=True),
    "httpx response": of_response("httpx", sized=True),
    "aiohttp response": of_response("aiohttp", sized=True),
}
EVERY_KIND = REPLAYABLE | ONE_SHOT


def each(kinds: dict[str, Kind]) -> dict[str, Any]:
    """Arguments of `pytest.mark.parametrize`."""
    return {"argnames": "opened", "argvalues": kinds.values(), "ids": kinds}
