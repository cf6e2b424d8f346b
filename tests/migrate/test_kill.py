"""A migration that is killed at random times while both services fail: nothing is lost or stored twice."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from anyio import to_thread

from imgwire_async import AsyncImgwireClient
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.ingest.journal.rows import State
from imgwire_async.sandbox import Fault, ImgixSandbox, Sandbox
from tests.ingest.support import server_images
from tests.migrate.support import NO_IMAGES, expected_metadata, fill

MAIN = "from imgwire_async.cli import main; main()"
FAULTS = (
    Fault(status=503),
    Fault(status=500),
    Fault(reset="before"),
    Fault(reset="after"),
    Fault(truncate=True),
)
SHARE = 0.2
MOST_RUNS = 30


def script_faults(sandbox: Sandbox, imgix: ImgixSandbox) -> None:
    """Let one in five requests fail, whatever the operation."""
    sandbox.faults.random(SHARE, 1, FAULTS)
    imgix.faults.random(SHARE, 2, FAULTS)


def started(sandbox: Sandbox, imgix: ImgixSandbox, folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start the command, which prints to a file because a full pipe would block it."""
    environment = {
        **os.environ,
        "IMGWIRE_API_KEY": sandbox.server_key,
        "IMGWIRE_API_BASE_URL": sandbox.base_url,
        "IMGIX_API_KEY": imgix.api_key,
        "IMGIX_API_BASE_URL": imgix.base_url,
        "IMGIX_RENDERING_BASE_URL": imgix.base_url,
    }
    command = [sys.executable, "-c", MAIN, "migrate", "run", "--json", *arguments]
    with (folder / "output").open("wb") as output:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)


def wait_for_stores(sandbox: Sandbox, job: subprocess.Popen[bytes], count: int) -> None:
    """Wait until the job has made this many requests that store an image, or has ended."""
    while job.poll() is None:
        if sum(request.method in {"POST", "PUT"} for request in sandbox.requests) >= count:
            return
        time.sleep(0.005)


def end(job: subprocess.Popen[bytes], folder: Path) -> str:
    """Wait for a job that is not killed; returns its output."""
    code = job.wait(timeout=900)
    output = (folder / "output").read_text(encoding="utf-8")
    assert code in {0, 1, 6, 7}, output[-2000:]
    return output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("assets", "kills", "transfer"),
    [
        (56, 2, "url"),
        (2000, 10, "url"),
        (2000, 10, "bytes"),
    ],
)
async def test_every_asset_is_one_image_or_one_row_with_its_reason(
    sandbox: Sandbox,
    client: AsyncImgwireClient,
    server: ImgixSandbox,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
    assets: int,
    kills: int,
    transfer: str,
) -> None:
    first, second = server.add_source("one"), server.add_source("two", secure_url_enabled=True)
    await to_thread.run_sync(fill, server, first, assets // 2)
    await to_thread.run_sync(fill, server, second, assets - assets // 2)
    for path, data in NO_IMAGES.items():
        server.add_file(first, path, data)
    script_faults(sandbox, server)
    chance = random.Random(assets)
    arguments = ("--transfer", transfer, "--alt-text", "custom_fields.alt", "--concurrency", "32")

    killed = 0
    for _ in range(kills):
        sandbox.requests.clear()
        with started(sandbox, server, tmp_path, *arguments) as job:
            await to_thread.run_sync(wait_for_stores, sandbox, job, chance.randrange(assets // 10) + 1)
            killed += job.poll() is None
            job.kill()
    runs = 0
    while True:
        runs += 1
        assert runs <= MOST_RUNS
        with started(sandbox, server, tmp_path, *arguments, "--urls", "urls.csv") as job:
            await to_thread.run_sync(end, job, tmp_path)
        if job.returncode == 0:
            break

    sandbox.faults.clear()
    server.faults.clear()
    images = await server_images(client)
    ready = {str(image.custom_metadata["imgix_id"]): image for image in images if image.status == "READY"}
    record_property("kills", killed)
    record_property("runs_to_the_end", runs)
    record_property("images", dict(Counter(str(image.status) for image in images)))
    assert len(ready) == assets == sum(image.status == "READY" for image in images)
    for source_id, count in ((first, assets // 2), (second, assets - assets // 2)):
        for number in range(count):
            path = f"/photos/{number:04} é.png"
            found = dict(ready[f"{source_id}{path}"].custom_metadata)
            assert found.pop("date_created")
            assert found == expected_metadata(source_id, path, number)
    with Journal(tmp_path / "imgix.journal") as journal:
        assert journal.count() == {State.READY: assets, State.SKIPPED: len(NO_IMAGES)}
        assert {row.image_id for row in journal.rows(State.READY)} == {str(one.id) for one in ready.values()}
        assert all(row.error for row in journal.rows(State.SKIPPED))
    assert len((tmp_path / "urls.csv").read_text(encoding="utf-8").splitlines()) == assets + 1

    sandbox.requests.clear()
    with started(sandbox, server, tmp_path, *arguments) as job:
        output = await to_thread.run_sync(end, job, tmp_path)
    assert job.returncode == 0
    assert json.loads(output.splitlines()[-1])["report"]["already_stored"] == assets
    assert not [request for request in sandbox.requests if request.method not in {"GET", "HEAD"}]
    assert {request.method for request in server.requests} <= {"GET", "HEAD"}
    assert killed
