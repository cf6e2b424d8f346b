"""Links to workers of every kind: versions are compared, and a silent worker counts as lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest
from anyio.abc import TaskGroup

from imgwire_async import AsyncImgwireClient, ConfigurationError, IngestItem, IngestStoppedError
from imgwire_async.ingest.job import IngestJob
from imgwire_async.ingest.options import IngestOptions
from imgwire_async.ingest.runners import attending, pool, versions, worker_side
from imgwire_async.ingest.runners.attending import AttendedWorker
from imgwire_async.ingest.runners.channel import Channel
from imgwire_async.ingest.runners.dealing import Dealer
from imgwire_async.ingest.runners.link import Ending
from imgwire_async.ingest.runners.pipes import PipeLink
from imgwire_async.ingest.runners.pool import WorkerPool
from imgwire_async.ingest.runners.versions import check_greeting, greeting
from imgwire_async.ingest.runners.worker_side import WorkerSide
from imgwire_async.ingest.shards.shard import Shard
from imgwire_async.sandbox import Sandbox
from tests.core.virtual_time import VirtualTime
from tests.ingest.support import counts, folder_of, ingest, server_images, small_image

ITEMS = [(f"{number}", small_image(number)) for number in range(60)]


IN_MEMORY = Ending("in memory")


class MemoryLink:
    """A worker that is a task of this process."""

    gather_seconds = 0.0

    def __init__(
        self, *, ending: Ending = IN_MEMORY, dies: bool = False, starts: anyio.Event | None = None
    ) -> None:
        self.starts = starts
        self._here, self._there = anyio.create_memory_object_stream[bytes](100)
        self._scope = anyio.CancelScope()
        self._ending, self._dies = ending, dies
        self._tasks: TaskGroup
        self._has_ended = False
        self.side = WorkerSide()

    async def start(self, tasks: TaskGroup) -> None:
        if self._dies:
            raise OSError
        if self.starts is not None:
            await self.starts.wait()
        tasks.start_soon(self._work)

    async def _work(self) -> None:
        with self._here, self._scope:
            async with anyio.create_task_group() as self._tasks:
                self._tasks.start_soon(self.side.channel.send_to, self._here.send)
                try:
                    await self.side.run()
                except* ConfigurationError:
                    pass
                self._tasks.cancel_scope.cancel()
        self._has_ended = True

    async def send(self, data: bytes) -> None:
        if self._has_ended:  # like the pipe of a process that has ended
            raise anyio.BrokenResourceError
        self.side.channel.feed(data, self._tasks)

    async def receive(self, *, will_send: bool) -> bytes:  # noqa: ARG002
        return await self._there.receive()

    async def ended(self) -> Ending:
        return self._ending

    async def kill(self) -> None:
        self._scope.cancel()
        self._here.close()
        self._there.close()


def over(links: Callable[[], MemoryLink], job: IngestJob) -> None:
    """Let a job use the workers of `links`."""
    original = job._new_runner

    def runner() -> WorkerPool:
        made = original()
        assert isinstance(made, WorkerPool)
        made._start_link = links
        return made

    job._new_runner = runner  # type: ignore[method-assign]


async def run_over(
    client: AsyncImgwireClient, links: Callable[[], MemoryLink], **arguments: Any
) -> tuple[int, int, int, int]:
    job = client.ingest(items(), concurrency=4, processes=2, **arguments)
    over(links, job)
    async with job:
        async for _ in job:
            pass
        return counts(job.report)


def items() -> list[IngestItem]:
    return [IngestItem(content, key) for key, content in ITEMS]


async def test_anything_with_a_link_can_be_a_worker(client: AsyncImgwireClient) -> None:
    assert await run_over(client, MemoryLink) == (len(ITEMS), 0, 0, 0)
    assert len(await server_images(client)) == len(ITEMS)


async def test_a_worker_of_another_version_ends_the_job_with_an_error_that_names_it(
    client: AsyncImgwireClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = greeting() | {"python": "3.99", "where": "process 7 on node-b"}
    monkeypatch.setattr(worker_side, "greeting", lambda: other)
    with pytest.raises(ConfigurationError, match=r"process 7 on node-b has .*Python 3\.99.*the job has"):
        await run_over(client, MemoryLink)
    assert len(sandbox.requests.of("images.create")) == 0


@pytest.mark.parametrize("differing", [{"imgwire_async": "0.0.1"}, {"python": "2.7"}, {"pickle": 4}])
def test_all_relevant_versions_must_be_equal(differing: dict[str, str | int]) -> None:
    check_greeting(greeting())
    with pytest.raises(ConfigurationError, match="install the same versions"):
        check_greeting(greeting() | differing)
    assert str(os.getpid()) in str(versions.greeting()["where"])


async def test_workers_that_end_through_no_fault_of_the_job_do_not_stop_it(
    client: AsyncImgwireClient,
) -> None:
    left = 2 * pool.MOST_DEATHS

    def link() -> MemoryLink:
        nonlocal left
        left -= 1
        return MemoryLink(dies=left >= 0, ending=Ending("with its node", is_failure=False))

    assert await run_over(client, link) == (len(ITEMS), 0, 0, 0)


async def test_workers_that_end_again_and_again_stop_the_job(client: AsyncImgwireClient) -> None:
    with pytest.raises(IngestStoppedError, match="workers ended one after the other, in memory"):
        await run_over(client, lambda: MemoryLink(dies=True))


async def test_a_worker_has_the_share_of_those_that_do_not_start_and_returns_it_when_they_do(
    client: AsyncImgwireClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attending, "HAND_OVER_SECONDS", 0.01)
    sandbox.faults.always("images.create", stall=0.02)
    links: list[MemoryLink] = []

    def link() -> MemoryLink:
        links.append(MemoryLink(starts=None if links else anyio.Event()))
        return links[-1]

    def most_requests() -> list[int]:
        return [link.side._gate.concurrency for link in links if link.side._gate is not None]

    job = client.ingest(items(), concurrency=4, processes=2)
    over(link, job)
    seen = []
    async with job:
        async for _ in job:
            if most_requests() not in seen:
                seen.append(most_requests())
            if most_requests() == [4] and links[0].starts is not None:
                links[0].starts.set()
        assert counts(job.report) == (len(ITEMS), 0, 0, 0)
    assert seen[0] in ([2], [4])
    assert [4] in seen
    assert [2, 2] in seen
    assert all(sum(shares) <= 4 for shares in seen)


class Mute:
    """A worker that sends something at each of these times, and nothing after the last one."""

    gather_seconds = 0.0

    def __init__(self, time: VirtualTime, *speaks_at: float) -> None:
        self._time, self._speaks_at = time, list(speaks_at)
        self._speaker = Channel(tells={}, calls={})
        self.killed = False
        self.beats = 0

    async def start(self, tasks: TaskGroup) -> None:
        pass

    async def send(self, data: bytes) -> None:
        self.beats += data.count(b"beat")

    async def receive(self, *, will_send: bool) -> bytes:  # noqa: ARG002
        if not self._speaks_at:
            await anyio.sleep_forever()
        await self._time.sleep(self._speaks_at.pop(0) - self._time.now)
        self._speaker.tell("beat")
        frames: list[bytes] = []

        async def write(data: bytes) -> None:
            frames.append(data)
            raise OSError

        await self._speaker.send_to(write)
        return frames[0]

    async def ended(self) -> Ending:
        raise AssertionError

    async def kill(self) -> None:
        self.killed = True


@pytest.mark.parametrize(("begun", "speaks_at", "ends_at"), [
    (True, (), 30.0),
    (True, (29.0, 58.0, 59.0), 90.0),
    (False, (), 120.0),
])  # fmt: skip
def test_a_started_worker_that_is_silent_for_30_s_counts_as_lost(
    begun: bool, speaks_at: tuple[float, ...], ends_at: float
) -> None:
    time = VirtualTime()

    async def main() -> None:
        link = Mute(time, *speaks_at)
        of = SimpleNamespace(
            over=anyio.Event(),
            core=SimpleNamespace(shared=SimpleNamespace(time=time)),
            dealer=Dealer(IngestOptions().bounds(8), 1),
        )
        worker = AttendedWorker(
            cast("WorkerPool", of), cast("Any", None), cast("Any", None), Shard(1, []), link
        )
        worker.has_begun = begun
        ending = await worker.run()
        assert ending == Ending(f"after it had said nothing for {30 if begun else 120} s")
        assert time.now == pytest.approx(ends_at, abs=worker_side.BEAT_SECONDS)
        assert link.killed
        assert link.beats >= ends_at / 5  # the worker hears from the job all the time

    time.run(main)


def test_a_worker_without_contact_to_its_job_for_10_s_starts_no_attempt_until_contact_returns() -> None:
    time = VirtualTime()

    async def main() -> None:
        heard_of = worker_side._HeardOf()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(heard_of.watch, time)
            await time.sleep(9.0)
            await heard_of.wait()
            heard_of.note()
            await time.sleep(9.0)
            await heard_of.wait()
            await time.sleep(4.0)
            admitted_at: list[float] = []

            async def attempt() -> None:
                await heard_of.wait()
                admitted_at.append(time.now)

            tasks.start_soon(attempt)
            await time.sleep(20.0)
            assert admitted_at == []
            heard_of.note()
            await time.settle()
            assert admitted_at == [time.now]
            tasks.cancel_scope.cancel()

    time.run(main)


@pytest.mark.parametrize(
    "patched",
    [
        pytest.param(True, id="after half a second"),
        pytest.param(False, id="after 30 s", marks=pytest.mark.slow),
    ],
)
async def test_the_items_of_a_frozen_process_are_stored_once_by_others(
    client: AsyncImgwireClient,
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    patched: bool,
) -> None:
    if patched:
        monkeypatch.setattr(attending, "BEAT_SECONDS", 0.1)
    sandbox.faults.always("images.create", stall=0.02)
    photos = folder_of(tmp_path / "photos", 100)
    frozen = 0
    async with client.ingest(photos, journal=tmp_path / "j", concurrency=8, processes=2) as job:
        async for _ in job:
            if not frozen:
                runner = job._runner
                assert isinstance(runner, WorkerPool)
                worker = next(worker for worker in runner.workers if worker.unfinished)
                worker.silence = 0.5 if patched else worker.silence
                link = worker.link
                assert isinstance(link, PipeLink)
                assert link.process is not None
                frozen = link.process.pid
                os.kill(frozen, signal.SIGSTOP)
        assert counts(job.report) == (100, 0, 0, 0)
    with suppress(ProcessLookupError):
        os.kill(frozen, signal.SIGCONT)
    images = await server_images(client)
    assert sorted(image.original_filename for image in images) == [f"{n:04}.png" for n in range(100)]
    _, report = await ingest(client, photos, journal=tmp_path / "j")
    assert counts(report) == (0, 100, 0, 0)
