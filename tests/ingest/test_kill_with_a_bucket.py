"""A job whose source is a bucket, killed at random times: each object becomes one image with its bytes."""

from __future__ import annotations

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
from imgwire_async.ingest.options import WHOLE
from imgwire_async.sandbox import Sandbox
from tests.hangs import HANGS
from tests.ingest.support import server_images, small_image
from tests.stores.s3_server import S3Server, s3_server

MAIN = "from imgwire_async.cli import main; main()"
PER_ROUND = 12
SENDS = {"bytes": "store.put", "url": "images.upload_via_url"}


@pytest.mark.parametrize(
    ("transfer", "rounds"),
    [
        *((transfer, 2) for transfer in SENDS),
        *(pytest.param(transfer, 10, marks=pytest.mark.slow) for transfer in SENDS),
    ],
)
async def test_killed_again_and_again_every_object_is_stored_once(
    sandbox: Sandbox, client: AsyncImgwireClient, tmp_path: Path, transfer: str, rounds: int
) -> None:
    chance = random.Random(rounds)
    with s3_server() as s3:
        s3.objects = {f"{number:03}.png": small_image(number) for number in range(PER_ROUND * (rounds + 1))}
        s3.objects |= {f"large-{n}.png": small_image(900 + n).ljust(WHOLE + 1, b"\0") for n in range(4)}
        for operation in SENDS.values():
            sandbox.faults.always(operation, stall=0.05)
        for number in range(rounds):
            sandbox.requests.clear()
            with started(sandbox, s3, tmp_path, transfer) as job:
                await to_thread.run_sync(wait_for, sandbox, job, SENDS[transfer], chance.randrange(PER_ROUND))
                await anyio.sleep(chance.uniform(0.0, 0.05))
                job.kill()
            assert job.returncode != 0, f"round {number} ended too early"
        sandbox.faults.clear()
        with started(sandbox, s3, tmp_path, transfer) as job:
            assert job.wait(timeout=HANGS) == 0

    images = await server_images(client)
    assert sorted(image.original_filename for image in images) == sorted(s3.objects)
    for image in images:
        ready = await client.images.wait_until_ready(image.id)
        async with client.images.download(ready) as stream:
            original = b"".join([chunk async for chunk in stream])
        assert original == s3.objects[image.original_filename]


def started(sandbox: Sandbox, s3: S3Server, folder: Path, transfer: str) -> subprocess.Popen[bytes]:
    variables = {
        "IMGWIRE_API_KEY": sandbox.server_key,
        "IMGWIRE_API_BASE_URL": sandbox.base_url,
        "AWS_ACCESS_KEY_ID": "of-the-tests",
        "AWS_SECRET_ACCESS_KEY": "of-the-tests",
        "HOME": str(folder),
    }
    command = [sys.executable, "-c", MAIN, "ingest", s3.uri(), "--transfer", transfer]
    command += ["--concurrency", "8", "--journal", "photos.journal"]
    return subprocess.Popen(
        command, cwd=folder, env=os.environ | variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def wait_for(sandbox: Sandbox, job: subprocess.Popen[bytes], operation: str, count: int) -> None:
    """Wait until the service has received this many requests of an operation, and at least one."""
    while job.poll() is None and len(sandbox.requests.of(operation)) <= count:
        time.sleep(0.005)
