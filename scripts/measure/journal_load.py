"""The journal of a bulk job: bytes and time per row, by the kind of its items."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import typer

from imgwire_async import AlreadyStored, AsyncImgwireClient
from imgwire_async.ingest.items import idempotency_key
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.ingest.journal.rows import Row, State
from imgwire_async.ingest.journal.stats import journal_stats

BATCH: Final = 512
CDN: Final = (
    "https://cdn.imgwire.dev/0b7e3f0e-6e1c-4f9e-9a57-2f3c1f0f8a11/5d0c1c9e-8f43-4b1e-9f51-7f2d9a3b6c55"
)


def _digest(number: int, size: int) -> bytes:
    return hashlib.blake2b(number.to_bytes(8, "big"), digest_size=size).digest()


def _url(number: int) -> tuple[str, str]:
    key = f"https://images.example.com/catalog/{number // 10_000:04}/sku-{number:09}-front.jpg"
    return key, key


def _object(number: int) -> tuple[str, str]:
    key = f"s3://media-archive/catalog/{number // 10_000:04}/sku-{number:09}-front.jpg"
    return key, key


def _own_folder(number: int) -> tuple[str, str]:
    key = f"https://images.example.com/{UUID(bytes=_digest(number, 16))}/original.jpg"
    return key, key


def _file(number: int) -> tuple[str, str]:
    key = f"{number // 10_000:04}/sku-{number:09}-front.jpg"
    return key, f"/srv/photos/catalog/{key}"


KINDS: Final = {"urls": _url, "objects": _object, "files": _file, "urls in folders of their own": _own_folder}


def rows(kind: str, count: int, job: str, state: State) -> Iterator[Row]:
    """Rows as a job writes them: before the first request, or when the item is stored."""
    of: Callable[[int], tuple[str, str]] = KINDS[kind]
    for number in range(count):
        key, source = of(number)
        row = Row(key, source, state, 1)
        if kind in {"objects", "files"}:
            row.size, row.sha256 = 60_000 + number % 1_000_000, _digest(number, 32)
            is_file = kind == "files"
            row.version = str(1_790_000_000_000_000_000 + number) if is_file else _digest(number, 16).hex()
        row.idempotency_key = idempotency_key(job, key, row.sha256 or source.encode())
        if state is State.STORED:
            row.attempts, row.image_id = 1, str(UUID(bytes=_digest(~number & 0xFFFFFFFF, 16)))
            row.cdn_url = f"{CDN}/{row.image_id}"
        yield row


def batches(every: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(every, BATCH)):
        yield batch


def journal(
    rows: Annotated[int, typer.Option(help="Items of each kind.")] = 100_000,
    kind: Annotated[list[str] | None, typer.Option(help="Only this kind; repeatable.")] = None,
) -> None:
    """What a row of the journal takes: bytes on disk, and processor time to write and find it.

    Every item is written twice, as in a job. Then the progress is read from the journal, and, for URLs, a
    job skips all items. Each kind runs in a process of its own; a million rows take about a minute.
    """
    for one in kind or KINDS:
        subprocess.run([sys.executable, __file__, one, str(rows)], check=True)


def measure(kind: str, count: int) -> None:
    """Measure one kind of items in this process, and print it."""
    with tempfile.TemporaryDirectory() as folder:
        path, manifest = Path(folder, "journal"), Path(folder, "manifest.jsonl")
        key_bytes = 0
        with manifest.open("w") as file:
            for row in rows(kind, count, "spring", State.KEYED):
                file.write(json.dumps({"url": row.source}) + "\n")
                key_bytes += len(row.key)
        with Journal(path, job="spring") as opened:
            opened.begin_run()
            written = found = 0.0
            for state in (State.KEYED, State.STORED):
                for batch in batches(rows(kind, count, "spring", state)):
                    began = time.process_time()
                    opened.write(batch)
                    written += time.process_time() - began
            for batch in batches(rows(kind, count, "spring", State.STORED)):
                keys = [row.key for row in batch]
                began = time.process_time()
                assert len(opened.find(keys)) == len(batch)
                found += time.process_time() - began
        size = path.stat().st_size
        began = time.perf_counter()
        assert journal_stats(path).counts[State.STORED] == count
        told = time.perf_counter() - began
        print(
            f"{kind:28} {count:9,} rows  {size / count:4.0f} B/row, of which key {key_bytes / count:3.0f}"
            f"  written twice {written / count * 1e6:4.1f} µs  found {found / count * 1e6:4.1f} µs"
            f"  stats {told * 1e3:.1f} ms",
            end="",
            flush=True,
        )
        if kind.startswith("urls"):
            wall, processor = asyncio.run(skip(manifest, path, count))
            print(f"  skipped in {wall:.1f} s, {processor / count * 1e6:.1f} µs each", end="")
        print(flush=True)


async def skip(manifest: Path, journal: Path, count: int) -> tuple[float, float]:
    """Seconds, and seconds of processor time, of a job that has nothing left to do."""
    async with AsyncImgwireClient("sk_bench", base_url="http://127.0.0.1:9") as imgwire:
        wall, processor = time.perf_counter(), time.process_time()
        async with imgwire.ingest(manifest, journal=journal) as job:
            skipped = [1 async for outcome in job if isinstance(outcome, AlreadyStored)]
        assert len(skipped) == count
        return time.perf_counter() - wall, time.process_time() - processor


if __name__ == "__main__":
    measure(sys.argv[1], int(sys.argv[2]))
