"""Outages, revoked keys, full disks, interrupts: how a job ends, and how it resumes."""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from imgwire_async import (
    AsyncImgwireClient,
    AuthenticationError,
    Failed,
    IngestStoppedError,
    JournalError,
    Report,
    Stored,
)
from imgwire_async.ingest.coordination import coordinator
from imgwire_async.ingest.items import IngestItem
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.ingest.journal.rows import State
from imgwire_async.sandbox import Fault, Sandbox
from tests.clients import client_of
from tests.hangs import HANGS
from tests.ingest.support import counts, folder_of, ingest, server_images, small_image

FAULTS = (Fault(status=500), Fault(status=502), Fault(status=503), Fault(reset="after"), Fault(truncate=True))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "photos", 60)


async def stopped(
    client: AsyncImgwireClient, source: Any, **arguments: Any
) -> tuple[IngestStoppedError, Report]:
    """The error that ends a job, and the report."""
    async with client.ingest(source, **{"concurrency": 8} | arguments) as job:
        try:
            async for _ in job:
                pass
        except IngestStoppedError as error:
            return error, job.report
    raise AssertionError("the job was not stopped")


async def resume(client: AsyncImgwireClient, photos: Path, journal: Path) -> None:
    """Run the job to its end, and check that every item is stored once."""
    _, report = await ingest(client, photos, journal=journal)
    assert report.stored + report.already_stored == 60
    images = await server_images(client)
    assert sorted(image.original_filename for image in images) == sorted(
        f"{number:04}.png" for number in range(60)
    )


async def test_a_revoked_key_stops_the_job_and_a_valid_one_resumes_it(
    sandbox: Sandbox, client: AsyncImgwireClient, photos: Path, tmp_path: Path
) -> None:
    async with client.ingest(photos, journal=tmp_path / "j", concurrency=4) as job:
        await anext(job)
        sandbox.faults.always("images.create", status=401)
        with pytest.raises(IngestStoppedError) as raised:
            await exhausted(job)
        error, report = raised.value, job.report
    sandbox.faults.clear()

    assert error.reason == "error"
    assert isinstance(error.__cause__, AuthenticationError)
    assert "run the same job again" in str(error)
    assert 0 < report.stored < 60
    assert report.failed == 0
    assert not report.complete
    await resume(client, photos, tmp_path / "j")


@pytest.mark.parametrize("status", [402, 403])
async def test_payment_and_permission_stop_the_job(
    sandbox: Sandbox, client: AsyncImgwireClient, photos: Path, tmp_path: Path, status: int
) -> None:
    sandbox.faults.always("images.create", status=status)
    error, report = await stopped(client, photos, journal=tmp_path / "j")
    assert (error.reason, report.stored, report.failed) == ("error", 0, 0)
    sandbox.faults.clear()
    await resume(client, photos, tmp_path / "j")


async def test_an_outage_pauses_the_job_and_fails_nothing(
    sandbox: Sandbox, client: AsyncImgwireClient, photos: Path
) -> None:
    sandbox.faults.times(9, "*", reset="before")
    _, report = await ingest(client, photos)
    assert counts(report) == (60, 0, 0, 0)
    assert sandbox.faults.unused() == []
    assert len(await server_images(client)) == 60


async def test_an_unreachable_service_ends_the_job_after_the_longest_pause(
    photos: Path, tmp_path: Path
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        async with AsyncImgwireClient("sk_test", base_url=url) as client:
            error, report = await stopped(client, photos, journal=tmp_path / "j", max_pause=0.5)
    assert error.reason == "outage"
    assert counts(report) == (0, 0, 0, 0)


async def test_server_errors_use_up_attempts_even_with_responses_in_between(
    sandbox: Sandbox, client: AsyncImgwireClient, photos: Path
) -> None:
    sandbox.faults.random(0.03, seed=3, faults=FAULTS)  # so few that no item can meet five
    _, report = await ingest(client, photos)
    assert counts(report) == (60, 0, 0, 0)
    assert report.retries > 0
    assert len(await server_images(client)) == 60


async def test_rate_limited_requests_are_not_failures(sandbox: Sandbox, photos: Path) -> None:
    sandbox.faults.times(2, "images.create", status=429, retry_after=0.01)
    async with client_of(sandbox) as client:
        outcomes, report = await ingest(client, photos)
    assert counts(report) == (60, 0, 0, 0)
    assert (report.throttled, report.retries) == (2, 0)
    assert {one.attempts for one in outcomes if isinstance(one, Stored)} == {1}


async def test_an_item_that_always_fails_is_abandoned_and_the_rest_is_stored(
    sandbox: Sandbox, client: AsyncImgwireClient, photos: Path
) -> None:
    sandbox.faults.always("images.upload_via_url", status=500)
    outcomes, report = await ingest(client, ["https://assets.example.com/x.png", *map(str, files(photos))])
    assert counts(report) == (60, 0, 0, 1)
    assert [one.attempts for one in outcomes if isinstance(one, Failed)] == [5]


async def test_the_same_rejection_of_most_items_stops_the_job(
    sandbox: Sandbox, client: AsyncImgwireClient, tmp_path: Path
) -> None:
    sandbox.faults.always("images.create", status=422)
    items = [IngestItem(small_image(number % 10), f"{number}") for number in range(600)]
    error, report = await stopped(client, items, journal=tmp_path / "j")
    assert error.reason == "same_failure"
    assert 200 <= report.failed < 220
    _, report = await ingest(client, items[:250], breaker=False)
    assert report.failed == 250


async def test_too_many_failures_stop_the_job(
    sandbox: Sandbox, client: AsyncImgwireClient, photos: Path, tmp_path: Path
) -> None:
    sandbox.faults.times(20, "images.create", status=422)
    error, report = await stopped(client, photos, journal=tmp_path / "j", max_failures=3, concurrency=1)
    assert (error.reason, report.failed) == ("failures", 4)
    sandbox.faults.clear()
    await resume(client, photos, tmp_path / "j")


async def test_the_deadline_of_the_job_stops_it(
    sandbox: Sandbox, client: AsyncImgwireClient, photos: Path, tmp_path: Path
) -> None:
    sandbox.faults.always("images.create", stall=0.3)
    error, report = await stopped(client, photos, journal=tmp_path / "j", deadline=0.2)
    assert (error.reason, report.failed) == ("deadline", 0)
    assert report.stored < 60
    sandbox.faults.clear()
    await resume(client, photos, tmp_path / "j")


@pytest.mark.parametrize("processes", [1, 2])
async def test_the_deadline_of_the_job_ends_what_hangs_in_flight(
    sandbox: Sandbox,
    client: AsyncImgwireClient,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    processes: int,
) -> None:
    monkeypatch.setattr(coordinator, "GRACE", 0.2)
    sandbox.faults.always("store.put", stall=60.0)
    began = time.monotonic()
    error, report = await stopped(client, photos, journal=tmp_path / "j", deadline=0.2, processes=processes)
    assert time.monotonic() - began < 30
    assert (error.reason, report.stored, report.failed) == ("deadline", 0, 0)
    sandbox.faults.clear()
    await resume(client, photos, tmp_path / "j")


async def test_the_deadline_of_an_item_fails_it_alone(
    sandbox: Sandbox, client: AsyncImgwireClient, photos: Path
) -> None:
    sandbox.faults.once("store.put", stall=60.0)
    _, report = await ingest(client, photos, item_deadline=10.0, concurrency=4)
    assert counts(report) == (59, 0, 0, 1)
    assert report.failures[0].cause == "DeadlineExceededError"


@pytest.fixture
def hung(photos: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file whose `stat` and `open` block until the test has ended, as on a disk that hangs."""
    path, free = min(photos.iterdir()), threading.Event()

    def hanging(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(name: Any, *arguments: Any, **named: Any) -> Any:
            if name == os.fspath(path):
                free.wait(2 * HANGS)
            return function(name, *arguments, **named)

        return wrapped

    for name in ("stat", "open"):
        monkeypatch.setattr(os, name, hanging(getattr(os, name)))
    yield path
    free.set()


async def test_the_deadline_of_an_item_applies_while_its_file_is_read(
    client: AsyncImgwireClient, photos: Path, tmp_path: Path, hung: Path
) -> None:
    with anyio.fail_after(HANGS):
        _, report = await ingest(client, photos, journal=tmp_path / "j", item_deadline=10.0, concurrency=4)
    assert counts(report) == (59, 0, 0, 1)
    assert report.failures[0].cause == "DeadlineExceededError"
    assert hung.name in str(report.failures[0].examples)


@pytest.mark.usefixtures("hung")
async def test_the_deadline_of_the_job_applies_while_a_file_is_read(
    client: AsyncImgwireClient, photos: Path, tmp_path: Path
) -> None:
    with anyio.fail_after(HANGS):
        error, report = await stopped(client, photos, journal=tmp_path / "j", deadline=0.5)
    assert (error.reason, report.failed) == ("deadline", 0)


def named(photos: Path) -> list[str]:
    """The same files as a list of paths that were not inspected."""
    return [os.fspath(path) for path in sorted(photos.iterdir())]


async def test_the_deadline_of_an_item_applies_while_a_named_file_is_inspected(
    client: AsyncImgwireClient, photos: Path, tmp_path: Path, hung: Path
) -> None:
    with anyio.fail_after(HANGS):
        _, report = await ingest(
            client, named(photos), journal=tmp_path / "j", item_deadline=10.0, concurrency=4
        )
    assert counts(report) == (59, 0, 0, 1)
    assert report.failures[0].cause == "DeadlineExceededError"
    assert hung.name in str(report.failures[0].examples)


@pytest.mark.usefixtures("hung")
async def test_the_deadline_of_the_job_applies_while_a_named_file_is_inspected(
    client: AsyncImgwireClient, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinator, "GRACE", 0.2)
    with anyio.fail_after(HANGS):
        error, report = await stopped(client, named(photos), journal=tmp_path / "j", deadline=0.5)
    assert (error.reason, report.failed) == ("deadline", 0)


async def test_cancel_finishes_what_is_in_flight_and_the_next_run_resumes(
    client: AsyncImgwireClient, photos: Path, tmp_path: Path
) -> None:
    async with client.ingest(photos, journal=tmp_path / "j", concurrency=8) as job:
        stored = 0
        async for _ in job:
            stored += 1
            job.cancel()
        assert job.progress.in_flight == 0
        assert job.report.stopped == "it was cancelled"
    assert 0 < stored < 60
    # Uploads in flight have ended and are recorded: every image on the server was reported.
    assert len(await server_images(client)) == stored
    await resume(client, photos, tmp_path / "j")


async def test_leaving_the_block_early_releases_the_journal(
    client: AsyncImgwireClient, photos: Path, tmp_path: Path
) -> None:
    async with client.ingest(photos, journal=tmp_path / "j", concurrency=8) as job:
        await anext(job)
    await resume(client, photos, tmp_path / "j")


async def test_a_cancelled_caller_releases_the_journal(
    client: AsyncImgwireClient, photos: Path, tmp_path: Path
) -> None:
    with anyio.CancelScope() as scope:
        async with client.ingest(photos, journal=tmp_path / "j", concurrency=8) as job:
            async for _ in job:
                scope.cancel()
    await resume(client, photos, tmp_path / "j")


@pytest.mark.parametrize(
    ("pragma", "problem"),
    [("max_page_count=8", "the disk is full"), ("query_only=1", "folder writable")],
)
async def test_a_journal_that_can_no_longer_be_written_ends_the_job(
    client: AsyncImgwireClient, photos: Path, tmp_path: Path, pragma: str, problem: str
) -> None:
    async with client.ingest(photos, journal=tmp_path / "j", concurrency=8) as job:
        job._journal._writer.execute(f"PRAGMA {pragma}")
        with pytest.raises(JournalError, match=problem):
            await exhausted(job)
    await resume(client, photos, tmp_path / "j")


async def test_items_missing_from_the_journal_after_a_crash_are_not_stored_twice(
    client: AsyncImgwireClient, photos: Path, tmp_path: Path
) -> None:
    await ingest(client, photos, journal=tmp_path / "j")
    with Journal(tmp_path / "j") as journal:
        rows = [row for row in journal.rows(State.STORED) if row.key < "0030.png"]
        journal.write([replace(row, state=State.KEYED, image_id=None) for row in rows])
    with sqlite3.connect(tmp_path / "j") as lost:
        lost.execute("DELETE FROM compact_items WHERE name >= '0050.png'")
    lost.close()
    await resume(client, photos, tmp_path / "j")


async def test_a_second_job_on_the_same_journal_is_rejected(
    client: AsyncImgwireClient, photos: Path, tmp_path: Path
) -> None:
    async with client.ingest(photos, journal=tmp_path / "j"):
        with pytest.raises(JournalError, match="in use by another job"):
            await ingest(client, photos, journal=tmp_path / "j")


async def test_a_slow_consumer_of_outcomes_slows_the_source_down(client: AsyncImgwireClient) -> None:
    drawn = 0

    async def endless() -> AsyncIterator[IngestItem]:
        nonlocal drawn
        while True:
            drawn += 1
            yield IngestItem(small_image(drawn), f"{drawn}")

    async with client.ingest(endless(), concurrency=4, byte_budget=16 * 1024 * 1024) as job:
        await anext(job)
        before = -1
        while before != drawn:
            before = drawn
            await anyio.sleep(0.3)
    assert drawn < 3000


async def test_uploads_keep_to_the_bandwidth_limit(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(6):
        (tmp_path / "photos" / f"{number}.png").write_bytes(small_image(number).ljust(20_000, b"\0"))
    async with AsyncImgwireClient(sandbox.server_key, base_url=sandbox.base_url) as client:
        started = time.monotonic()
        _, report = await ingest(client, tmp_path / "photos", bandwidth_limit=200_000)
    assert report.stored == 6
    assert time.monotonic() - started >= 0.5


async def test_auto_concurrency_stores_everything(client: AsyncImgwireClient, photos: Path) -> None:
    _, report = await ingest(client, photos, concurrency="auto")
    assert counts(report) == (60, 0, 0, 0)


async def test_the_next_run_starts_with_the_pace_that_the_last_one_reached(
    sandbox: Sandbox, client: AsyncImgwireClient, photos: Path, tmp_path: Path
) -> None:
    sandbox.faults.times(1, "images.create", status=429)
    await ingest(client, photos, journal=tmp_path / "j", concurrency="auto")
    (photos / "new.png").write_bytes(small_image(999))
    async with client.ingest(photos, journal=tmp_path / "j", concurrency="auto") as job:
        await exhausted(job)
        assert job._journal.pace["create"] > 5
        assert set(job._journal.pace) == {"create"}


async def exhausted(job: AsyncIterator[object]) -> None:
    async for _ in job:
        pass


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())
