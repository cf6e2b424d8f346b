"""A program that is killed in the middle of an upload, and another one that repeats the upload."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from anyio import to_thread
from PIL import Image

from imgwire_async import AsyncImgwireClient
from imgwire_async.sandbox import Sandbox
from tests.sandbox.imgwire.support import eventually

PROGRAM = """
import asyncio, sys
from imgwire_async import AsyncImgwireClient

async def main():
    async with AsyncImgwireClient() as imgwire:
        await imgwire.images.upload(sys.argv[1], idempotency_key="the key")
        print("uploaded")

asyncio.run(main())
"""


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "noise.png"
    Image.effect_noise((2400, 1600), 100).convert("RGB").save(path, "PNG", compress_level=0)
    return path


async def test_a_program_killed_in_the_middle_of_the_put_leaves_a_pending_record_that_can_be_completed(
    sandbox: Sandbox, client: AsyncImgwireClient, large: Path
) -> None:
    size = (await anyio.Path(large).stat()).st_size
    await to_thread.run_sync(upload_and_kill, sandbox, large)

    (put,) = sandbox.requests.of("store.put")
    assert 0 < put.bytes_received < size
    (left,) = (await client.images.list()).data
    assert (left.status, left.size_bytes, left.can_upload) == ("PENDING", 0, True)

    image = await client.images.upload(large, idempotency_key="the key")

    ready = await client.images.wait_until_ready(image.id)
    assert (ready.id, ready.size_bytes) == (left.id, size)
    assert len((await client.images.list()).data) == 1


def upload_and_kill(sandbox: Sandbox, path: Path) -> None:
    sandbox.faults.once("store.put", slow=2_000_000)
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(path)],
        env=os.environ | {"IMGWIRE_API_KEY": sandbox.server_key, "IMGWIRE_API_BASE_URL": sandbox.base_url},
        stdout=subprocess.PIPE,
    )
    eventually(lambda: any(put.bytes_received for put in sandbox.requests.of("store.put")))
    program.send_signal(signal.SIGKILL)
    printed, _ = program.communicate()
    assert (program.returncode, printed) == (-signal.SIGKILL, b"")
    eventually(lambda: all(put.status is not None for put in sandbox.requests.of("store.put")))
