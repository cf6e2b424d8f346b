"""Shared parts of the benchmarks: a service that does almost nothing, and a bare aiohttp script to beat."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp

JPEG_START = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"

Upload = Callable[[Path], Awaitable[object]]


def service() -> AbstractContextManager[str]:
    """The base URL of a stub service in a process of its own."""
    return served_by("stub_service.py")


@contextmanager
def served_by(script: str) -> Iterator[str]:
    """The base URL of a script beside this one, which serves until its standard input ends."""
    command = [sys.executable, str(Path(__file__).with_name(script))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


@asynccontextmanager
async def upload_with_aiohttp(base_url: str) -> AsyncIterator[Upload]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def upload(file: Path) -> None:
            size = file.stat().st_size  # noqa: ASYNC240 - what a bare script does
            body = {"file_name": file.name, "mime_type": "image/jpeg", "content_length": size}
            headers = {"Authorization": "Bearer sk_bench"}
            url = f"{base_url}/api/v1/images/standard_upload"
            async with session.post(url, json=body, headers=headers) as answer:
                upload_url = (await answer.json())["upload_url"]
            with file.open("rb") as content:
                headers = {"Content-Type": "image/jpeg"}
                async with session.put(upload_url, data=content, headers=headers) as answer:
                    answer.raise_for_status()

        yield upload


@asynccontextmanager
async def longest_stall() -> AsyncIterator[list[float]]:
    """The longest time in seconds so far that the event loop was blocked, as a list of one."""
    longest = [0.0]

    async def watch() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            longest[0] = max(longest[0], time.perf_counter() - before - 0.005)

    watcher = asyncio.create_task(watch())
    try:
        yield longest
    finally:
        watcher.cancel()
