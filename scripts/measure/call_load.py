"""Measures what a call costs beside bare aiohttp and httpx: processor time in turns, and instructions.

Processor time of one process on a busy machine varies by some ten percent, its ratio to that of a contestant
measured right before and after it by less. Instructions, counted by valgrind, repeat within 0.5 %; they
exclude the kernel.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import itertools
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
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
PAGES_IN_TURN = 50
COUNTED = 300  # calls whose instructions valgrind counts

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

OFFICIAL = "MEASURE_OFFICIAL"
"""Name of the environment variable with the folder in which the vendor's SDK is installed."""


def _spend_official(base_url: str, calls: int, at_once: int) -> float:
    """Processor seconds of a call of the vendor's SDK, which is synchronous: in as many threads as calls."""
    sys.path.insert(0, os.environ[OFFICIAL])
    vendor = importlib.import_module("imgwire")
    client = vendor.ImgwireClient(api_key=KEY, base_url=base_url)

    def all_of(count: int) -> None:
        with ThreadPoolExecutor(at_once) as threads:
            for done in [threads.submit(client.images.retrieve, IMAGE_ID) for _ in range(count)]:
                done.result()

    all_of(2 * at_once)
    gc.collect()
    gc.freeze()
    began = time.process_time()
    all_of(calls)
    return (time.process_time() - began) / calls


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
    """Processor seconds of a record: in a list, and in a bare script that decodes what aiohttp fetches.

    The contestants take turns. Decoding takes longer while pages arrive than in a separate loop, where all
    its data stays in the processor's caches, so the bare script is the fair comparison.
    """
    url = f"{base_url}/api/v1/images/?page=1&limit={PAGE_SIZE}"
    turns = pages // PAGES_IN_TURN
    found: dict[str, float] = {}
    async with (
        AsyncImgwireClient(KEY, base_url=base_url) as imgwire,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
    ):
        content = b""

        async def through_list(prefetch: int = 0) -> None:
            wanted = PAGES_IN_TURN * PAGE_SIZE
            async for _ in imgwire.images.list(limit=PAGE_SIZE, prefetch=prefetch, max_items=wanted):
                pass

        async def fetch() -> None:
            nonlocal content
            async with session.get(url, headers=_HEADERS) as response:
                content = await response.read()

        def decode() -> None:
            [Image.from_dict(record) for record in json.loads(content)]

        async def fetch_all() -> None:
            for _ in range(PAGES_IN_TURN):
                await fetch()

        async def decode_all() -> None:
            for _ in range(PAGES_IN_TURN):
                decode()

        async def bare_script() -> None:
            for _ in range(PAGES_IN_TURN):
                await fetch()
                decode()

        await imgwire.images.retrieve(IMAGE_ID)
        gc.collect()
        gc.freeze()
        contestants = {
            "list": through_list,
            "prefetch": lambda: through_list(prefetch=1),
            "bare": bare_script,
            "fetch": fetch_all,
            "decode": decode_all,
        }
        for _ in range(turns):
            for name, contestant in contestants.items():
                began = time.process_time()
                await contestant()
                found[name] = found.get(name, 0.0) + time.process_time() - began
    return {name: seconds / (turns * PAGES_IN_TURN * PAGE_SIZE) for name, seconds in found.items()}


def instructions(contestant: str, base_url: str) -> float | None:
    """Instructions of one call outside of the kernel; None without valgrind."""
    if shutil.which("valgrind") is None:
        return None
    with NamedTemporaryFile() as log:
        command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--instr-atstart=no"]
        command += [f"--log-file={log.name}", sys.executable, __file__, "count", contestant, base_url]
        environment = os.environ | {"PYTHONHASHSEED": "0"}
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        found = re.search(r"refs:\s+([\d,]+)", Path(log.name).read_text())
    assert found is not None
    return int(found[1].replace(",", "")) / COUNTED


async def _be_counted(contestant: str, base_url: str) -> None:
    """Make calls while valgrind counts; counting from the start would take minutes."""
    gc.disable()
    async with CONTESTANTS[contestant](base_url) as call:
        for _ in range(2 * AT_ONCE[-1]):
            await call()
        _control("on")
        for _ in range(COUNTED):
            await call()
        _control("off")


def _control(counting: str) -> None:
    command = ["callgrind_control", "--instr=" + counting, str(os.getpid())]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _measured(*arguments: object) -> Any:  # noqa: ANN401 - JSON
    command = [sys.executable, __file__, *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def print_retrieves(rounds: int, official: Path | None = None) -> None:
    """Print what `images.retrieve` costs, and a GET of the same record with the HTTP libraries.

    Args:
        rounds: turns of each contestant.
        official: folder in which the vendor's SDK is installed, to let it take part.
    """
    contestants = list(CONTESTANTS)
    if official is not None:
        os.environ[OFFICIAL] = str(official)
        contestants.append("official")
    with service() as base_url:
        print("images.retrieve: processor time of a call, and of what aiohttp takes (medians of turns)")
        for at_once in AT_ONCE:
            took: dict[str, list[float]] = {name: [] for name in contestants}
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
    for mine, other in itertools.product(("list", "prefetch"), ("bare", "decode")):
        ratio = statistics.median(one[mine] / one[other] for one in found)
        print(f"  {mine} / {other} {ratio:.2f}")


def _main() -> None:
    match sys.argv[1:]:
        case ["count", contestant, base_url]:
            asyncio.run(_be_counted(contestant, base_url))
        case ["list", base_url, pages]:
            print(json.dumps(asyncio.run(_list(base_url, int(pages)))))
        case ["official", base_url, calls, at_once]:
            print(json.dumps(_spend_official(base_url, int(calls), int(at_once))))
        case [contestant, base_url, calls, at_once]:
            print(json.dumps(asyncio.run(_spend(contestant, base_url, int(calls), int(at_once)))))


if __name__ == "__main__":
    _main()
