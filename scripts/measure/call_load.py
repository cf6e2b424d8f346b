"""Measures what a call costs beside bare aiohttp and httpx: processor time in turns, and instructions.

Processor time of one process on a busy machine varies by some ten percent, its ratio to that of a contestant
measured right before and after it by less. Instructions, counted by valgrind, repeat within 0.5 %; they leave
out what the kernel does.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, TypeAlias

import aiohttp
import httpx
from baseline import service

from imgwire_async import AsyncImgwireClient, Image

IMAGE_ID = "5f0c9f2e-1d1b-4b35-9a7a-1f2d2c3b4a5d"
KEY = "sk_bench"
AT_ONCE = (1, 16, 100)
CALLS = 2000
PAGES = 1000
PAGE_SIZE = 100
SHORT, LONG = 100, 300  # calls that valgrind counts; the difference leaves out the start of the process

Call: TypeAlias = Callable[[], Awaitable[object]]
_PATH = f"/api/v1/images/{IMAGE_ID}"
_HEADERS = {"Authorization": f"Bearer {KEY}"}


@asynccontextmanager
async def _imgwire(base_url: str) -> AsyncIterator[Call]:
    async with AsyncImgwireClient(KEY, base_url=base_url, concurrency=max(AT_ONCE)) as imgwire:
        yield lambda: imgwire.images.retrieve(IMAGE_ID)


@asynccontextmanager
async def _aiohttp(base_url: str) -> AsyncIterator[Call]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def call() -> None:
            async with session.get(base_url + _PATH, headers=_HEADERS) as response:
                response.raise_for_status()
                await response.json()

        yield call


@asynccontextmanager
async def _httpx(base_url: str) -> AsyncIterator[Call]:
    async with httpx.AsyncClient(base_url=base_url, headers=_HEADERS) as client:

        async def call() -> None:
            response = await client.get(_PATH)
            response.raise_for_status().json()

        yield call


CONTESTANTS = {"aiohttp": _aiohttp, "httpx": _httpx, "imgwire": _imgwire}


async def _spend(contestant: str, base_url: str, calls: int, at_once: int) -> float:
    """Processor seconds of a call."""
    async with CONTESTANTS[contestant](base_url) as call:

        async def work(left: Any) -> None:  # noqa: ANN401 - an iterator that tasks share
            for _ in left:
                await call()

        async def all_of(count: int) -> None:
            left = iter(range(count))
            await asyncio.gather(*(work(left) for _ in range(at_once)))

        await all_of(2 * at_once)
        gc.collect()
        gc.freeze()
        began = time.process_time()
        await all_of(calls)
        return (time.process_time() - began) / calls


async def _list(base_url: str, pages: int) -> dict[str, float]:
    """Processor seconds of a record: in a list, in its pages fetched with bare aiohttp, and decoded only."""
    found: dict[str, float] = {}
    async with AsyncImgwireClient(KEY, base_url=base_url) as imgwire:
        await imgwire.images.retrieve(IMAGE_ID)
        began = time.process_time()
        count = 0
        async for _ in imgwire.images.list(limit=PAGE_SIZE, prefetch=1):
            count += 1
            if count == pages * PAGE_SIZE:
                break
        found["list"] = (time.process_time() - began) / count
    url = f"{base_url}/api/v1/images/?page=1&limit={PAGE_SIZE}"
    async with aiohttp.ClientSession() as session:
        content = b""
        began = time.process_time()
        for _ in range(pages):
            async with session.get(url, headers=_HEADERS) as response:
                content = await response.read()
        found["aiohttp"] = (time.process_time() - began) / count
    began = time.process_time()
    for _ in range(pages):
        [Image.from_dict(record) for record in json.loads(content)]
    found["decode"] = (time.process_time() - began) / count
    return found


def instructions(contestant: str, base_url: str) -> float | None:
    """Instructions of one call outside of the kernel; None without valgrind."""
    if shutil.which("valgrind") is None:
        return None
    counted = []
    for calls in (SHORT, LONG):
        with NamedTemporaryFile() as log:
            command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
            command += [
                f"--log-file={log.name}",
                sys.executable,
                __file__,
                contestant,
                base_url,
                str(calls),
                "1",
            ]
            environment = os.environ | {"PYTHONHASHSEED": "0", "MEASURE_WITHOUT_GC": "1"}
            subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
            found = re.search(r"refs:\s+([\d,]+)", Path(log.name).read_text())
            assert found is not None
            counted.append(int(found[1].replace(",", "")))
    return (counted[1] - counted[0]) / (LONG - SHORT)


def _measured(*arguments: object) -> Any:  # noqa: ANN401 - JSON
    command = [sys.executable, __file__, *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def print_retrieves(rounds: int) -> None:
    """Print what `images.retrieve` costs, and a GET of the same record with the HTTP libraries."""
    with service() as base_url:
        print("images.retrieve: processor time of a call, and of what aiohttp takes (medians of turns)")
        for at_once in AT_ONCE:
            took: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
            for _ in range(rounds):
                for name, measured in took.items():
                    measured.append(_measured(name, base_url, CALLS, at_once))
            for name, measured in took.items():
                ratio = statistics.median(
                    mine / bare for mine, bare in zip(measured, took["aiohttp"], strict=True)
                )
                median = statistics.median(measured) * 1e6
                print(f"  {at_once:3} at once  {name:8} {median:6.0f} µs  {ratio:5.2f} of aiohttp")
        bare = instructions("aiohttp", base_url)
        if bare is None:
            print("  instructions: valgrind is not installed")
            return
        for name in CONTESTANTS:
            mine = bare if name == "aiohttp" else instructions(name, base_url) or 0.0
            print(f"  instructions {name:8} {mine / 1000:6.0f} k   {mine / bare:5.2f} of aiohttp")


def print_lists(rounds: int) -> None:
    """Print what a record of a list of 100,000 costs."""
    with service() as base_url:
        found = [_measured("list", base_url, PAGES) for _ in range(rounds)]
    print(f"a list of {PAGES * PAGE_SIZE:,} records in pages of {PAGE_SIZE}: processor time of a record")
    for name in found[0]:
        print(f"  {name:8} {statistics.median(one[name] for one in found) * 1e6:6.2f} µs")
    ratios = [one["list"] / one["decode"] for one in found]
    without_fetching = [(one["list"] - one["aiohttp"]) / one["decode"] for one in found]
    print(
        f"  list / decode {statistics.median(ratios):.2f}; without what aiohttp takes to fetch the pages "
        f"{statistics.median(without_fetching):.2f}"
    )


def _main() -> None:
    if os.environ.get("MEASURE_WITHOUT_GC"):
        gc.disable()
    match sys.argv[1:]:
        case ["list", base_url, pages]:
            print(json.dumps(asyncio.run(_list(base_url, int(pages)))))
        case [contestant, base_url, calls, at_once]:
            print(json.dumps(asyncio.run(_spend(contestant, base_url, int(calls), int(at_once)))))


if __name__ == "__main__":
    _main()
