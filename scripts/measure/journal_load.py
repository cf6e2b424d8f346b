"""The journal of a bulk job: bytes and time per row, by the kind of its items."""

from __future__ import annotations

import hashlib
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

from imgwire_async.ingest.items import idempotency_key
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.ingest.journal.rows import Row, State

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


KINDS: Final = {"urls": _url, "objects": _object, "files": _file, "urls, each in its own folder": _own_folder}


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
    """What a row of the journal takes: bytes on disk, and processor time to write, find and count.

    Every item is written twice, as in a job. Each kind runs in a process of its own.
    """
    for one in kind or KINDS:
        script = [sys.executable, __file__, one, str(rows)]
        subprocess.run(script, check=True)


def measure(kind: str, count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal")
        with Journal(path, job="spring") as opened:
            opened.begin_run()
            spent = 0.0
            for state in (State.KEYED, State.STORED):
                for batch in batches(rows(kind, count, "spring", state)):
                    began = time.process_time()
                    opened.write(batch)
                    spent += time.process_time() - began
            write = spent / count
            keys = [row.key for row in islice(rows(kind, count, "spring", State.KEYED), count)]
            began = time.process_time()
            for start in range(0, count, BATCH):
                found = opened.find(keys[start : start + BATCH])
                assert len(found) == len(keys[start : start + BATCH])
            find = (time.process_time() - began) / count
            began = time.perf_counter()
            assert opened.count() == {"stored": count}
            counting = time.perf_counter() - began
            key_bytes = sum(len(key.encode()) for key in keys) / count
        size = path.stat().st_size / count
    print(
        f"{kind:30} {count:9,} rows  {size:5.0f} B/row (key {key_bytes:3.0f} B)  written twice "
        f"{write * 1e6:5.1f} µs  found {find * 1e6:5.1f} µs  counted in {counting * 1e3:.2f} ms",
        flush=True,
    )


if __name__ == "__main__":
    measure(sys.argv[1], int(sys.argv[2]))
