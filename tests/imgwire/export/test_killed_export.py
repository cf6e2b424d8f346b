"""An export that is killed repeatedly: no lost or partial files, and no second fetch of recorded ones.

IMGWIRE_KILL_ROUNDS=100 pytest tests/imgwire/export/test_killed_export.py runs more rounds than the
default.
"""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from imgwire_async import AsyncImgwireClient
from imgwire_async.sandbox import Sandbox
from imgwire_async.sandbox.server.requests.faults import Fault
from tests.clients import client_of
from tests.imgwire.export.support import digest, facts, files_below, rows
from tests.ingest.support import folder_of

ROUNDS = int(os.environ.get("IMGWIRE_KILL_ROUNDS", "2"))
MAIN = "from imgwire_async.cli import main; main()"


@pytest.mark.parametrize(
    ("count", "rounds", "faulty"),
    [
        pytest.param(60, ROUNDS, 0.2, id="short"),
        pytest.param(2000, 8, 0.2, id="2000 images", marks=pytest.mark.slow),
    ],
)
async def test_every_image_is_exported_once(
    sandbox: Sandbox, client: AsyncImgwireClient, tmp_path: Path, count: int, rounds: int, faulty: float
) -> None:
    async with client.ingest(
        folder_of(tmp_path / "photos", count),
        wait_ready=True,
        purpose="kill",
        custom_metadata={"n": 1},
        concurrency=16,
    ) as job:
        assert not [outcome async for outcome in job if outcome.error]
    images = {str(image.id): image async for image in client.images.list(limit=100)}
    assert len(images) == count
    kinds = [Fault(status=503), Fault(status=500), Fault(truncate=True), Fault(reset="before")]
    chance = random.Random(count)

    killed = 0
    on_record: set[str] = set()
    for number in range(rounds):
        sandbox.requests.clear()
        sandbox.faults.clear()
        sandbox.faults.random(faulty, number, kinds, "cdn.get")
        sandbox.faults.always("cdn.get", stall=0.05)
        wanted = chance.randrange(1, max(2, count // rounds))
        with started(sandbox, tmp_path) as process:
            await to_thread.run_sync(wait_for_fetches, sandbox, process, wanted)
            await anyio.sleep(chance.uniform(0.0, 0.05))
            process.kill()
        killed += process.returncode != 0
        assert not on_record & fetched(sandbox)  # recorded by an earlier run
        on_record = done(tmp_path)
        assert on_record <= images.keys()
        check_files(tmp_path / "out", {str(image.hash_sha256) for image in images.values()})
    assert killed

    sandbox.requests.clear()
    sandbox.faults.clear()
    sandbox.faults.random(faulty, rounds, kinds, "cdn.get")
    with started(sandbox, tmp_path) as process:
        assert await to_thread.run_sync(lambda: process.wait(timeout=120 + count / 10)) == 0
    assert not on_record & fetched(sandbox)

    exported = rows(tmp_path / "out")
    assert {row["key"] for row in exported} == images.keys()
    for row in exported:
        assert digest(tmp_path / "out" / row["source"]) == images[row["key"]].hash_sha256
    assert files_below(tmp_path / "out") == {row["source"] for row in exported} | {"manifest.jsonl"}

    with Sandbox() as empty:
        async with client_of(empty) as other:
            async with other.ingest(tmp_path / "out" / "manifest.jsonl", concurrency=16) as job:
                assert not [outcome async for outcome in job if outcome.error]
            again = [image async for image in other.images.list(limit=100)]
    assert sorted(map(facts, again)) == sorted(map(facts, images.values()))


def started(sandbox: Sandbox, folder: Path) -> subprocess.Popen[bytes]:
    keys = {"IMGWIRE_API_KEY": sandbox.server_key, "IMGWIRE_API_BASE_URL": sandbox.base_url}
    command = [sys.executable, "-c", MAIN, "export", "out", "--concurrency", "8"]
    return subprocess.Popen(
        command, cwd=folder, env=os.environ | keys, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def wait_for_fetches(sandbox: Sandbox, process: subprocess.Popen[bytes], count: int) -> None:
    while process.poll() is None and len(fetched(sandbox)) < count:
        time.sleep(0.005)


def fetched(sandbox: Sandbox) -> set[str]:
    """Ids of the images whose originals were requested."""
    return {request.path.rpartition("/")[2] for request in sandbox.requests.of("cdn.get")}


def done(folder: Path) -> set[str]:
    """Ids of the images that the journal records as exported."""
    journal = sqlite3.connect(folder / "out.export.journal")
    try:
        return {key for (key,) in journal.execute("SELECT key FROM items WHERE state = 'stored'")}
    except sqlite3.OperationalError:
        return set()  # killed before the table was created
    finally:
        journal.close()


def check_files(folder: Path, hashes: set[str]) -> None:
    """Check that every file with a final name is complete."""
    for name in files_below(folder) if folder.exists() else ():
        if not name.startswith(".imgwire-export-") and name != "manifest.jsonl":
            assert digest(folder / name) in hashes
