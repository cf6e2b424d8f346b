"""Files that are deleted, changed or made unreadable while a job runs."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from imgwire_async import AsyncImgwireClient, Failed, IngestItem, Stored, UploadSourceError
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of
from tests.hangs import HANGS
from tests.ingest.support import counts, folder_of, ingest, server_images, small_image

MIB = 1024 * 1024
INGEST = "from imgwire_async.cli import main; main()"
SECOND_FILE_BECOMES_UNREADABLE = """
import asyncio, json, os
from imgwire_async import AsyncImgwireClient, Failed, Stored

async def source():
    yield "photos/0000.png"
    await first_stored.wait()
    os.chmod("photos/0001.png", 0)
    yield "photos/0001.png"
    yield "photos/0002.png"

async def main():
    global first_stored
    first_stored = asyncio.Event()
    async with AsyncImgwireClient() as imgwire, imgwire.ingest(source(), journal="j") as job:
        async for outcome in job:
            first_stored.set()
            error = str(outcome.error) if isinstance(outcome, Failed) else None
            print(json.dumps([outcome.key, type(outcome).__name__, error]))

asyncio.run(main())
"""
# Root may read everything, unless these two capabilities are dropped before a program is started.
WITHOUT_PRIVILEGES = """
import ctypes, os, sys
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2
for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
    if ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
        sys.exit("cannot drop capabilities")
os.execv(sys.argv[1], sys.argv[1:])
"""


async def run_unprivileged(
    sandbox: Sandbox, folder: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments, in this folder, as a user to whom permissions apply."""
    command = [sys.executable, *arguments]
    if os.geteuid() == 0:
        command = [sys.executable, "-c", WITHOUT_PRIVILEGES, *command]
    keys = {"IMGWIRE_API_KEY": sandbox.server_key, "IMGWIRE_API_BASE_URL": sandbox.base_url}
    return await to_thread.run_sync(
        lambda: subprocess.run(
            command, cwd=folder, env=os.environ | keys, capture_output=True, text=True, check=False
        )
    )


async def test_a_file_without_read_permission_fails_alone_and_is_stored_once_it_has_it(
    sandbox: Sandbox, client: AsyncImgwireClient, tmp_path: Path
) -> None:
    photos = folder_of(tmp_path / "photos", 4)
    (photos / "0001.png").chmod(0)
    closed = folder_of(photos / "closed", 2)
    closed.chmod(0)

    done = await run_unprivileged(sandbox, tmp_path, "-c", INGEST, "ingest", "photos", "--failed", "f.jsonl")

    assert done.returncode == 1, done.stderr
    assert "3 stored, 2 failed of 5" in done.stdout
    assert "2 × unreadable or empty" in done.stdout
    failed = [json.loads(line) for line in (tmp_path / "f.jsonl").read_text().splitlines()]
    assert {row["key"]: row["_message"].rpartition(": ")[2] for row in failed} == {
        "0001.png": "Permission denied",
        "closed/": "Permission denied",
    }

    (photos / "0001.png").chmod(0o600)
    closed.chmod(0o700)
    _, report = await ingest(client, photos, journal=tmp_path / "photos.journal")
    assert counts(report) == (3, 3, 0, 0)


async def test_a_file_that_becomes_unreadable_during_the_run_fails_alone(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    folder_of(tmp_path / "photos", 3)
    done = await run_unprivileged(sandbox, tmp_path, "-c", SECOND_FILE_BECOMES_UNREADABLE)
    assert done.returncode == 0, done.stderr
    outcomes = sorted(json.loads(line) for line in done.stdout.splitlines())
    assert outcomes == [
        ["photos/0000.png", "Stored", None],
        ["photos/0001.png", "Failed", "cannot upload 'photos/0001.png': Permission denied"],
        ["photos/0002.png", "Stored", None],
    ]


def once_at(method: str, change: Callable[[], object]) -> Callable[[Any], None]:
    """A hook that makes a change before the first request with this method is sent."""
    waiting = [change]

    def on_request(event: Any) -> None:
        if event.method == method and waiting:
            waiting.pop()()

    return on_request


async def test_a_small_file_that_changes_after_reading_is_stored_in_both_versions(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    path = folder_of(tmp_path / "photos", 1) / "0000.png"
    before, after = small_image(0), small_image(1).ljust(400, b"\0")

    async with client_of(sandbox, on_request=once_at("POST", lambda: path.write_bytes(after))) as client:
        for content, stored in ((before, 1), (after, 2)):
            _, report = await ingest(client, path, journal=tmp_path / "j")
            assert counts(report) == (1, 0, 0, 0)
            images = await server_images(client)
            assert len(images) == stored
            assert hashlib.sha256(content).hexdigest() in {image.hash_sha256 for image in images}


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_large_file_that_is_deleted_before_it_is_sent_fails_and_its_image_stays_empty(
    sandbox: Sandbox, tmp_path: Path, method: str
) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(small_image(0).ljust(3 * MIB, b"\0"))

    async with client_of(sandbox, on_request=once_at(method, path.unlink)) as client:
        outcomes, _ = await ingest(client, [path], journal=tmp_path / "j")
        assert isinstance(outcomes[0], Failed)
        assert isinstance(outcomes[0].error, UploadSourceError)
        assert "No such file" in str(outcomes[0].error)

        # Once the file is back, it is stored under the key and in the record of the first attempt.
        path.write_bytes(small_image(0).ljust(3 * MIB, b"\0"))
        outcomes, _ = await ingest(client, [path], journal=tmp_path / "j")
        assert isinstance(outcomes[0], Stored)
        with anyio.fail_after(HANGS):
            image = await client.images.wait_until_ready(outcomes[0].image_id)
        assert image.size_bytes == 3 * MIB
        assert len(await server_images(client)) == 1


class FailingPath(os.PathLike[str]):
    def __fspath__(self) -> str:
        raise KeyError("no path")


async def paths_of(*items: Any) -> AsyncIterator[Any]:
    for item in items:
        yield item


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_an_item_that_raises_an_exception_fails_alone(
    client: AsyncImgwireClient, photo: Path, asynchronous: bool
) -> None:
    items: list[Any] = [photo, FailingPath(), IngestItem(FailingPath()), IngestItem(photo, key="again")]

    async with client.ingest(paths_of(*items) if asynchronous else items) as job:
        outcomes = [outcome async for outcome in job]

    failed = {outcome.key: outcome.error for outcome in outcomes if isinstance(outcome, Failed)}
    assert sorted(failed) == ["item 2", "item 3"]
    assert {type(error) for error in failed.values()} == {UploadSourceError}
    assert {type(error.__cause__) for error in failed.values()} == {KeyError}
    assert job.report.stored == 2


async def test_an_empty_file_of_a_folder_is_skipped_unless_its_name_is_that_of_an_image(
    client: AsyncImgwireClient, tmp_path: Path
) -> None:
    for name, content in {"notes.txt": b"", "more.txt": b"x", "photo.jpg": b"", "LICENSE": b""}.items():
        (tmp_path / name).write_bytes(content)

    async with client.ingest(tmp_path) as job:
        outcomes = {outcome.key: type(outcome).__name__ async for outcome in job}

    assert outcomes == {
        "notes.txt": "Skipped",
        "more.txt": "Skipped",
        "LICENSE": "Skipped",
        "photo.jpg": "Failed",
    }
