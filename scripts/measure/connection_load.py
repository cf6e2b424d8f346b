"""Counts the connections that uploads open to a store on this machine, which responds at once."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from urllib.request import urlopen

from baseline import JPEG_START, service

from imgwire_async import AsyncImgwireClient

MIB = 1024 * 1024
SIZE = 3 * MIB


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 100_000):
        yield content[start : start + 100_000]


SOURCES: dict[str, Callable[[Path, bytes], object]] = {
    "path": lambda path, _: path,
    "bytes": lambda _, content: content,
    "open file": lambda path, _: path.open("rb"),
    "iterator": lambda _, content: iter([content[:MIB], content[MIB:]]),
    "async iterator": lambda _, content: _pieces(content),
}


def connections() -> None:
    """Connections that 20 uploads of 3 MiB one after another open, and 80 of them eight at a time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "photo.jpg")
        content = JPEG_START.ljust(SIZE, b"\0")
        path.write_bytes(content)
        for name, source in SOURCES.items():
            give = partial(source, path, content)
            alone, together = _opened(give, 20, 1), _opened(give, 80, 8)
            print(f"{name:15} 20 one after another: {alone:2}   80 eight at a time: {together:2}")


def _opened(source: Callable[[], object], uploads: int, at_once: int) -> int:
    with service() as base_url:
        asyncio.run(_upload(base_url, source, uploads, at_once))
        with urlopen(f"{base_url}/connections") as response:  # noqa: S310 - of the stub service
            return int(json.load(response)) - 1  # without the connection of this request


async def _upload(base_url: str, source: Callable[[], object], uploads: int, at_once: int) -> None:
    left = iter(range(uploads))
    async with AsyncImgwireClient("sk_bench", base_url=base_url) as imgwire:

        async def work() -> None:
            for _ in left:
                await imgwire.images.upload(source(), size=SIZE)  # type: ignore[arg-type]

        async with asyncio.TaskGroup() as tasks:
            for _ in range(at_once):
                tasks.create_task(work())
