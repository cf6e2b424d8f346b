"""Jobs whose shards run in separate processes: nothing is lost or stored twice, whichever process dies."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from enum import StrEnum
from pathlib import Path
from typing import Literal

import anyio
import httpx
import pytest
from anyio import to_thread

from imgwire_async import (
    AlreadyStored,
    AsyncImgwireClient,
    AuthenticationError,
    ConfigurationError,
    Failed,
    ImgwireError,
    IngestItem,
    IngestStoppedError,
    InvalidArgumentError,
    Stored,
)
from imgwire_async.core.clients.client import core_of
from imgwire_async.core.pace.limits import RateLimit
from imgwire_async.imgwire.service import RateClass
from imgwire_async.imgwire.sink import SINK
from imgwire_async.ingest.job import IngestJob
from imgwire_async.ingest.options import IngestOptions
from imgwire_async.ingest.runners.pipes import PipeLink
from imgwire_async.ingest.runners.pool import WorkerPool
from imgwire_async.ingest.shards.preparing import Task, stamp_of
from imgwire_async.ingest.shards.sending import Sender
from imgwire_async.ingest.shards.shard import AHEAD, Shard, Workbench, run_shard
from imgwire_async.ingest.sink import StoredImage
from imgwire_async.sandbox import Sandbox, SteadyRate
from tests.clients import client_of
from tests.hangs import HANGS
from tests.ingest.support import counts, folder_of, ingest, server_images, small_image
from tests.request_rates import settled

COUNT = 160


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of(tmp_path_factory.mktemp("processes") / "photos", COUNT)


class Purpose(StrEnum):
    """A custom type, which other processes do not know."""

    HERO = "hero"


def pool_of(job: IngestJob) -> WorkerPool:
    assert isinstance(job._runner, WorkerPool)
    return job._runner


def pids(job: IngestJob) -> list[int]:
    """Process ids of the running workers."""
    links = [worker.link for worker in pool_of(job).workers]
    return [link.process.pid for link in links if isinstance(link, PipeLink) and link.process is not None]


async def requested(sandbox: Sandbox, count: int) -> None:
    """Wait until this many requests have arrived."""
    with anyio.fail_after(HANGS):
        while len(sandbox.requests) < count:  # noqa: ASYNC110 - other threads and processes cause them
            await anyio.sleep(0.01)


async def exhausted(job: IngestJob) -> None:
    async for _ in job:
        pass


async def stored_once(client: AsyncImgwireClient, count: int = COUNT) -> None:
    images = await server_images(client)
    assert sorted(image.original_filename for image in images) == [f"{n:04}.png" for n in range(count)]


@pytest.mark.parametrize(("backend", "concurrency"), [("asyncio", 16), ("trio", 16), ("asyncio", "auto")])
def test_every_item_is_stored_once_by_several_processes(
    sandbox: Sandbox, photos: Path, tmp_path: Path, backend: str, concurrency: int | Literal["auto"]
) -> None:
    async def run() -> None:
        async with client_of(sandbox) as client:
            seen: set[int] = set()
            keys = []
            async with client.ingest(
                photos, journal=tmp_path / "j", concurrency=concurrency, processes=2, purpose=Purpose.HERO
            ) as job:
                async for outcome in job:
                    assert isinstance(outcome, Stored)
                    assert outcome.item.source == str(photos / outcome.key)
                    seen.update(pids(job))
                    keys.append(outcome.key)
                assert job.progress.in_flight == 0
                assert job.report.complete
            assert len(seen) == 2
            assert len(keys) == len(set(keys)) == COUNT
            await stored_once(client)
            assert {image.purpose for image in await server_images(client)} == {"hero"}

    anyio.run(run, backend=backend)


async def test_a_second_run_sends_nothing_and_starts_no_process(
    client: AsyncImgwireClient,
    sandbox: Sandbox,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await ingest(client, photos, journal=tmp_path / "j", processes=2)
    sandbox.requests.clear()
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    _, report = await ingest(client, photos, journal=tmp_path / "j", processes=2)
    assert counts(report) == (0, COUNT, 0, 0)
    assert len(sandbox.requests) == 0


async def test_a_killed_process_is_replaced_and_its_items_are_stored_once(
    client: AsyncImgwireClient, sandbox: Sandbox, photos: Path, tmp_path: Path
) -> None:
    sandbox.faults.always("images.create", stall=0.02)
    keys = []
    killed: set[int] = set()
    async with client.ingest(photos, journal=tmp_path / "j", concurrency=16, processes=2) as job:
        async for outcome in job:
            assert isinstance(outcome, Stored)
            keys.append(outcome.key)
            living = set(pids(job)) - killed
            if living and len(killed) < 2 and len(keys) >= 30 * (len(killed) + 1):
                victim = living.pop()
                os.kill(victim, signal.SIGKILL)
                killed.add(victim)
        assert counts(job.report) == (COUNT, 0, 0, 0)
    assert len(killed) == 2
    assert len(keys) == len(set(keys)) == COUNT
    await stored_once(client)


async def test_processes_that_die_again_and_again_stop_the_job_resumably(
    client: AsyncImgwireClient,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho cannot import anything >&2\nexit 7\n")
    broken.chmod(0o755)
    with monkeypatch.context() as patched:
        for executable, problem in ((broken, "exit code 7: cannot import anything"), ("/no", "No such file")):
            patched.setattr(sys, "executable", str(executable))
            with pytest.raises(IngestStoppedError, match=problem) as raised:
                await ingest(client, photos, journal=tmp_path / "j", processes=2)
            assert raised.value.reason == "worker"
    assert "cannot import anything" in capsys.readouterr().err
    _, report = await ingest(client, photos, journal=tmp_path / "j")
    assert counts(report) == (COUNT, 0, 0, 0)


async def test_cancel_finishes_what_is_in_flight_in_all_processes(
    client: AsyncImgwireClient, photos: Path, tmp_path: Path
) -> None:
    async with client.ingest(photos, journal=tmp_path / "j", concurrency=8, processes=2) as job:
        stored = 0
        async for _ in job:
            stored += 1
            job.cancel()
        assert pids(job) == []
        assert (job.report.stopped, job.progress.in_flight) == ("it was cancelled", 0)
    assert 0 < stored < COUNT
    assert len(await server_images(client)) == stored
    _, report = await ingest(client, photos, journal=tmp_path / "j", processes=2)
    assert report.stored + report.already_stored == COUNT
    await stored_once(client)


async def test_leaving_the_block_early_ends_the_processes_at_once(
    client: AsyncImgwireClient, sandbox: Sandbox, photos: Path, tmp_path: Path
) -> None:
    sandbox.faults.always("images.create", stall=30.0)
    async with client.ingest(photos, journal=tmp_path / "j", concurrency=8, processes=2) as job:
        await requested(sandbox, 8)
        workers = pids(job)
    assert len(workers) == 2
    assert not any(is_running(pid) for pid in workers)


async def test_a_revoked_key_stops_all_processes(
    client: AsyncImgwireClient, sandbox: Sandbox, photos: Path, tmp_path: Path
) -> None:
    async with client.ingest(photos, journal=tmp_path / "j", concurrency=8, processes=2) as job:
        await anext(job)
        sandbox.faults.always("images.create", status=401)
        with pytest.raises(IngestStoppedError) as raised:
            await exhausted(job)
        assert job.report.failed == 0
    assert isinstance(raised.value.__cause__, AuthenticationError)
    sandbox.faults.clear()
    _, report = await ingest(client, photos, journal=tmp_path / "j", processes=2)
    assert report.stored + report.already_stored == COUNT
    await stored_once(client)


async def test_a_function_that_returns_the_key_is_called_in_the_process_of_the_job(
    sandbox: Sandbox, photos: Path
) -> None:
    given = []

    async def key() -> str:
        given.append(os.getpid())
        return "sk_expired" if len(given) == 1 else sandbox.server_key

    async with AsyncImgwireClient(key, base_url=sandbox.base_url) as client:
        _, report = await ingest(client, photos, processes=2)
    assert counts(report) == (COUNT, 0, 0, 0)
    assert given == [os.getpid()] * 2


async def test_equal_content_is_sent_once_whichever_processes_find_it(
    client: AsyncImgwireClient, sandbox: Sandbox
) -> None:
    items = [IngestItem(small_image(number % 60), f"{number}") for number in range(400)]
    outcomes, report = await ingest(client, items, dedupe="content", processes=2)
    assert counts(report) == (60, 340, 0, 0)
    assert len(await server_images(client)) == 60
    assert len(sandbox.requests.of("images.create")) == 60
    image_of = {one.key: one.image_id for one in outcomes if isinstance(one, Stored | AlreadyStored)}
    assert all(image_of[f"{number}"] == image_of[f"{number % 60}"] for number in range(400))


async def test_copies_are_sent_when_the_process_of_the_first_one_dies(
    client: AsyncImgwireClient, sandbox: Sandbox
) -> None:
    sandbox.faults.once("store.put", stall=30.0)
    items = [IngestItem(small_image(0), f"{number}") for number in range(200)]
    async with client.ingest(items, dedupe="content", concurrency=4, processes=2) as job:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(exhausted, job)
            await requested(sandbox, 2)
            for pid in pids(job):
                os.kill(pid, signal.SIGKILL)
        assert counts(job.report) == (1, 199, 0, 0)
    assert len(await server_images(client)) == 1


async def test_copies_are_sent_if_the_first_one_vanishes_while_its_process_is_replaced(
    client: AsyncImgwireClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults.once("images.create", stall=30.0)
    folder = folder_of(tmp_path / "copies", 0)
    for number in range(100):
        (folder / f"{number}.png").write_bytes(small_image(0))

    async def source() -> AsyncIterator[Path]:
        yield folder / "0.png"
        await requested(sandbox, 1)
        for number in range(1, 100):
            yield folder / f"{number}.png"

    async with client.ingest(source(), dedupe="content", concurrency=4, processes=2) as job:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(exhausted, job)
            await requested(sandbox, 1)
            (folder / "0.png").unlink()
            for pid in pids(job):
                os.kill(pid, signal.SIGKILL)
        assert counts(job.report) == (1, 98, 0, 1)
    assert len(await server_images(client)) == 1


async def test_an_outage_fails_no_item(client: AsyncImgwireClient, sandbox: Sandbox, photos: Path) -> None:
    sandbox.faults.times(8, "*", reset="before")
    _, report = await ingest(client, photos, processes=2)
    assert counts(report) == (COUNT, 0, 0, 0)
    assert sandbox.faults.unused() == []


async def test_too_many_failures_of_all_processes_together_stop_the_job(
    client: AsyncImgwireClient, sandbox: Sandbox, photos: Path
) -> None:
    sandbox.faults.always("images.create", status=422)
    with pytest.raises(IngestStoppedError, match="items have failed") as raised:
        await ingest(client, photos, processes=2, max_failures=20)
    assert raised.value.reason == "failures"


async def test_an_item_that_cannot_be_sent_to_a_process_fails_alone(
    client: AsyncImgwireClient, photos: Path
) -> None:
    items = [
        IngestItem(photos / "0000.png", custom_metadata={"kind": Purpose.HERO}),
        IngestItem(photos / "0001.png", custom_metadata={"kind": object()}),  # type: ignore[dict-item]
        IngestItem(photos / "missing.png"),
        IngestItem(b"no image", "text"),
    ]
    outcomes, report = await ingest(client, items, processes=2, wait_ready=True)
    assert counts(report) == (1, 0, 0, 3)
    problems = {one.key: type(one.error).__name__ for one in outcomes if isinstance(one, Failed)}
    assert problems == {
        str(photos / "0001.png"): "InvalidArgumentError",
        str(photos / "missing.png"): "UploadSourceError",
        "text": "UnsupportedImageTypeError",
    }
    (image,) = await server_images(client)
    assert (image.status, image.custom_metadata) == ("READY", {"kind": "hero"})


async def test_stated_limits_hold_for_all_processes_together(sandbox: Sandbox, photos: Path) -> None:
    limits = {RateClass.CREATE: RateLimit(rate=40, burst=4)}
    async with AsyncImgwireClient(
        sandbox.server_key, base_url=sandbox.base_url, rate_limits=limits
    ) as client:
        files = [photos / f"{number:04}.png" for number in range(140)]
        started = time.monotonic()
        _, report = await ingest(client, files, processes=2, concurrency=32)
        assert report.stored == 140
        assert time.monotonic() - started >= (140 - 4) / 40


async def test_a_request_to_slow_down_delays_all_processes(
    client: AsyncImgwireClient, sandbox: Sandbox, photos: Path
) -> None:
    sandbox.faults.times(1, "images.create", status=429, retry_after=1.0)
    started = time.monotonic()
    _, report = await ingest(client, photos, processes=2)
    assert counts(report) == (COUNT, 0, 0, 0)
    assert report.throttled == 1
    assert time.monotonic() - started >= 1.0


async def test_no_key_is_in_arguments_environment_or_texts(
    sandbox: Sandbox, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGWIRE_API_KEY", sandbox.server_key)
    monkeypatch.setenv("IMGWIRE_API_BASE_URL", sandbox.base_url)
    sandbox.faults.always("images.create", stall=30.0)
    async with (
        AsyncImgwireClient() as client,
        client.ingest(photos, concurrency=8, processes=2) as job,
    ):
        await requested(sandbox, 8)
        shown = await to_thread.run_sync(process_table, pids(job))
        setup = pool_of(job)._setup
    assert len(shown) == 2
    assert all("imgwire_async.ingest.runners.worker" in one and "PYTHONPATH=" in one for one in shown)
    assert not any(sandbox.server_key in one for one in (*shown, repr(setup)))
    assert sandbox.server_key.encode() not in pickle.dumps(setup)


@pytest.mark.parametrize(
    ("client_arguments", "problem"),
    [
        ({"http_client": httpx.AsyncClient()}, "http_client"),
        ({"on_call": lambda _: None}, "hooks"),
        ({"on_request": print}, "hooks"),
        ({"on_retry": print}, "hooks"),
    ],
)
async def test_clients_that_cannot_be_recreated_in_other_processes_are_rejected(
    sandbox: Sandbox, photos: Path, client_arguments: dict[str, object], problem: str
) -> None:
    async with client_of(sandbox, **client_arguments) as client:
        with pytest.raises(ConfigurationError, match=problem):
            client.ingest(photos, processes=2)
        with pytest.raises(ConfigurationError, match=problem):
            client.with_options(deadline=5).ingest(photos, processes=2)
        client.ingest(photos)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"processes": 0}, "processes must be"),
        ({"processes": 4, "concurrency": 3}, "at least the number of processes"),
        ({"processes": 300}, "at least the number of processes"),
        ({"processes": 20}, "byte_budget must be at least"),
    ],
)
async def test_bounds_that_cannot_be_divided_are_rejected(
    client: AsyncImgwireClient, photos: Path, arguments: dict[str, int], problem: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=problem):
        client.ingest(photos, **arguments)  # type: ignore[arg-type]


class Notes:
    """A journal and a limiter that only record calls."""

    def __init__(self) -> None:
        self.keyed: list[str] = []
        self.images: dict[str, str] = {}

    async def next_shard(self) -> Shard | None:
        raise AssertionError

    async def key(self, tasks: list[Task]) -> list[Task]:
        self.keyed += [task.idempotency_key for task in tasks]
        return tasks

    def stored(self, task: Task, image: StoredImage, seconds: float) -> None:
        assert seconds > 0
        self.images[task.key] = image.id

    def refused(self, task: Task, error: ImgwireError) -> None:
        raise AssertionError(task, error)

    async def admit(self) -> bool:
        return False

    async def failed(self, task: Task, error: ImgwireError, *, probe: bool) -> float | None:
        raise AssertionError(task, error, probe)


async def test_a_shard_that_is_sent_and_run_twice_creates_the_same_images(
    client: AsyncImgwireClient, photos: Path
) -> None:
    items = [IngestItem(str(photos / f"{number:04}.png")) for number in range(40)]
    shard = Shard(1, [Task(str(item.source), item, stamp_of(item), True, None) for item in items])
    options = IngestOptions(concurrency=8)
    runs = []
    for _ in range(2):
        travelled = pickle.loads(pickle.dumps(shard))
        assert travelled == shard
        shared = core_of(client).shared
        sender = Sender(SINK.open(core_of(client)), options, shared.time)
        bench = Workbench(sender, "spring", options, options.bounds(shared.gate.concurrency), shared)
        notes = Notes()
        await pickle.loads(pickle.dumps(run_shard))(travelled, bench, notes)
        runs.append(notes)
    assert runs[0].images == runs[1].images
    assert set(runs[0].keyed) == set(runs[1].keyed)
    assert len(await server_images(client)) == len(runs[0].images) == 40


class FarNotes(Notes):
    """The same with a delay: records nothing until as many items are waiting as a bench prepares ahead."""

    def __init__(self, shards: int) -> None:
        super().__init__()
        self._left = shards
        self._asked = 0
        self._has_enough = anyio.Event()
        self.left_at_first_attempt: int | None = None

    async def next_shard(self) -> Shard | None:
        if not self._left:
            return None
        self._left -= 1
        items = [IngestItem(small_image(number), f"{self._left}-{number}") for number in range(AHEAD)]
        return Shard(self._left, [Task(item.key or "", item, stamp_of(item), False, None) for item in items])

    async def key(self, tasks: list[Task]) -> list[Task]:
        self._asked += len(tasks)
        if self._asked >= AHEAD:
            self._has_enough.set()
        await self._has_enough.wait()
        return tasks

    async def admit(self) -> bool:
        if self.left_at_first_attempt is None:
            self.left_at_first_attempt = self._left
        return False


async def test_enough_is_prepared_ahead_to_bridge_the_way_to_a_far_job(
    client: AsyncImgwireClient,
) -> None:
    options = IngestOptions(concurrency=8)
    shared = core_of(client).shared
    sender = Sender(SINK.open(core_of(client)), options, shared.time)
    bench = Workbench(sender, "spring", options, options.bounds(shared.gate.concurrency), shared)
    notes = FarNotes(shards=2)
    with anyio.fail_after(HANGS):
        await bench.run(notes)
    assert notes.left_at_first_attempt == 0  # the second shard was there before the first item was sent
    assert len(notes.images) == 2 * AHEAD


def process_table(pids: list[int]) -> list[str]:
    """Arguments and environment of processes."""
    return [subprocess.check_output(["ps", "eww", "-p", str(pid)], text=True) for pid in pids]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


RATE = 10.0
SETTLED_AFTER = 40  # accepted requests after the first 429
MEASURED = 60  # accepted requests


@pytest.mark.measures_time
@pytest.mark.slow
async def test_four_processes_find_and_keep_one_unknown_rate_limit_over_sockets() -> None:
    # The limit is far below the speed of a busy machine, and requests are counted in the service's own log.
    rates = {"images.create": SteadyRate(rate=RATE, burst=5, retry_after=None)}
    items = (IngestItem(small_image(number), f"{number}") for number in range(400))
    left = SETTLED_AFTER + MEASURED + 10
    with Sandbox(rate_limits=rates) as sandbox:
        async with (
            AsyncImgwireClient(sandbox.server_key, base_url=sandbox.base_url) as client,
            client.ingest(items, processes=4) as job,
        ):
            async for _ in job:
                left -= job.progress.throttled > 0
                if not left:
                    break
        requests = sandbox.requests.of("images.create")

    goodput, share = settled(requests, SETTLED_AFTER, MEASURED)
    assert 0.4 * RATE <= goodput <= 1.08 * RATE
    assert share <= 0.1  # without pacing about nine tenths
