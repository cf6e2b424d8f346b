"""A job that is killed at random times: nothing is lost or stored twice, and the journal is correct.

IMGWIRE_KILL_ROUNDS=100 pytest tests/ingest/test_kill.py runs more rounds than the default.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from imgwire_async import AsyncImgwireClient
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.ingest.journal.rows import State
from imgwire_async.sandbox import Sandbox
from tests.hangs import HANGS
from tests.ingest.support import folder_of, server_images

ROUNDS = int(os.environ.get("IMGWIRE_KILL_ROUNDS", "4"))
PER_ROUND = 50
CONCURRENCY = 8
OUTPUT = "results.jsonl"
MAIN = "from imgwire_async.cli import main; main()"


@pytest.mark.parametrize(("processes", "rounds"), [(1, ROUNDS), (2, ROUNDS // 2)])
async def test_killed_again_and_again_every_item_is_stored_once(
    sandbox: Sandbox, client: AsyncImgwireClient, tmp_path: Path, processes: int, rounds: int
) -> None:
    count = (rounds + 1) * PER_ROUND
    folder_of(tmp_path / "photos", count)
    sandbox.faults.always("images.create", stall=0.06)
    chance = random.Random(rounds)

    killed = reported = 0
    for _ in range(rounds):
        sandbox.requests.clear()
        with started(sandbox, tmp_path, processes) as job:
            await to_thread.run_sync(wait_for_puts, sandbox, job, chance.randrange(PER_ROUND))
            await anyio.sleep(chance.uniform(0.0, 0.05))
            workers = await to_thread.run_sync(children_of, job.pid)
            job.kill()
        await to_thread.run_sync(wait_for_their_end, workers)
        killed += job.returncode != 0
        images = await server_images(client)
        states = journal_states(tmp_path)
        # Every request was recorded before it was sent, and every result before it was reported.
        assert {image.idempotency_key for image in images} <= {key for _, key, _, _ in states.values()}
        stored = {key: image for key, (state, _, image, _) in states.items() if state == "stored"}
        assert set(stored.values()) <= {str(image.id) for image in images}
        results = results_in(tmp_path)
        assert results.items() <= stored.items()
        reported += len(results)

    assert killed > rounds / 2
    assert reported > rounds  # otherwise nothing has been compared

    sandbox.faults.clear()
    with started(sandbox, tmp_path, processes) as job:
        assert job.wait(timeout=HANGS + count / 20) == 0

    images = await server_images(client)
    assert sorted(image.original_filename for image in images) == [f"{n:04}.png" for n in range(count)]
    states = journal_states(tmp_path)
    for image in images:
        content = (tmp_path / "photos" / image.original_filename).read_bytes()
        assert image.hash_sha256 == hashlib.sha256(content).hexdigest()
        row = ("stored", image.idempotency_key, str(image.id), image.hash_sha256)
        assert states[image.original_filename] == row


@pytest.mark.parametrize("processes", [1, 2])
async def test_results_are_recorded_and_reported_while_other_items_wait_for_the_service(
    sandbox: Sandbox, tmp_path: Path, processes: int
) -> None:
    folder_of(tmp_path / "photos", 40)
    sandbox.faults.times(20, "images.create", stall=0.001)
    sandbox.faults.always("images.create", stall=600)

    with started(sandbox, tmp_path, processes) as job:
        try:
            await to_thread.run_sync(wait_for_results, tmp_path, job, 20)
        finally:
            workers = await to_thread.run_sync(children_of, job.pid)
            job.kill()
    await to_thread.run_sync(wait_for_their_end, workers)

    results = results_in(tmp_path)
    assert len(results) == 20
    states = journal_states(tmp_path)
    assert {key: image for key, (state, _, image, _) in states.items() if state == "stored"} == results


def started(sandbox: Sandbox, folder: Path, processes: int) -> subprocess.Popen[bytes]:
    keys = {"IMGWIRE_API_KEY": sandbox.server_key, "IMGWIRE_API_BASE_URL": sandbox.base_url}
    command = [sys.executable, "-c", MAIN, "ingest", "photos", "--concurrency", str(CONCURRENCY)]
    command += ["--processes", str(processes), "--json"]
    with (folder / OUTPUT).open("wb") as output:
        return subprocess.Popen(
            command, cwd=folder, env=os.environ | keys, stdout=output, stderr=subprocess.DEVNULL
        )


def process_table() -> list[list[str]]:
    """Id, parent's id and state of every process."""
    listed = subprocess.check_output(["ps", "-A", "-o", "pid=,ppid=,stat="], text=True)
    return [line.split() for line in listed.splitlines()]


def children_of(pid: int) -> set[str]:
    return {child for child, parent, _ in process_table() if parent == str(pid)}


def wait_for_their_end(pids: set[str]) -> None:
    """Wait for the end of processes whose parent is gone; zombies (Z) have ended as well."""
    deadline = time.monotonic() + 60
    while alive := {pid for pid, _, state in process_table() if pid in pids and state[0] != "Z"}:
        assert time.monotonic() < deadline, f"still running: {alive}"
        time.sleep(0.02)


def answered_puts(sandbox: Sandbox) -> dict[str, float]:
    """When the service responded to the PUT of each image."""
    return {
        put.path.rpartition("/")[2].rpartition("-")[0]: put.answered_at
        for put in sandbox.requests.of("store.put")
        if put.status == 200 and put.answered_at is not None
    }


def wait_for_puts(sandbox: Sandbox, job: subprocess.Popen[bytes], count: int) -> None:
    """Wait until the service has responded to this many PUTs, or has received a first request."""
    while job.poll() is None and (not len(sandbox.requests) or len(answered_puts(sandbox)) < count):
        time.sleep(0.005)


def results_in(folder: Path) -> dict[str, str]:
    """The images that the job has reported, by key; a killed job may have printed part of a line."""
    lines = (folder / OUTPUT).read_text(encoding="utf-8").split("\n")[:-1]
    rows = [json.loads(line) for line in lines]
    return {row["key"]: row["image_id"] for row in rows if row.get("outcome") == "stored"}


def wait_for_results(folder: Path, job: subprocess.Popen[bytes], count: int) -> None:
    """Wait until the job has reported this many images."""
    deadline = time.monotonic() + 60
    while len(results_in(folder)) < count:
        assert job.poll() is None, "the job has ended"
        assert time.monotonic() < deadline, f"{len(results_in(folder))} results"
        time.sleep(0.02)


def journal_states(folder: Path) -> dict[str, tuple[str, str | None, str | None, str]]:
    with Journal(folder / "photos.journal") as journal:
        return {
            row.key: (row.state, row.idempotency_key, row.image_id, (row.sha256 or b"").hex())
            for row in journal.rows(*State)
        }
