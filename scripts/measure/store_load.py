"""Cloud stores under load: a long listing, a large object, and jobs over buckets and over a folder."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from baseline import JPEG_START, longest_stall, served_by, service
from loop_watch import LoopWatch

from imgwire_async import AsyncImgwireClient, Stored
from imgwire_async.bodies.objects import StoredObject
from imgwire_async.core.time import RealTime
from imgwire_async.ingest.sources.buckets import Bucket, BucketEntries

MIB = 1024 * 1024
SIZE = 60_000
CONCURRENCY = 16
OPTIONS = {"region": "us-east-1", "access_key_id": "AKIDEXAMPLE", "secret_access_key": "secret"}
watch = LoopWatch()
JOBS = {
    "folder": "local folder",
    "objects": "bucket",
    "slow-objects": "bucket, 30 ms for a GET",
    "url": 'transfer="url"',
}
"""Sources of a job by their labels in the figures; all except the first are buckets."""


class Measured(NamedTuple):
    seconds: float
    processor: float
    """Seconds of processor time."""
    growth: int
    """Bytes by which the peak memory of the process rose."""
    stall: float
    """Longest time in seconds that the event loop was blocked."""
    own_stall: float
    """The longest one caused by the program: without the time in which others had the core."""
    peak: int


def stores(keys: int = 1_000_000, mib: int = 512, objects: int = 2000, rounds: int = 3) -> None:
    """A listing, a large object, and a job over a bucket, beside one over a local folder; and their targets.

    The store is a process of its own, which makes up what it has. Contestants take turns, and each shows its
    median; memory and stalls are the worst of the turns.
    """
    with tempfile.TemporaryDirectory() as name, service() as base_url, served_by("store_service.py") as url:
        folder = Path(name)
        files = folder / "files"
        files.mkdir()
        for number in range(objects):
            content = JPEG_START + number.to_bytes(8, "big")
            files.joinpath(f"{number:06}.jpg").write_bytes(content.ljust(SIZE, b"\0"))

        def measured(what: str, count: int) -> Measured:
            scratch = tempfile.mkdtemp(dir=folder)
            # Not through bench.py, whose imports would make garbage collections slower.
            command = [sys.executable, __file__, what, url, base_url, str(files), scratch, str(count)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            return Measured(*json.loads(done.stdout))

        listings = [measured("keys", keys) for _ in range(rounds)]
        print(f"listing {keys:,} keys as the source of a job")
        print_one(listings, keys, "keys/s", least=50_000, growth=15, stall=50)
        larges = [measured("large", mib) for _ in range(rounds)]
        print(f"one object of {mib} MiB, from the store to the service")
        print_one(larges, mib, "MiB/s", least=300, growth=16, stall=20)
        jobs: dict[str, list[Measured]] = {what: [] for what in JOBS}
        for _ in range(rounds):
            for what, results in jobs.items():
                results.append(measured(what, objects))
        print(f"{objects:,} images of {SIZE // 1000} kB in a job, {CONCURRENCY} at once")
        print_jobs(jobs, objects)


def print_one(
    results: list[Measured], amount: int, unit: str, *, least: int, growth: int, stall: int
) -> None:
    """A line with the median and the worst of some turns, and the targets."""
    rate = amount / statistics.median(one.seconds for one in results)
    grown = max(one.growth for one in results) / MIB
    stalled, own = (
        statistics.median(getattr(one, name) for one in results) * 1000 for name in ("stall", "own_stall")
    )
    print(
        f"  {rate:8,.0f} {unit} (at least {least:,})   +{grown:.1f} MiB (at most {growth})"
        f"   stall {stalled:.0f} ms (at most {stall}), {own:.0f} ms of its own"
    )


def print_jobs(jobs: dict[str, list[Measured]], count: int) -> None:
    """A line for each source: medians, and their ratios to those of the local folder, with the targets."""
    rates = {
        what: count / statistics.median(one.seconds for one in results) for what, results in jobs.items()
    }
    processor = {
        what: statistics.median(one.processor for one in results) / count * 1000
        for what, results in jobs.items()
    }
    least = {"objects": 0.60, "slow-objects": 0.50, "url": 1.30}
    for what, results in jobs.items():
        peak = max(one.peak for one in results) / MIB
        print(
            f"  {JOBS[what]:24} {rates[what]:6.0f}/s  {processor[what]:5.2f} ms of processor time each"
            f"  peak {peak:3.0f} MiB"
        )
        if what in least:
            print(
                f"  {'':24} {rates[what] / rates['folder']:.2f} of the folder's rate"
                f" (at least {least[what]:.2f}),"
                f" {processor[what] / processor['folder']:.2f} of its processor time"
                + (" (at most 1.30)" if what == "objects" else "")
            )


async def _measure(what: str, url: str, base_url: str, files: Path, scratch: Path, count: int) -> Measured:
    """List, send or store the objects of a contestant."""
    if what == "keys":
        return await _list(url, count)
    if what == "large":
        return await _send(url, base_url, count)
    return await _ingest(what, url, base_url, files, scratch, count)


async def _list(url: str, count: int) -> Measured:
    watch.install()
    results: list[Measured] = []
    for keys in (1000, count):  # the first one loads modules
        entries = BucketEntries(Bucket(f"s3+{url}/keys-{keys}/", options=OPTIONS), RealTime())
        found = 0
        async with measuring(results):
            async for batch in entries.batches(None):
                found += len(batch.entries)
        assert found == keys
    return results[-1]


async def _send(url: str, base_url: str, mib: int) -> Measured:
    watch.install()
    results: list[Measured] = []
    async with AsyncImgwireClient("sk_bench", base_url=base_url) as imgwire:
        for bucket in ("large-16", f"large-{mib}"):
            async with measuring(results):
                await imgwire.images.upload(StoredObject(uri=f"s3+{url}/{bucket}/large.jpg", options=OPTIONS))
    return results[-1]


async def _ingest(what: str, url: str, base_url: str, files: Path, scratch: Path, count: int) -> Measured:
    bucket = f"s3+{url}/{'objects' if what == 'url' else what}"
    transfer: Literal["bytes", "url"] = "url" if what == "url" else "bytes"
    warm_up = scratch / "warm-up"
    await asyncio.to_thread(warm_up.mkdir)
    await asyncio.to_thread(warm_up.joinpath("photo.jpg").write_bytes, JPEG_START)
    results: list[Measured] = []
    for folder, objects in ((warm_up, 1), (files, count)):  # the first one loads modules
        source: Path | Bucket = folder
        if what != "folder":
            source = Bucket(f"{bucket}-{objects}/", options=OPTIONS)
        journal = scratch / f"{objects}.journal"
        async with (
            measuring(results),
            AsyncImgwireClient("sk_bench", base_url=base_url) as imgwire,
            imgwire.ingest(source, journal=journal, concurrency=CONCURRENCY, transfer=transfer) as job,
        ):
            stored = [isinstance(outcome, Stored) async for outcome in job]
        assert stored == [True] * objects
    return results[-1]


@asynccontextmanager
async def measuring(results: list[Measured]) -> AsyncIterator[None]:
    """Add the cost of the block to the results."""
    before = _peak()
    watch.reset()
    async with longest_stall() as stall:
        started, processor = time.perf_counter(), time.process_time()
        yield
        seconds, processor = time.perf_counter() - started, time.process_time() - processor
    own = max((one.own for one in watch.worst), default=0.0)
    results.append(Measured(seconds, processor, _peak() - before, stall[0], own, _peak()))


def _peak() -> int:
    """Peak memory of the process in bytes. Linux only; `getrusage` counts those of its parent as well."""
    (line,) = [
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")
    ]
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    what, url, base_url, files, scratch, count = sys.argv[1:]
    print(json.dumps(asyncio.run(_measure(what, url, base_url, Path(files), Path(scratch), int(count)))))
