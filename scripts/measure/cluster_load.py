"""Bulk jobs by two processes of this machine, and by two workers on the second node of a Ray cluster."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from baseline import service
from ingest_load import CONCURRENCY, MIB, write_files

from imgwire_async import AsyncImgwireClient, RayRunner, Stored

WARM_UP = 100
OF_RAY = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # everything stays on loopback
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


class Measured(NamedTuple):
    first: float
    """Seconds from `async with` to the first outcome."""
    rate: float
    """Items a second from then on."""
    processor: float
    """Seconds of the driver's processor time for each of them."""
    memory: int
    """Peak memory of the driver in bytes, with shared memory divided among its users."""


def cluster(
    files: int = 8_000,
    rows: Annotated[list[int], typer.Option(help="Rows of the URL manifests.")] = [10_000, 100_000],  # noqa: B006
    rounds: int = 3,
) -> None:
    """Files of 60 kB by `processes=2` and by two workers on a second Ray node; the driver's memory for URLs.

    The contestants take turns, and each shows its median. Takes 3 to 4 minutes on two quiet cores.
    """
    # As for users, modules were compiled by an earlier process.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder, service() as base_url, two_nodes():
        few, many = Path(folder, "few"), Path(folder, "many")
        write_files(few, WARM_UP)
        write_files(many, files)
        results: dict[str, list[Measured]] = {"processes=2": [], "Ray": []}
        for name in results:
            measured(name, base_url, few, Path(folder, f"{name}.journal"))
        for turn in range(rounds):
            for name, turns in results.items():
                turns.append(measured(name, base_url, many, Path(folder, f"{turn}-{name}.journal")))
        print(
            f"{files} files of 60 kB, {CONCURRENCY} at once: first outcome, and of the driver time and memory"
        )
        pipes = median(results["processes=2"])
        for name, turns in results.items():
            mine = median(turns)
            print(
                f"  {name:12} {mine.rate:6.0f}/s ({mine.rate / pipes.rate:.2f} of processes=2)"
                f"  first {mine.first:4.1f} s (best {min(one.first for one in turns):.1f})"
                f"  {mine.processor * 1000:.3f} ms ({mine.processor / pipes.processor:.2f})"
                f"  {mine.memory / MIB:4.0f} MiB",
                flush=True,
            )
        print("manifests of URLs on the cluster: items/s, driver's time for each, and memory")
        for count in rows:
            manifest = Path(folder, f"{count}.jsonl")
            with manifest.open("w") as file:
                for number in range(count):
                    file.write(json.dumps({"url": f"https://assets.example.com/{number:09}.jpg"}) + "\n")
            mine = measured("Ray", base_url, manifest, manifest.with_suffix(".journal"))
            print(
                f"  {count:8,} rows {mine.rate:6.0f}/s  {mine.processor * 1000:.3f} ms"
                f"  {mine.memory / MIB:5.1f} MiB",
                flush=True,
            )


@contextmanager
def two_nodes() -> Iterator[None]:
    """A Ray cluster of two nodes on this machine, to which `RAY_ADDRESS` points."""
    os.environ |= OF_RAY
    try:
        utilities: Any = importlib.import_module("ray.cluster_utils")
    except ImportError:
        sys.exit("Ray is not installed: pip install 'imgwire-async[ray]'")
    made = utilities.Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        made.add_node(num_cpus=2, resources={"far": 2})
        made.wait_for_nodes()
        os.environ["RAY_ADDRESS"] = made.address
        yield
    finally:
        made.shutdown()


def median(turns: list[Measured]) -> Measured:
    """The median of each value."""
    first, rate, processor, memory = (statistics.median(values) for values in zip(*turns, strict=True))
    return Measured(first, rate, processor, int(memory))


def measured(name: str, base_url: str, source: Path, journal: Path) -> Measured:
    """The cost of a job in its own process."""
    bench = Path(__file__).with_name("bench.py")
    command = [sys.executable, str(bench), "cluster-client", name, base_url, str(source), str(journal)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Measured(*json.loads(done.stdout.splitlines()[-1]))


def cluster_client(name: str, base_url: str, source: Path, journal: Path) -> None:
    """Store a folder or a manifest, by processes or on the cluster, and print what it took."""
    print(json.dumps(asyncio.run(_measure(name, base_url, source, journal))))


async def _measure(name: str, base_url: str, source: Path, journal: Path) -> Measured:
    by: dict[str, Any] = {"processes": 2}
    if name == "Ray":
        runner = RayRunner(workers=2, num_cpus=0.5, resources={"far": 1})
        by = {"runner": runner, "shared_paths": True}
    async with AsyncImgwireClient("sk_bench", base_url=base_url) as imgwire:
        await imgwire.health()
        stored, most = 0, 0
        began = first = time.perf_counter()
        processor = 0.0
        async with imgwire.ingest(source, journal=journal, concurrency=CONCURRENCY, **by) as job:
            async for outcome in job:
                assert isinstance(outcome, Stored)
                if not stored:
                    first, processor = time.perf_counter(), time.process_time()
                stored += 1
                if stored % 1000 == 0:
                    most = max(most, _memory())
            seconds = time.perf_counter() - first
            processor = time.process_time() - processor
        return Measured(first - began, (stored - 1) / seconds, processor / stored, most)


def _memory() -> int:
    """Proportional set size of this process, in bytes; Linux only."""
    try:
        lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
