"""A job that is killed at random moments: nothing lost, nothing twice, and a journal that agrees.

IMGWIRE_KILL_ROUNDS=100 pytest tests/ingest/test_kill.py runs more rounds than the few of the suite.
"""

from __future__ import annotations

import hashlib
import os
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import anyio
from anyio import to_thread

from imgwire_async import AsyncImgwireClient
from imgwire_async.sandbox import Sandbox
from tests.ingest.support import folder_of, server_images

ROUNDS = int(os.environ.get("IMGWIRE_KILL_ROUNDS", "4"))
PER_ROUND = 40
CONCURRENCY = 8
MAIN = "from imgwire_async.cli import main; main()"


async def test_killed_again_and_again_every_item_is_stored_once(
    sandbox: Sandbox, client: AsyncImgwireClient, tmp_path: Path
) -> None:
    count = ROUNDS * PER_ROUND
    folder_of(tmp_path / "photos", count)
    sandbox.faults.always("images.create", stall=0.03)
    chance = random.Random(ROUNDS)

    killed = 0
    for _ in range(ROUNDS):
        with started(sandbox, tmp_path) as job:
            await to_thread.run_sync(wait_for_a_request, sandbox, job)
            await anyio.sleep(chance.uniform(0.0, 0.3))
            job.kill()
        killed += job.returncode != 0
        images = await server_images(client)
        states = journal_states(tmp_path)
        # Every request was on record before it was sent, and at most what was in flight or waited for the
        # next commit is not on record as stored.
        assert {image.idempotency_key for image in images} <= {key for _, key, _, _ in states.values()}
        stored = sum(state == "stored" for state, _, _, _ in states.values())
        assert stored <= len(images) <= stored + 3 * CONCURRENCY

    assert killed > ROUNDS / 2

    sandbox.faults.clear()
    with started(sandbox, tmp_path) as job:
        assert job.wait(timeout=60 + count / 20) == 0

    images = await server_images(client)
    assert sorted(image.original_filename for image in images) == [f"{n:04}.png" for n in range(count)]
    states = journal_states(tmp_path)
    for image in images:
        content = (tmp_path / "photos" / image.original_filename).read_bytes()
        assert image.hash_sha256 == hashlib.sha256(content).hexdigest()
        row = ("stored", image.idempotency_key, str(image.id), image.hash_sha256)
        assert states[image.original_filename] == row


def started(sandbox: Sandbox, folder: Path) -> subprocess.Popen[bytes]:
    keys = {"IMGWIRE_API_KEY": sandbox.server_key, "IMGWIRE_API_BASE_URL": sandbox.base_url}
    command = [sys.executable, "-c", MAIN, "ingest", "photos", "--concurrency", str(CONCURRENCY)]
    return subprocess.Popen(
        command, cwd=folder, env=os.environ | keys, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def wait_for_a_request(sandbox: Sandbox, job: subprocess.Popen[bytes]) -> None:
    before = len(sandbox.requests)
    while len(sandbox.requests) == before and job.poll() is None:
        time.sleep(0.005)


def journal_states(folder: Path) -> dict[str, tuple[str, str, str | None, str]]:
    journal = sqlite3.connect(folder / "photos.journal")
    try:
        rows = journal.execute("SELECT key, state, idempotency_key, image_id, lower(hex(sha256)) FROM items")
        return {key: (state, idempotency_key, *rest) for key, state, idempotency_key, *rest in rows}
    finally:
        journal.close()
