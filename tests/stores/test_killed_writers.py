"""Commands that are killed while they write objects: each object is complete or unchanged."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from anyio import to_thread

from imgwire_async import AsyncImgwireClient
from imgwire_async.sandbox import Sandbox
from imgwire_async.sandbox.server.requests.faults import Fault
from tests.imgwire.export.support import ready_image
from tests.ingest.support import folder_of, small_image
from tests.stores.s3_server import S3Server

MAIN = """
from imgwire_async.stores import writing
writing.PART = 1000  # so that everything is written in several parts
from imgwire_async.cli import main
main()
"""
OLDER = b"older"
ITEMS_FAILED = 1
COUNT = 12
Target = Callable[[AsyncImgwireClient, S3Server, Path], Awaitable[list[str]]]


def content(number: int) -> bytes:
    """An image of several parts."""
    return small_image(number).ljust(9000, bytes([number]))


async def outputs_of_a_job(_client: AsyncImgwireClient, s3: S3Server, folder: Path) -> list[str]:
    names = [file.name for file in folder_of(folder / "photos", COUNT).iterdir()]
    names += [f"gone-{number}.png" for number in range(COUNT)]
    rows = [{"source": f"photos/{name}"} for name in names]
    (folder / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    outputs = {"--images": "images.csv", "--failed": "failed.jsonl", "--report": "report.json"}
    s3.objects |= dict.fromkeys(outputs.values(), OLDER)
    options = [text for option, name in outputs.items() for text in (option, s3.uri(name))]
    return ["ingest", "items.jsonl", "--journal", "job.journal", "--overwrite", *options]


async def download(client: AsyncImgwireClient, s3: S3Server, _folder: Path) -> list[str]:
    s3.objects["hero.png"] = OLDER
    image = await client.images.upload(content(0))
    await client.images.wait_until_ready(image.id)
    return ["download", str(image.id), "--to", s3.uri("hero.png"), "--overwrite"]


async def archive(client: AsyncImgwireClient, s3: S3Server, _folder: Path) -> list[str]:
    s3.objects["all.zip"] = OLDER
    ids = [str((await ready_image(client, number)).id) for number in range(20)]
    return ["bulk-download", *ids, "--to", s3.uri("all.zip"), "--overwrite"]


async def export(client: AsyncImgwireClient, s3: S3Server, _folder: Path) -> list[str]:
    for number in range(6):
        image = await client.images.upload(content(number), file_name=f"{number}.png")
        await client.images.wait_until_ready(image.id)
    return ["export", s3.uri(), "--name", "{file_name}", "--concurrency", "3", "--journal", "export.journal"]


TARGETS: tuple[Target, ...] = (outputs_of_a_job, download, archive, export)


def check_whole(key: str, written: bytes) -> None:
    """Check that an object has the complete content that the command writes."""
    if key == "images.csv":
        assert len(written.splitlines()) == COUNT + 1
    elif key == "report.json":
        assert json.loads(written)
    elif key == "failed.jsonl":
        assert len(written.splitlines()) == COUNT
    elif key == "all.zip":
        with zipfile.ZipFile(io.BytesIO(written)) as zipped:
            assert zipped.testzip() is None
            assert len([name for name in zipped.namelist() if name.endswith(".png")]) == 20
    elif key == "manifest.jsonl":
        assert len([json.loads(line) for line in written.splitlines()]) == 6
    else:
        assert written == content(0 if key == "hero.png" else int(key.removesuffix(".png")))


@pytest.mark.parametrize(
    ("target", "moments"),
    [
        *((target, (2,)) for target in TARGETS),
        *(pytest.param(target, range(1, 21), marks=pytest.mark.slow) for target in TARGETS),
    ],
)
async def test_every_object_is_complete_or_unchanged(
    client: AsyncImgwireClient,
    sandbox: Sandbox,
    s3: S3Server,
    tmp_path: Path,
    target: Target,
    moments: tuple[int, ...] | range,
) -> None:
    command = await target(client, s3, tmp_path)
    before = dict(s3.objects)
    if target is export:
        sandbox.faults.random(0.2, 1, [Fault(status=503), Fault(truncate=True)], "cdn.get")

    killed = 0
    for moment in moments:  # in the middle of the body with this number
        killed += await to_thread.run_sync(killed_at, s3, sandbox, tmp_path, command, moment)
        for key, written in s3.objects.items():
            if written != before.get(key):
                check_whole(key, written)
    assert killed

    with started(sandbox, tmp_path, command) as process:
        failures = target is outputs_of_a_job
        assert await to_thread.run_sync(process.wait, 60) == (ITEMS_FAILED if failures else 0)
    assert OLDER not in s3.objects.values()
    for key, written in s3.objects.items():
        check_whole(key, written)
    assert len(s3.objects) == (7 if target is export else len(before))


def started(sandbox: Sandbox, folder: Path, command: list[str]) -> subprocess.Popen[bytes]:
    variables = {
        "IMGWIRE_API_KEY": sandbox.server_key,
        "IMGWIRE_API_BASE_URL": sandbox.base_url,
        "TMPDIR": str(folder),
    }
    return subprocess.Popen(
        [sys.executable, "-c", MAIN, *command],
        cwd=folder,
        env=os.environ | variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def killed_at(s3: S3Server, sandbox: Sandbox, folder: Path, command: list[str], moment: int) -> bool:
    """Kill a command while the store reads a body; returns whether it still ran."""
    reached, killed, bodies = threading.Event(), threading.Event(), iter(range(1, moment + 1))

    def halfway() -> None:
        if next(bodies, None) == moment:
            reached.set()
            killed.wait(30)

    s3.halfway = halfway
    try:
        with started(sandbox, folder, command) as process:
            while not reached.wait(0.02) and process.poll() is None:
                pass
            process.kill()
        return process.returncode < 0
    finally:
        killed.set()
        s3.halfway = lambda: None
