"""Measures the figures that the guides state. Not part of the tests: figures depend on the machine.

    .venv/bin/python scripts/measure/bench.py uploads
    .venv/bin/python scripts/measure/bench.py fastapi
    .venv/bin/python scripts/measure/bench.py ingest
    .venv/bin/python scripts/measure/bench.py journal --rows 1000000
    .venv/bin/python scripts/measure/bench.py cluster
    .venv/bin/python scripts/measure/bench.py pacing
    .venv/bin/python scripts/measure/bench.py stores
    .venv/bin/python scripts/measure/bench.py urls
    .venv/bin/python scripts/measure/bench.py calls
    .venv/bin/python scripts/measure/bench.py connections
    .venv/bin/python scripts/measure/bench.py import

Every client runs in its own process, so that its peak memory is separate; so does the service, which
responds like Imgwire and discards the bytes.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Annotated, NamedTuple
from urllib.parse import urlencode

import typer
from baseline import JPEG_START, Upload, longest_stall, service, upload_with_aiohttp
from call_frames import print_costs
from call_load import print_lists, print_retrieves
from cluster_load import cluster, cluster_client
from connection_load import connections
from fastapi_load import fastapi
from import_times import imports
from ingest_load import ingest, ingest_client
from journal_load import journal
from pacing_load import pacing
from store_load import stores

from imgwire_async import AsyncImgwireClient, cdn_url

MIB = 1024 * 1024
BIG = 512 * MIB
SMALL = 60_000
MANY = 1000

# Clients that compile modules instead of loading them would be measured at that.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)


@app.callback()
def commands() -> None:
    """Measures the figures that the guides state."""


@app.command()
def calls(
    rounds: int = 5,
    official: Annotated[
        Path | None,
        typer.Option(help="Let the vendor's SDK take part, from `pip install --target PATH imgwire`."),
    ] = None,
) -> None:
    """What a call and a record of a list cost beside bare aiohttp and httpx; frames and Python calls."""
    print_costs()
    print_retrieves(rounds, official)
    print_lists(rounds)


class Measured(NamedTuple):
    seconds: float
    growth: int
    """Bytes by which the peak memory of the process rose."""
    longest_stall: float
    """Longest time in seconds that the event loop was blocked."""


@app.command()
def uploads(rounds: int = 5) -> None:
    """One file of 512 MiB and 1,000 files of 60 kB: this SDK, bare aiohttp, and curl.

    The contestants take turns, `rounds` times, and each shows its median, so that other load on the
    machine affects all of them.
    """
    with tempfile.TemporaryDirectory() as folder, service() as base_url:
        big = Path(folder, "big.jpg")
        write_big(big)
        small = Path(folder, "small")
        small.mkdir()
        for number in range(MANY):
            small.joinpath(f"{number}.jpg").write_bytes(JPEG_START + os.urandom(SMALL - len(JPEG_START)))

        print(f"one file of {BIG // MIB} MiB, cached: MiB/s, peak memory growth, event loop stall, of curl")
        results: dict[str, list[Measured]] = {"curl": [], "aiohttp": [], "imgwire": []}
        for _ in range(rounds):
            results["curl"].append(Measured(curl_put(big, base_url), 0, 0))
            for client in ("aiohttp", "imgwire"):
                results[client].append(measured(client, base_url, str(big), "1"))
        report(results, BIG / MIB, against="curl")

        print(f"{MANY} files of {SMALL // 1000} kB: files/s (create and PUT), and as above, of aiohttp")
        for concurrency in ("16", "64"):
            results = {"aiohttp": [], "imgwire": []}
            for _ in range(rounds):
                for client, measurements in results.items():
                    measurements.append(measured(client, base_url, str(small), concurrency))
            print(f"  {concurrency} at a time")
            report(results, MANY, against="aiohttp")


@app.command()
def urls() -> None:
    """A CDN URL with four transformations, and `urllib.parse.urlencode` of the same pairs."""
    base = "https://cdn.imgwire.dev/9b2c/4f1d/0c3e"
    pairs = {"width": 640, "height": 360, "format": "webp", "quality": 80}
    many = itertools.count(1)

    def varying() -> str:
        return cdn_url(base, width=next(many) % 8192 + 1, height=360, format="webp", quality=80)

    encode = microseconds(lambda: urlencode(pairs))
    print(f"  urlencode of the same pairs      {encode:6.2f} µs")
    for name, build in (
        (
            "the same transformations again",
            lambda: cdn_url(base, width=640, height=360, format="webp", quality=80),
        ),
        ("another width every time", varying),
    ):
        took = microseconds(build)
        print(f"  {name:32} {took:6.2f} µs   {took / encode:.2f} of urlencode")


def microseconds(call: Callable[[], object], times: int = 50_000) -> float:
    """Time of one call, the best of five rounds."""
    return min(timeit.repeat(call, number=times, repeat=5)) / times * 1e6


def write_big(path: Path) -> None:
    """Real bytes instead of a sparse file, all of them in the page cache."""
    block = os.urandom(MIB)
    with path.open("wb") as file:
        file.write(JPEG_START.ljust(MIB, b"\0"))
        for _ in range(BIG // MIB - 1):
            file.write(block)


def report(results: dict[str, list[Measured]], amount: float, against: str) -> None:
    """A line for each contestant: the medians, the worst of memory and stall, and the ratio."""
    reference = statistics.median(result.seconds for result in results[against])
    for name, measurements in results.items():
        seconds = statistics.median(result.seconds for result in measurements)
        growth = max(result.growth for result in measurements) / MIB
        stall = statistics.median(result.longest_stall for result in measurements) * 1000
        rate, ratio = amount / seconds, reference / seconds
        print(f"    {name:8} {rate:7.0f}/s  {growth:6.1f} MiB  {stall:5.0f} ms  {ratio:.2f} of {against}")


def measured(client: str, base_url: str, path: str, concurrency: str) -> Measured:
    command = [sys.executable, __file__, "measure-client", client, base_url, path, concurrency]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Measured(*json.loads(done.stdout))


def curl_put(path: Path, base_url: str) -> float:
    curl = shutil.which("curl")
    if curl is None:
        sys.exit("curl is not installed")
    started = time.perf_counter()
    command = [curl, "-sS", "-H", "Expect:", "-T", str(path), "-o", "/dev/null", f"{base_url}/store"]
    subprocess.run(command, check=True)
    return time.perf_counter() - started


@app.command(hidden=True)
def measure_client(client: str, base_url: str, path: Path, concurrency: int) -> None:
    """Upload a file, or the files of a folder, in this process, and print what it took."""
    # This process has imported all benchmarks; collections that go through them say nothing about uploads.
    gc.freeze()
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    upload_all = {"imgwire": upload_with_imgwire, "aiohttp": upload_with_aiohttp}[client]
    print(json.dumps(asyncio.run(measure(upload_all, base_url, files, concurrency))))


async def measure(
    opened: Callable[[str], AbstractAsyncContextManager[Upload]],
    base_url: str,
    files: list[Path],
    concurrency: int,
) -> Measured:
    async with opened(base_url) as upload, longest_stall() as stall:
        warm_up = Path(files[0].parent, "warm-up.jpg")
        await asyncio.to_thread(warm_up.write_bytes, JPEG_START)
        await upload(warm_up)
        await asyncio.to_thread(warm_up.unlink)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        stall[0] = 0.0
        started = time.perf_counter()
        waiting = iter(files)

        async def worker() -> None:
            for file in waiting:
                await upload(file)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(concurrency):
                tasks.create_task(worker())
        seconds = time.perf_counter() - started
        growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        return Measured(seconds, growth * 1024, stall[0])


@asynccontextmanager
async def upload_with_imgwire(base_url: str) -> AsyncIterator[Upload]:
    async with AsyncImgwireClient(api_key="sk_bench", base_url=base_url) as imgwire:
        yield imgwire.images.upload


app.command()(fastapi)
app.command("import")(imports)
app.command()(connections)
app.command()(ingest)
app.command()(journal)
app.command()(cluster)
app.command()(pacing)
app.command()(stores)
app.command(hidden=True)(ingest_client)
app.command(hidden=True)(cluster_client)

if __name__ == "__main__":
    app()
