"""A job that is killed at random times: nothing is lost or stored twice, and the journal is correct.

IMGWIRE_KILL_ROUNDS=100 pytest tests/ingest/test_kill.py runs more rounds than the default.
"""

from __future__ import annotations

import hashlib
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
from tests.ingest.support import folder_of, server_images

ROUNDS = int(os.environ.get("IMGWIRE_KILL_ROUNDS", "4"))
PER_ROUND = 50
CONCURRENCY = 8
LOST_SECONDS = 0.01 + 0.1
"""The journal may miss this much time before a kill: the 10 ms between commits, and a tenth of a second for
the commits themselves on a busy machine. Measured in 30 rounds: at most 18 ms in total."""
MAIN = "from imgwire_async.cli import main; main()"


@pytest.mark.parametrize(("processes", "rounds"), [(1, ROUNDS), (2, ROUNDS // 2)])
async def test_killed_again_and_again_every_item_is_stored_once(
    sandbox: Sandbox, client: AsyncImgwireClient, tmp_path: Path, processes: int, rounds: int
) -> None:
    count = (rounds + 1) * PER_ROUND
    folder_of(tmp_path / "photos", count)
    sandbox.faults.always("images.create", stall=0.06)
    chance = random.Random(rounds)

    killed = ended_in_time = 0
    for _ in range(rounds):
        sandbox.requests.clear()
        with started(sandbox, tmp_path, processes) as job:
            await to_thread.run_sync(wait_for_puts, sandbox, job, chance.randrange(PER_ROUND))
            await anyio.sleep(chance.uniform(0.0, 0.05))
            workers = await to_thread.run_sync(children_of, job.pid)
            killed_at = time.monotonic()
            job.kill()
        await to_thread.run_sync(wait_for_their_end, workers)
        killed += job.returncode != 0
        images = await server_images(client)
        states = journal_states(tmp_path)
        # Every request was recorded before it was sent. Every image is recorded as stored, except for uploads
        # that were in flight or had just ended. A job that got no CPU time has sent nothing since, so the
        # last uploads do not count either.
        assert {image.idempotency_key for image in images} <= {key for _, key, _, _ in states.values()}
        stored = sum(state == "stored" for state, _, _, _ in states.values())
        assert stored <= len(images) <= stored + 3 * CONCURRENCY
        answered = sorted((at, image) for image, at in answered_puts(sandbox).items())
        ended = {image for at, image in answered[: -2 * CONCURRENCY] if at < killed_at - LOST_SECONDS}
        assert ended <= {image for state, _, image, _ in states.values() if state == "stored"}
        ended_in_time += len(ended)

    assert killed > rounds / 2
    assert ended_in_time > rounds  # otherwise nothing has been compared

    sandbox.faults.clear()
    with started(sandbox, tmp_path, processes) as job:
        assert job.wait(timeout=60 + count / 20) == 0

    images = await server_images(client)
    assert sorted(image.original_filename for image in images) == [f"{n:04}.png" for n in range(count)]
    states = journal_states(tmp_path)
    for image in images:
        content = (tmp_path / "photos" / image.original_filename).read_bytes()
        assert image.hash_sha256 == hashlib.sha256(content).hexdigest()
        row = ("stored", image.idempotency_key, str(image.id), image.hash_sha256)
        assert states[image.original_filename] == row


def started(sandbox: Sandbox, folder: Path, processes: int) -> subprocess.Popen[bytes]:
    keys = {"IMGWIRE_API_KEY": sandbox.server_key, "IMGWIRE_API_BASE_URL": sandbox.base_url}
    command = [sys.executable, "-c", MAIN, "ingest", "photos", "--concurrency", str(CONCURRENCY)]
    command += ["--processes", str(processes)]
    return subprocess.Popen(
        command, cwd=folder, env=os.environ | keys, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
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


def journal_states(folder: Path) -> dict[str, tuple[str, str | None, str | None, str]]:
    with Journal(folder / "photos.journal") as journal:
        return {
            row.key: (row.state, row.idempotency_key, row.image_id, (row.sha256 or b"").hex())
            for row in journal.rows(*State)
        }
