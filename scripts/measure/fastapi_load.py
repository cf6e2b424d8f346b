"""Load for the example service of the guide: `scripts/measure/bench.py fastapi`."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import aiohttp
import typer
from loop_watch import WORTH_A_LOOK

from imgwire_async.sandbox import Fault, Sandbox

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
GUIDE = ROOT / "imgwire_async" / "guides" / "fastapi.md"
OPTIONS = ["--log-level=warning", "--loop=asyncio"]  # uvloop's callbacks cannot be timed
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
OBSERVED = """
import asyncio
from contextlib import asynccontextmanager

from fastapi import FastAPI
from loop_watch import LoopWatch
from service import app as service

watch = LoopWatch()


@asynccontextmanager
async def watched(app):
    watch.install()
    async with service.router.lifespan_context(service) as state:
        yield state


app = FastAPI(lifespan=watched)


@app.get("/health")
async def health() -> int:
    return len(asyncio.all_tasks())


@app.post("/stalls")
async def stalls() -> dict:
    report = watch.report()
    watch.reset()
    return report


app.mount("/", service)
"""


class Footprint(NamedTuple):
    """Resources of the service."""

    descriptors: int
    tasks: int
    mib: float


def fastapi(
    uploads: Annotated[int, typer.Option(help="How many images are uploaded.")] = 20_000,
    concurrency: Annotated[int, typer.Option(help="How many at a time.")] = 200,
    freeze: Annotated[
        bool, typer.Option(help="Start the service with `imgwire_lifespan(freeze=True)`.")
    ] = False,
) -> None:
    """The example service under load, with 10 % of the creates answered 503."""
    with Sandbox(journal_size=1) as sandbox, running_service(sandbox, freeze=freeze) as (base_url, pid):
        # Not 429: after some at random, the client paces itself as if there were a limit to find.
        sandbox.faults.random(0.1, 1, [Fault(status=503)], "images.create")
        asyncio.run(load(base_url, pid, uploads, concurrency))


async def load(base_url: str, pid: int, uploads: int, concurrency: int) -> None:
    """Upload, and inspect the service before, during and afterwards."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(base_url, connector=connector) as session:
        await upload_many(session, max(concurrency * 2, 500), concurrency)  # warms up
        await asyncio.sleep(1)
        before = await footprint(session, pid)
        await stalls(session)  # restarts the count
        health: list[float] = []
        watcher = asyncio.create_task(watch_health(session, health))
        started = time.perf_counter()
        seconds, statuses = await upload_many(session, uploads, concurrency)
        took = time.perf_counter() - started
        watcher.cancel()
        loop = await stalls(session)
        await asyncio.sleep(1)
        after = await footprint(session, pid)
    print(f"{uploads} uploads, {concurrency} at a time: {uploads / took:.0f} per second, {dict(statuses)}")
    print(f"upload:  {percentiles(seconds)}")
    print(f"health:  {percentiles(health)}  ({len(health)} requests meanwhile)")
    print_loop(loop)
    print(f"before:  {before.descriptors} descriptors, {before.tasks} tasks, {before.mib:.1f} MiB")
    print(f"after:   {after.descriptors} descriptors, {after.tasks} tasks, {after.mib:.1f} MiB")


async def upload_many(
    session: aiohttp.ClientSession, uploads: int, concurrency: int
) -> tuple[list[float], Counter[int]]:
    """Seconds that each upload took, and how many ended with which status."""
    seconds: list[float] = []
    statuses: Counter[int] = Counter()
    numbers = iter(range(uploads))

    async def worker() -> None:
        for number in numbers:
            started = time.perf_counter()
            async with session.put(f"/images/{number}.png", data=PNG) as answer:
                await answer.read()
                statuses[answer.status] += 1
            seconds.append(time.perf_counter() - started)

    await asyncio.gather(*(worker() for _ in range(concurrency)))
    return seconds, statuses


async def watch_health(session: aiohttp.ClientSession, seconds: list[float]) -> None:
    """Call an endpoint that does nothing, 50 times a second."""
    while True:
        started = time.perf_counter()
        async with session.get("/health") as answer:
            await answer.read()
        seconds.append(time.perf_counter() - started)
        await asyncio.sleep(0.02)


async def stalls(session: aiohttp.ClientSession) -> dict[str, Any]:
    """What has blocked the service's event loop since the last call; see `LoopWatch`."""
    async with session.post("/stalls") as answer:
        report: dict[str, Any] = await answer.json()
        return report


def print_loop(report: dict[str, Any]) -> None:
    """The longest callbacks of the service's event loop, and their causes."""
    limit = f"{WORTH_A_LOOK * 1000:.0f} ms"
    waited = report["longest_without_core"] * 1000
    print(
        f"loop:    {report['callbacks']} callbacks; over {limit} by their own doing: {report['over']}, "
        f"{report['over_by_collecting']} of them by garbage collection\n"
        f"         over {limit} on the clock: {report['over_on_the_clock']}; the system withheld the core "
        f"for up to {waited:.0f} ms\n"
        f"         garbage collections, {report['collections']} of the three generations, "
        f"took up to {report['longest_collection'] * 1000:.1f} ms\n"
        "         the longest by their own doing:"
    )
    for one in report["worst"]:
        parts = ", ".join(
            f"{name} {one[name] * 1000:.1f}" for name in ("processor", "collecting", "blocked", "core")
        )
        print(f"         {one['own'] * 1000:6.1f} ms ({parts}): {one['what']}")
        if one["own"] - one["collecting"] > WORTH_A_LOOK:
            print(textwrap.indent(one["stack"], " " * 12), end="")


async def footprint(session: aiohttp.ClientSession, pid: int) -> Footprint:
    """Descriptors, tasks and resident memory of the service."""
    async with session.get("/health") as answer:
        tasks = int(await answer.text())
    process = Path(f"/proc/{pid}")
    pages = int((process / "statm").read_text().split()[1])
    mib = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return Footprint(len(list((process / "fd").iterdir())), tasks, mib)


def percentiles(seconds: list[float]) -> str:
    """Median, p99 and maximum in milliseconds."""
    p99 = statistics.quantiles(seconds, n=100)[98]
    shown = {"p50": statistics.median(seconds), "p99": p99, "max": max(seconds)}
    return ", ".join(f"{name} {value * 1000:.1f} ms" for name, value in shown.items())


@contextmanager
def running_service(sandbox: Sandbox, *, freeze: bool) -> Iterator[tuple[str, int]]:
    """Base URL and process id of the example service."""
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        program = next(block for block in blocks if "app = FastAPI(" in block)
        if freeze:
            assert "imgwire_lifespan()" in program
            program = program.replace("imgwire_lifespan()", "imgwire_lifespan(freeze=True)")
        Path(folder, "service.py").write_text(program)
        Path(folder, "observed.py").write_text(OBSERVED)
        service = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "uvicorn",
                f"--port={port}",
                "--log-level=warning",
                *OPTIONS,
                "observed:app",
            ],
            cwd=folder,
            env=os.environ
            | {
                "IMGWIRE_API_KEY": sandbox.server_key,
                "IMGWIRE_API_BASE_URL": sandbox.base_url,
                "PYTHONPATH": os.pathsep.join([str(HERE), str(ROOT)]),
            },
        )
        try:
            while not is_listening(port):
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}", service.pid
        finally:
            service.send_signal(signal.SIGINT)
            service.wait()


def is_listening(port: int) -> bool:
    """Whether the port accepts connections."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
