"""No upload fails in a process that may open only few files."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from imgwire_async import AsyncImgwireClient
from imgwire_async.core.concurrency.workers import _Workers
from imgwire_async.core.pace import local_limits
from imgwire_async.core.pace.local_limits import lacking, patiently
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of
from tests.ingest.support import folder_of, ingest
from tests.stores.s3_server import s3_server

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the limit of POSIX")

PROGRAM = """
import asyncio, os, resource, sys
from pathlib import Path
import anyio
from imgwire_async import AsyncImgwireClient

limit, load, taken, backend = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
others = [os.open(os.devnull, os.O_RDONLY) for _ in range(taken)]  # what the rest of the program holds
files = sorted(Path("photos").iterdir())
failed = []

async def main():
    async with AsyncImgwireClient() as imgwire:
        if load == "ingest":
            async with imgwire.ingest("photos", concurrency="auto") as job:
                async for _ in job:
                    pass
            print(job.report)
            failed.extend([1] * (job.report.failed + (job.report.stored != len(files))))
        else:
            async def one(file):
                try:
                    await imgwire.images.upload(file)
                except Exception as error:
                    print(error)
                    failed.append(error)
            async with anyio.create_task_group() as tasks:
                for file in files:
                    tasks.start_soon(one, file)

anyio.run(main, backend=backend)
sys.exit(len(failed) > 0)
"""

FETCHING = """
import os, resource, sys
import anyio
from imgwire_async import AsyncImgwireClient

limit, load, backend = int(sys.argv[1]), sys.argv[2], sys.argv[3]
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

async def main():
    async with AsyncImgwireClient() as imgwire:
        if load == "export":
            async with imgwire.export("new/", concurrency=100) as job:
                async for _ in job:
                    pass
            print(job.report)
            assert job.report.failed == 0 and job.report.stored > 0
        else:
            images = [image async for image in imgwire.images.list()]
            async with anyio.create_task_group() as tasks:
                for image in images:
                    async def fetch(image):
                        await imgwire.images.download(image, to=f"new/{image.id}.png")
                    tasks.start_soon(fetch, image)

os.mkdir("new")
anyio.run(main, backend=backend)
"""

FROM_BUCKET = """
import asyncio, resource
from imgwire_async import AsyncImgwireClient, Bucket

resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48))

async def main():
    async with AsyncImgwireClient() as imgwire, asyncio.timeout(120):
        async with imgwire.ingest(Bucket({uri!r}, options={options!r}), concurrency=100) as job:
            async for _ in job:
                pass
        assert job.report.stored == 100

asyncio.run(main())
"""


def run(
    sandbox: Sandbox, folder: Path, *arguments: str, program: str = PROGRAM
) -> subprocess.CompletedProcess[str]:
    keys = {"IMGWIRE_API_KEY": sandbox.server_key, "IMGWIRE_API_BASE_URL": sandbox.base_url}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        env=os.environ | keys,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("load", ["ingest", "upload"])
@pytest.mark.parametrize(
    ("limit", "taken", "backend"),
    [(64, 0, "asyncio"), (64, 25, "asyncio"), (256, 0, "asyncio"), (64, 0, "trio"), (64, 25, "trio")],
)
def test_few_descriptors_fail_no_upload(
    sandbox: Sandbox, tmp_path: Path, load: str, limit: int, taken: int, backend: str
) -> None:
    # Each concurrent upload needs two descriptors: its file and its connection.
    folder_of(tmp_path / "photos", 80 if limit == 64 else 200)
    ended = run(sandbox, tmp_path, str(limit), load, str(taken), backend)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    if limit == 64:
        assert ended.stderr.count("ulimit -n") in {1, 2, 3}  # once for each kind of limit
    if load == "ingest" and limit == 64:
        assert "limit: at most 20 requests run at once" in ended.stdout


@pytest.mark.slow
@pytest.mark.parametrize("limit", [64, 256])
def test_few_descriptors_fail_none_of_two_thousand_uploads(
    sandbox: Sandbox, tmp_path: Path, limit: int
) -> None:
    folder_of(tmp_path / "photos", 2000)
    ended = run(sandbox, tmp_path, str(limit), "ingest", "0", "asyncio")
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize(
    ("load", "count", "padding"), [("export", 120, 0), ("export", 40, 1_100_000), ("download", 120, 0)]
)
async def test_few_descriptors_fail_no_download(
    client: AsyncImgwireClient,
    sandbox: Sandbox,
    tmp_path: Path,
    load: str,
    count: int,
    padding: int,
    backend: str,
) -> None:
    folder = await to_thread.run_sync(folder_of, tmp_path / "photos", count)
    for file in sorted(folder.iterdir()):
        file.write_bytes(file.read_bytes() + bytes(padding))
    await ingest(client, folder, wait_ready=True)
    ended = await to_thread.run_sync(partial(run, sandbox, tmp_path, "48", load, backend, program=FETCHING))
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    found = sorted(path.read_bytes() for path in (tmp_path / "new").glob("*.png"))
    assert found == sorted(path.read_bytes() for path in folder.iterdir())


def test_few_descriptors_fail_no_upload_from_a_bucket(sandbox: Sandbox, tmp_path: Path) -> None:
    with s3_server() as s3:
        for file in folder_of(tmp_path / "photos", 100).iterdir():
            s3.objects[f"photos/{file.name}"] = file.read_bytes()
        program = FROM_BUCKET.format(uri="s3://photos/photos/", options=s3.options)
        ended = run(sandbox, tmp_path, program=program)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]


def test_large_files_leave_room_for_connections(sandbox: Sandbox, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "photos", 60)
    for file in folder.iterdir():
        file.write_bytes(file.read_bytes() + bytes(600_000))
    ended = run(sandbox, tmp_path, "64", "upload", "0", "asyncio")
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]


def test_the_lacking_resource_is_found_behind_the_error_of_a_library() -> None:
    error = RuntimeError("connect")
    error.__cause__ = OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
    assert lacking(error) == "Cannot assign requested address"
    assert lacking(OSError(errno.ENOENT, "No such file")) is None


def test_work_is_repeated_only_while_something_is_lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_limits, "PAUSE", 0.0)
    lacks = [OSError(errno.EMFILE, "Too many open files")] * 2

    def work() -> str:
        if lacks:
            raise lacks.pop()
        return "done"

    assert patiently(work) == "done"
    with pytest.raises(FileNotFoundError):
        patiently(lambda: open("/none/such"))  # noqa: PTH123, SIM115


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("load", ["ingest", "upload"])
def test_a_thread_that_cannot_be_started_fails_no_upload(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str, load: str
) -> None:
    folder = folder_of(tmp_path / "photos", 5)
    failures = ["can't start new thread"] * 3

    async def scenario() -> None:
        async with client_of(sandbox) as client:
            monkeypatch.setattr(to_thread, "run_sync", without_threads)
            monkeypatch.setattr(_Workers, "start", without_workers)
            if load == "ingest":
                _, report = await ingest(client, folder)
                assert (report.stored, report.failed) == (5, 0)
            else:
                await client.images.upload(folder / "0000.png")

    async def without_threads(work: Callable[..., object], *arguments: Any, **options: Any) -> object:
        if (
            failures
            and options.get("abandon_on_cancel")
            and getattr(work, "__name__", "") in {"<lambda>", "run"}
        ):
            raise RuntimeError(failures.pop())
        return await run_sync(work, *arguments, **options)

    def without_workers(workers: _Workers, work: Callable[[], object]) -> object:
        if failures:
            raise RuntimeError(failures.pop())
        return start(workers, work)

    run_sync, start = to_thread.run_sync, _Workers.start
    anyio.run(scenario, backend=backend)
    assert failures == []
    assert lacking(RuntimeError("can't start new thread")) is not None
