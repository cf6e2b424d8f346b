"""Jobs on a real Ray cluster of two nodes on loopback: nothing is lost, stored twice or left behind."""

from __future__ import annotations

import hashlib
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from imgwire_async import (
    AsyncImgwireClient,
    Bucket,
    ConfigurationError,
    IngestItem,
    IngestStoppedError,
    RayRunner,
    Stored,
)
from imgwire_async.sandbox import ImgixSandbox, Sandbox, SteadyRate
from tests.hangs import HANGS
from tests.ingest.runners.ray_support import FAR, actors_left, pid_of, stored_once, workers_of
from tests.ingest.support import counts, folder_of, ingest, server_images, small_image
from tests.migrate.support import client_of, fill, migrate
from tests.stores.s3_server import s3_server

pytestmark = [pytest.mark.cluster, pytest.mark.filterwarnings("ignore")]

COUNT = 160


@pytest.fixture(autouse=True)
def _nothing_is_left(cluster: Any) -> Iterator[None]:
    yield
    assert actors_left(cluster) == []


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of(tmp_path_factory.mktemp("ray") / "photos", COUNT)


async def test_bytes_are_stored_once_by_workers_on_another_node(client: AsyncImgwireClient) -> None:
    items = [IngestItem(small_image(number), f"{number}") for number in range(COUNT)]
    seen: set[str] = set()
    began, first = time.monotonic(), 0.0
    async with client.ingest(items, concurrency=16, runner=FAR) as job:
        async for outcome in job:
            assert isinstance(outcome, Stored)
            first = first or time.monotonic() - began
            seen.update(worker.where for worker in workers_of(job))
        assert counts(job.report) == (COUNT, 0, 0, 0)
    assert len(seen) == 2
    hashes = Counter(image.hash_sha256 for image in await server_images(client))
    assert hashes == Counter(hashlib.sha256(small_image(number)).hexdigest() for number in range(COUNT))
    print(f"first outcome after {first:.2f} s")  # noqa: T201 - shown with -s


async def test_a_shared_folder_is_run_by_as_many_workers_as_there_are_cpus(
    client: AsyncImgwireClient, photos: Path, tmp_path: Path
) -> None:
    async with client.ingest(photos, journal=tmp_path / "j", runner="ray", shared_paths=True) as job:
        async for _ in job:
            pass
        assert counts(job.report) == (COUNT, 0, 0, 0)
        assert job._options.processes == 3
    await stored_once(client, photos)
    _, report = await ingest(client, photos, journal=tmp_path / "j")  # on this machine, from the same journal
    assert counts(report) == (0, COUNT, 0, 0)


async def test_killed_workers_are_replaced_and_their_items_are_stored_once(
    client: AsyncImgwireClient, sandbox: Sandbox, photos: Path, tmp_path: Path
) -> None:
    sandbox.faults.always("images.create", stall=0.05)
    killed: set[int] = set()
    stored = 0
    async with client.ingest(
        photos, journal=tmp_path / "j", concurrency=8, runner=FAR, shared_paths=True
    ) as job:
        async for _ in job:
            stored += 1
            if stored in {30, 90} and workers_of(job):
                killed.add(pid_of(workers_of(job)[0]))
                os.kill(pid_of(workers_of(job)[0]), signal.SIGKILL)
        assert counts(job.report) == (COUNT, 0, 0, 0)
    assert len(killed) == 2
    await stored_once(client, photos, tmp_path / "j")


async def test_a_lost_node_costs_no_item(
    client: AsyncImgwireClient, sandbox: Sandbox, photos: Path, cluster: Any, tmp_path: Path
) -> None:
    sandbox.faults.always("images.create", stall=0.05)
    node = cluster.add_node(num_cpus=2, resources={"doomed": 2})
    spare = None
    runner = RayRunner(workers=2, num_cpus=0.5, resources={"doomed": 1})
    stored = 0
    async with client.ingest(
        photos, journal=tmp_path / "j", concurrency=8, runner=runner, shared_paths=True
    ) as job:
        async for _ in job:
            stored += 1
            if stored == 30:
                cluster.remove_node(node, allow_graceful=False)
                spare = cluster.add_node(num_cpus=2, resources={"doomed": 2})
        assert counts(job.report) == (COUNT, 0, 0, 0)
    await stored_once(client, photos, tmp_path / "j")
    cluster.remove_node(spare)


@pytest.mark.parametrize(
    "silence", [pytest.param(5.0, id="5 s"), pytest.param(None, id="30 s", marks=pytest.mark.slow)]
)
async def test_the_items_of_a_frozen_worker_run_elsewhere_and_it_stores_nothing_twice_when_it_wakes(
    client: AsyncImgwireClient, sandbox: Sandbox, photos: Path, tmp_path: Path, silence: float | None
) -> None:
    sandbox.faults.always("images.create", stall=0.05)
    frozen = 0
    frozen_at, frozen_keys = 0.0, set[str]()
    async with client.ingest(
        photos, journal=tmp_path / "j", concurrency=8, runner=FAR, shared_paths=True
    ) as job:
        async for outcome in job:
            if not frozen:
                worker = next(worker for worker in workers_of(job) if worker.unfinished)
                worker.silence = silence or worker.silence
                frozen, frozen_keys = pid_of(worker), set(worker.unfinished)
                frozen_at = time.monotonic()
                os.kill(frozen, signal.SIGSTOP)
            frozen_keys.discard(outcome.key)
        assert not frozen_keys
        assert time.monotonic() - frozen_at <= 45
        assert counts(job.report) == (COUNT, 0, 0, 0)
        with suppress(ProcessLookupError):
            os.kill(frozen, signal.SIGCONT)
    await stored_once(client, photos, tmp_path / "j")


DRIVER = """
import asyncio, sys
from imgwire_async import AsyncImgwireClient, RayRunner

async def main():
    key, base_url, photos, journal = sys.argv[1:]
    runner = RayRunner(workers=2, num_cpus=0.5, resources={"far": 1})
    async with (
        AsyncImgwireClient(key, base_url=base_url) as client,
        client.ingest(photos, journal=journal, concurrency=8, runner=runner, shared_paths=True) as job,
    ):
        async for _ in job:
            print(job.report.stored, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
async def test_a_job_whose_driver_ended_is_resumed_from_its_journal(
    client: AsyncImgwireClient,
    sandbox: Sandbox,
    photos: Path,
    cluster: Any,
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    sandbox.faults.always("images.create", stall=0.05)
    arguments = [sandbox.server_key, sandbox.base_url, str(photos), str(tmp_path / "j")]
    command = [sys.executable, "-c", DRIVER, *arguments]

    def run_for_a_while() -> None:
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as driver:
            assert driver.stdout is not None
            for line in driver.stdout:
                if int(line) >= 40:
                    driver.send_signal(number)
                    break
            driver.stdout.read()
            driver.wait(timeout=30)

    await to_thread.run_sync(run_for_a_while)
    assert actors_left(cluster) == []
    sandbox.faults.clear()
    async with client.ingest(photos, journal=tmp_path / "j", runner=FAR, shared_paths=True) as job:
        async for _ in job:
            pass
        assert job.report.already_stored >= 30
        assert job.report.stored + job.report.already_stored == COUNT
    await stored_once(client, photos, tmp_path / "j")


async def test_an_exception_in_the_block_leaves_no_worker(
    client: AsyncImgwireClient, sandbox: Sandbox, photos: Path
) -> None:
    sandbox.faults.always("images.create", stall=0.05)

    async def fail() -> None:
        async with client.ingest(photos, runner=FAR, shared_paths=True) as job:
            await anext(job)
            raise KeyError

    with pytest.raises(KeyError):
        await fail()


async def test_the_key_is_nowhere_in_the_files_of_ray(
    client: AsyncImgwireClient, sandbox: Sandbox, photos: Path, cluster: Any
) -> None:
    import ray

    shown = ""
    async with client.ingest(photos, concurrency=8, runner=FAR, shared_paths=True) as job:
        async for _ in job:
            shown = shown or repr(ray._private.state.actors())
    assert "RayWorker" in shown
    assert sandbox.server_key not in shown
    logs = Path(cluster.head_node.get_session_dir_path()) / "logs"
    texts = [path.read_bytes() for path in logs.rglob("*") if path.is_file()]
    assert len(texts) > 3
    assert not any(sandbox.server_key.encode() in text for text in texts)


async def test_a_cluster_without_room_stops_the_job_after_the_longest_pause(
    client: AsyncImgwireClient, photos: Path
) -> None:
    nowhere = RayRunner(workers=2, resources={"nowhere": 1})
    with pytest.raises(IngestStoppedError, match=r"had no room for it \(num_cpus=1, nowhere=1\) for 3 s"):
        await ingest(client, photos, runner=nowhere, shared_paths=True, max_pause=3.0)


async def test_workers_without_room_delay_no_other(client: AsyncImgwireClient, photos: Path) -> None:
    crowded = RayRunner(workers=4, num_cpus=0, resources={"far": 1})  # two of them fit
    with anyio.fail_after(HANGS):
        _, report = await ingest(client, photos, runner=crowded, shared_paths=True)
    assert counts(report) == (COUNT, 0, 0, 0)


async def test_without_a_cluster_none_is_started(
    client: AsyncImgwireClient, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    asked: list[object] = []

    def init(address: str, **_: object) -> None:
        asked.append(address)
        raise ConnectionError("Could not find any running Ray instance.")

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(ConfigurationError, match="no Ray cluster can be used: Could not find"):
        await ingest(client, photos, runner="ray", shared_paths=True)
    assert asked == ["auto"]
    monkeypatch.undo()


async def test_the_connection_of_the_caller_stays_open(client: AsyncImgwireClient, cluster: Any) -> None:
    import ray

    ray.init(address=cluster.address, log_to_driver=False)
    try:
        items = [IngestItem(small_image(number), f"{number}") for number in range(3)]
        _, report = await ingest(client, items, runner=FAR)
        assert counts(report) == (3, 0, 0, 0)
        assert ray.is_initialized()
    finally:
        ray.shutdown()


@pytest.mark.usefixtures("cluster")
def test_the_command_runs_on_the_cluster(sandbox: Sandbox, tmp_path: Path) -> None:
    folder_of(tmp_path / "photos", 20)
    command = [sys.executable, "-c", "from imgwire_async.cli import main; main()", "ingest", "photos"]
    options = ["--runner", "ray", "--workers", "2", "--concurrency", "8", "--json"]
    variables = {"IMGWIRE_API_KEY": sandbox.server_key, "IMGWIRE_API_BASE_URL": sandbox.base_url}
    arguments: dict[str, Any] = {"cwd": tmp_path, "capture_output": True, "text": True}
    refused = subprocess.run([*command, *options], env=os.environ | variables, check=False, **arguments)
    assert refused.returncode != 0
    assert "--shared-paths" in refused.stderr
    ran = subprocess.run(
        [*command, *options, "--shared-paths"], env=os.environ | variables, check=False, **arguments
    )
    assert ran.returncode == 0, ran.stderr
    assert len(sandbox.requests.of("images.create")) == 20


@pytest.mark.usefixtures("cluster")
async def test_the_share_of_a_killed_worker_goes_to_the_other_one_until_it_is_replaced(
    client: AsyncImgwireClient, sandbox: Sandbox, photos: Path
) -> None:
    sandbox.faults.always("images.create", stall=0.05)
    seen: list[list[int]] = []
    killed = False
    async with client.ingest(photos, concurrency=8, runner=FAR, shared_paths=True) as job:
        async for _ in job:
            senders = [int(worker._part.told[0]) for worker in workers_of(job) if worker._part is not None]
            if senders not in seen:
                seen.append(senders)
            if senders == [4, 4] and not killed:
                killed = True
                os.kill(pid_of(workers_of(job)[0]), signal.SIGKILL)
    assert killed
    assert [8] in seen[seen.index([4, 4]) :]
    assert all(sum(senders) <= 8 for senders in seen)
    await stored_once(client, photos)


@pytest.mark.usefixtures("cluster")
async def test_objects_of_a_bucket_are_read_by_the_workers(
    client: AsyncImgwireClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    with s3_server() as s3:
        s3.objects = {f"{number:03}.png": small_image(number) for number in range(40)}
        bucket = Bucket("s3://photos/", options=s3.options)
        async with client.ingest(bucket, journal=tmp_path / "j", concurrency=8, runner=FAR) as job:
            async for _ in job:
                pass
            assert counts(job.report) == (40, 0, 0, 0)
        assert set(s3.objects) <= set(s3.count("GET"))
    images = await server_images(client)
    assert {image.original_filename: image.hash_sha256 for image in images} == {
        name: hashlib.sha256(content).hexdigest() for name, content in s3.objects.items()
    }
    with_key = [request for request in sandbox.requests if s3.options["secret_access_key"] in repr(request)]
    assert not with_key


@pytest.mark.usefixtures("cluster")
async def test_a_migration_is_run_by_the_workers(client: AsyncImgwireClient, tmp_path: Path) -> None:
    with ImgixSandbox(deployment_delay=0.0) as server:
        source = server.add_source("shop")
        fill(server, source, 30)
        async with client_of(server) as imgix:
            _, report = await migrate(imgix, client, server, journal=tmp_path / "j", runner=FAR)
            assert (report.stored, report.failed) == (30, 0)
            _, again = await migrate(imgix, client, server, journal=tmp_path / "j", runner=FAR)
            assert (again.stored, again.already_stored) == (0, 30)
    origins = {str(image.custom_metadata["origin_path"]) for image in await server_images(client)}
    assert origins == {f"/photos/{number:04} é.png" for number in range(30)}


@pytest.mark.slow
async def test_ten_random_kills_of_workers_lose_nothing_and_store_nothing_twice(
    client: AsyncImgwireClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    photos = folder_of(tmp_path / "photos", 1000)
    sandbox.faults.always("images.create", stall=0.05)
    chance = random.Random(10)
    killed: set[int] = set()
    stored, next_kill = 0, 20
    async with client.ingest(
        photos, journal=tmp_path / "j", concurrency=8, runner=FAR, shared_paths=True
    ) as job:
        async for _ in job:
            stored += 1
            # A worker that has stored nothing yet would count as one that failed to start.
            living = [
                worker for worker in workers_of(job) if worker.has_stored and pid_of(worker) not in killed
            ]
            if stored >= next_kill and living and len(killed) < 10:
                victim = pid_of(chance.choice(living))
                os.kill(victim, signal.SIGKILL)
                killed.add(victim)
                next_kill = stored + chance.randrange(30, 80)
        assert counts(job.report) == (1000, 0, 0, 0)
    assert len(killed) == 10
    await stored_once(client, photos, tmp_path / "j")


@pytest.mark.slow
@pytest.mark.measures_time
@pytest.mark.usefixtures("cluster")
async def test_workers_on_two_nodes_find_an_unknown_limit_together() -> None:
    rate, settles, measured = 100, 60.0, 20.0
    items = (IngestItem(small_image(number), f"{number}") for number in range(12_000))
    throttled = stored_in_time = 0
    everywhere = RayRunner(workers=3, num_cpus=1)  # one fits on the first node, two on the other
    limits = {"images.create": SteadyRate(rate=rate, burst=10, retry_after=None)}
    with Sandbox(rate_limits=limits) as sandbox:
        async with (
            AsyncImgwireClient(sandbox.server_key, base_url=sandbox.base_url) as client,
            client.ingest(items, runner=everywhere) as job,
        ):
            began, stored = math.inf, 0
            async for _ in job:
                stored += 1
                began = min(began, time.monotonic())
                passed = time.monotonic() - began
                stored_in_time += settles < passed <= settles + measured
                if passed > settles + measured:
                    throttled = job.progress.throttled
                    assert len(nodes_of_actors()) == 2
                    break
    print(f"{stored_in_time / measured:.1f}/s, {throttled} of {stored} answered 429")  # noqa: T201 - shown with -s
    assert stored_in_time / measured >= 0.9 * rate
    assert throttled <= 0.01 * stored


def nodes_of_actors() -> set[str]:
    """The nodes on which actors are running."""
    import ray

    actors = ray._private.state.actors().values()
    return {one["Address"]["NodeID"] for one in actors if one["State"] == "ALIVE"}
