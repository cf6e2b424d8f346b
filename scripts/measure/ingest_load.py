"""Bulk jobs under load: files against bare aiohttp, and manifests of many URLs."""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from baseline import JPEG_START, service, upload_with_aiohttp

from imgwire_async import AlreadyStored, AsyncImgwireClient, Stored

MIB = 1024 * 1024
FILES = 10_000
SIZE = 60_000
CONCURRENCY = 16
MOST_REPEATED = 300_000
"""Rows of a manifest in all its rounds, else it is run once."""


class Measured(NamedTuple):
    seconds: float
    """Seconds from the creation of the client."""
    job_seconds: float
    """Seconds by the clock of a job, which starts once its source and journal are open; otherwise 0."""
    processor: float
    """Seconds of processor time."""
    peak: int
    """Peak memory of the process in bytes."""


def ingest(
    rows: Annotated[list[int], typer.Option(help="Rows of the URL manifests.")] = [10_000, 100_000],  # noqa: B006
    rounds: int = 3,
) -> None:
    """10,000 files of 60 kB: journaled jobs, `upload_many` and bare aiohttp; then manifests of URLs.

    The contestants take turns, and each shows its median. The manifests take turns as well; long ones are run
    only once. One of a million rows takes 15 minutes.
    """
    with tempfile.TemporaryDirectory() as folder, service() as base_url:
        files = Path(folder, "files")
        write_files(files, FILES)
        results: dict[str, list[Measured]] = {
            "aiohttp": [],
            "upload_many": [],
            "ingest": [],
            "processes=2": [],
        }
        for turn in range(rounds):
            for name, times in results.items():
                times.append(measured(name, base_url, files, Path(folder, f"{name}.{turn}.journal")))
        print(f"{FILES:,} files of {SIZE // 1000} kB, {CONCURRENCY} at once")
        medians = {name: statistics.median(one.seconds for one in times) for name, times in results.items()}
        for name, seconds in medians.items():
            peak = max(one.peak for one in results[name]) / MIB
            print(
                f"  {name:12} {FILES / seconds:7.0f}/s  peak {peak:5.0f} MiB"
                f"  {medians['aiohttp'] / seconds:.2f} of aiohttp"
                f"  {medians['upload_many'] / seconds:.2f} of upload_many"
            )
        print("manifests of URLs: items/s by the job's clock, processor time; and again when all is stored")
        for turn in range(rounds):
            for count in rows:
                if turn == 0 or count * rounds <= MOST_REPEATED:
                    run_manifest(base_url, Path(folder, f"{turn}-{count}"), count)


def write_files(folder: Path, count: int) -> None:
    """A new folder with this many different files of 60 kB."""
    folder.mkdir()
    for number in range(count):
        content = JPEG_START + number.to_bytes(4, "big")
        folder.joinpath(f"{number}.jpg").write_bytes(content.ljust(SIZE, b"\0"))


def run_manifest(base_url: str, path: Path, count: int) -> None:
    """Store the URLs of a manifest, then skip them, and print what it took."""
    manifest, journal = path.with_suffix(".jsonl"), path.with_suffix(".journal")
    with manifest.open("w") as file:
        for number in range(count):
            file.write(json.dumps({"url": f"https://assets.example.com/{number:09}.jpg"}) + "\n")
    first = measured("ingest", base_url, manifest, journal)
    again = measured("ingest", base_url, manifest, journal)
    print(
        f"  {count:9,} rows  {count / first.job_seconds:7.0f}/s  {first.processor / count * 1e6:5.0f} µs each"
        f"  peak {first.peak / MIB:5.0f} MiB  journal {journal.stat().st_size / MIB:5.0f} MiB"
        f"  again: {again.seconds:5.1f} s, {again.processor / count * 1e6:3.0f} µs each,"
        f" peak {again.peak / MIB:5.0f} MiB",
        flush=True,
    )


def measured(client: str, base_url: str, source: Path, journal: Path) -> Measured:
    bench = Path(__file__).with_name("bench.py")
    command = [sys.executable, str(bench), "ingest-client", client, base_url, str(source), str(journal)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Measured(*json.loads(done.stdout))


def ingest_client(client: str, base_url: str, source: Path, journal: Path) -> None:
    """Store the files of a folder or the URLs of a manifest in this process, and print what it took."""
    print(json.dumps(asyncio.run(_measure(client, base_url, source, journal))))


async def _measure(client: str, base_url: str, source: Path, journal: Path) -> Measured:
    if client != "aiohttp":
        # The first request and the first job of a process load modules, as the script has done with aiohttp.
        with tempfile.TemporaryDirectory() as empty:
            async with AsyncImgwireClient("sk_bench", base_url=base_url) as imgwire:
                await imgwire.health()
                await _ingest(imgwire, Path(empty), Path(empty, "journal"), processes=1)
    gc.freeze()  # collections that go through all benchmarks say nothing about jobs
    started, processor = time.perf_counter(), time.process_time()
    job_seconds = 0.0
    if client == "aiohttp":
        await _store_with_aiohttp(base_url, source)
    else:
        async with AsyncImgwireClient("sk_bench", base_url=base_url) as imgwire:
            if client == "upload_many":
                await _upload_many(imgwire, source)
            else:
                processes = 2 if client == "processes=2" else 1
                job_seconds = await _ingest(imgwire, source, journal, processes)
    return Measured(
        time.perf_counter() - started,
        job_seconds,
        time.process_time() - processor,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    )


async def _upload_many(imgwire: AsyncImgwireClient, folder: Path) -> None:
    files = folder.iterdir()  # noqa: ASYNC240 - as most programs do
    async with imgwire.images.upload_many(files, concurrency=CONCURRENCY) as uploads:
        async for upload in uploads:
            assert upload.error is None


async def _ingest(imgwire: AsyncImgwireClient, source: Path, journal: Path, processes: int) -> float:
    async with imgwire.ingest(source, journal=journal, concurrency=CONCURRENCY, processes=processes) as job:
        async for outcome in job:
            assert isinstance(outcome, Stored | AlreadyStored)
        return job.report.seconds


async def _store_with_aiohttp(base_url: str, folder: Path) -> None:
    waiting = folder.iterdir()  # noqa: ASYNC240 - what a bare script does
    async with upload_with_aiohttp(base_url) as upload:

        async def worker() -> None:
            for file in waiting:
                await upload(file)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(CONCURRENCY):
                tasks.create_task(worker())
