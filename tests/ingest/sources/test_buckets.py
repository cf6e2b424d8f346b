"""Buckets of cloud stores as sources of bulk jobs."""

from __future__ import annotations

import hashlib
import json
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from imgwire_async import (
    AlreadyStored,
    AsyncImgwireClient,
    Bucket,
    ConfigurationError,
    Failed,
    IngestItem,
    IngestStoppedError,
    Manifest,
    Report,
    Skipped,
    SourceStoreError,
    Stored,
)
from imgwire_async.ingest.job import IngestJob
from imgwire_async.ingest.options import WHOLE
from imgwire_async.ingest.shards import objects
from imgwire_async.sandbox import Sandbox
from imgwire_async.stores import listing
from tests.clients import client_of
from tests.hangs import HANGS
from tests.ingest.support import counts, ingest, server_images, small_image
from tests.stores.s3_server import Failure, Request, S3Server, s3_server

LARGE = WHOLE + 1000


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[S3Server]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-tests")
    with s3_server() as server:
        server.objects |= {f"photos/{number:02}.png": small_image(number) for number in range(12)}
        yield server


def large(number: int) -> bytes:
    image = small_image(number)
    return image + bytes(LARGE - len(image))


async def stored_sizes(client: AsyncImgwireClient) -> list[int]:
    images = [await client.images.wait_until_ready(image.id) for image in await server_images(client)]
    return sorted(image.size_bytes for image in images)


async def test_every_object_below_a_prefix_is_stored_and_skipped_the_next_time(
    client: AsyncImgwireClient, s3: S3Server, tmp_path: Path
) -> None:
    s3.objects |= {"photosaurus.png": small_image(20), "photos/deep/er.png": small_image(21)}
    journal = tmp_path / "j"

    outcomes, report = await ingest(client, s3.uri("photos/"), journal=journal)

    assert counts(report) == (13, 0, 0, 0)
    assert sorted(outcome.key for outcome in outcomes)[-2:] == ["11.png", "deep/er.png"]
    assert set(s3.count("GET").values()) == {1}
    s3.requests.clear()
    _, again = await ingest(client, s3.uri("photos/"), journal=journal)
    assert counts(again) == (0, 13, 0, 0)
    assert [request.key for request in s3.requests] == [""]


@pytest.mark.parametrize("spelling", ["photos", "photos/"])
async def test_a_prefix_is_the_same_with_and_without_a_slash(
    client: AsyncImgwireClient, s3: S3Server, tmp_path: Path, spelling: str
) -> None:
    await ingest(client, s3.uri("photos"), journal=tmp_path / "j")

    _, report = await ingest(client, s3.uri(spelling), journal=tmp_path / "j")

    assert counts(report) == (0, 12, 0, 0)


async def test_a_single_object_is_a_source(client: AsyncImgwireClient, s3: S3Server) -> None:
    outcomes, report = await ingest(client, s3.uri("photos/03.png"))

    assert counts(report) == (1, 0, 0, 0)
    assert outcomes[0].key == s3.uri("photos/03.png")


async def test_patterns_choose_among_the_objects(client: AsyncImgwireClient, s3: S3Server) -> None:
    s3.objects |= {"photos/raw/a.png": b"x", "photos/.trash/b.png": b"x", "photos/2024/c.gif": b"x"}
    bucket = Bucket(
        "s3://photos/photos/", include=("0*.png", "raw/*"), exclude=("raw", "05.*"), options=s3.options
    )

    outcomes, _ = await ingest(client, bucket)

    assert sorted(outcome.key for outcome in outcomes) == [f"{n:02}.png" for n in range(10) if n != 5]
    assert "not-a-secret" not in repr(bucket)


async def test_folder_markers_and_other_files_than_images_are_skipped(
    client: AsyncImgwireClient, s3: S3Server
) -> None:
    s3.objects |= {"photos/": b"", "photos/deep/": b"", "photos/notes.txt": b"text"}

    outcomes, report = await ingest(client, s3.uri("photos/"))

    assert counts(report) == (12, 0, 2, 0)
    assert {outcome.key for outcome in outcomes if isinstance(outcome, Skipped)} == {"deep", "notes.txt"}
    assert s3.count("GET")["photos/deep"] == 0


async def test_a_small_object_is_known_by_its_content_and_a_large_one_by_its_version(
    client: AsyncImgwireClient, s3: S3Server, tmp_path: Path
) -> None:
    s3.objects = {"small.png": small_image(1), "large.png": large(2)}
    journal = tmp_path / "j"
    await ingest(client, s3.uri(), journal=journal)
    s3.requests.clear()

    # Like a copy: the content is equal, but the large object has another ETag.
    s3.versions = {"small.png": "copied", "large.png": "copied"}
    outcomes, report = await ingest(client, s3.uri(), journal=journal)

    assert {outcome.key: type(outcome) for outcome in outcomes} == {
        "small.png": AlreadyStored,
        "large.png": Stored,
    }
    assert await stored_sizes(client) == sorted([len(small_image(1)), LARGE, LARGE])
    assert s3.count("GET")["large.png"] == 1
    assert report.failed == 0


async def test_with_checksum_a_large_object_is_read_twice_and_known_by_its_content(
    client: AsyncImgwireClient, s3: S3Server, tmp_path: Path
) -> None:
    s3.objects = {"large.png": large(2), "same.png": large(2)}

    _, report = await ingest(client, s3.uri(), journal=tmp_path / "j", checksum=True, dedupe="content")
    s3.versions = {"large.png": "copied"}
    _, again = await ingest(client, s3.uri(), journal=tmp_path / "j", checksum=True, dedupe="content")

    assert counts(report) == (1, 1, 0, 0)
    assert counts(again) == (0, 2, 0, 0)
    assert len(await server_images(client)) == 1


async def test_an_object_that_changes_while_it_waits_is_not_stored_as_a_mixture(
    client: AsyncImgwireClient, s3: S3Server
) -> None:
    s3.objects = {"large.png": large(2)}

    def change(request: Request) -> None:
        if request.key == "large.png":
            s3.objects["large.png"] = large(3)

    s3.before = change
    (outcome,), _ = await ingest(client, s3.uri())

    assert isinstance(outcome, Failed)
    assert type(outcome.error).__name__ == "SourceChangedError"


async def test_named_objects_are_items_and_checked_for_changes(
    client: AsyncImgwireClient, s3: S3Server, tmp_path: Path
) -> None:
    items = [IngestItem(s3.uri(f"photos/{number:02}.png"), f"sku-{number}") for number in range(3)]
    await ingest(client, items, journal=tmp_path / "j")
    assert s3.count("HEAD") == {}
    s3.objects["photos/01.png"] = small_image(99)

    outcomes, _ = await ingest(client, items, journal=tmp_path / "j")

    assert {outcome.key: type(outcome) for outcome in outcomes} == {
        "sku-0": AlreadyStored,
        "sku-1": Stored,
        "sku-2": AlreadyStored,
    }


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
async def test_a_manifest_in_a_bucket_names_objects_beside_it(
    client: AsyncImgwireClient, s3: S3Server, tmp_path: Path, kind: str
) -> None:
    sources = ["x.png", "../photos/00.png", "s3://photos/photos/01.png"]
    s3.objects["lists/x.png"] = small_image(50)
    if kind == "csv":
        content = "\n".join(["source,key", *(f"{source},{n}" for n, source in enumerate(sources))]).encode()
    elif kind == "jsonl":
        content = "\n".join(json.dumps({"source": s, "key": n}) for n, s in enumerate(sources)).encode()
    else:
        import pyarrow as pa
        from pyarrow import parquet

        table = pa.table({"source": sources, "key": ["0", "1", "2"]})
        parquet.write_table(table, tmp_path / "m.parquet")
        content = (tmp_path / "m.parquet").read_bytes()
    s3.objects[f"lists/items.{kind}"] = content
    manifest = Manifest(f"s3://photos/lists/items.{kind}", options=s3.options)

    outcomes, report = await ingest(client, manifest)

    assert {outcome.key for outcome in outcomes} == {"0", "1", "2"}
    assert counts(report) == (3, 0, 0, 0)


async def test_a_missing_manifest_is_an_error_of_its_store(client: AsyncImgwireClient, s3: S3Server) -> None:
    with pytest.raises(SourceStoreError, match="does not exist"):
        await ingest(client, s3.uri("gone.csv"))


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (Failure(403, "InvalidObjectState"), "archived"),
        (Failure(404, "NoSuchKey"), "missing"),
        (Failure(403, "AccessDenied"), "denied"),
    ],
)
async def test_an_object_that_is_rejected_fails_alone(
    client: AsyncImgwireClient, s3: S3Server, failure: Failure, reason: str
) -> None:
    refused = {f"photos/{number:02}.png" for number in range(4)}
    s3.fail = lambda request: failure if request.key in refused else None

    outcomes, report = await ingest(client, s3.uri("photos/"))

    assert counts(report) == (8, 0, 0, 4)
    errors = [outcome.error for outcome in outcomes if isinstance(outcome, Failed)]
    assert {error.reason for error in errors if isinstance(error, SourceStoreError)} == {reason}


async def test_expired_credentials_stop_the_job_and_it_resumes(
    client: AsyncImgwireClient, s3: S3Server, tmp_path: Path
) -> None:
    def expired(request: Request) -> Failure | None:
        return Failure(400, "ExpiredToken") if request.key and len(s3.requests) > 6 else None

    s3.fail = expired
    with pytest.raises(IngestStoppedError) as caught:
        await ingest(client, s3.uri("photos/"), journal=tmp_path / "j")
    assert caught.value.reason == "error"
    assert "expired" in str(caught.value)
    assert "secret-of" not in str(caught.value)

    s3.fail = lambda _: None
    _, report = await ingest(client, s3.uri("photos/"), journal=tmp_path / "j")
    assert report.failed == 0
    assert report.stored + report.already_stored == 12
    assert len(await server_images(client)) == 12


async def test_a_bucket_that_can_be_neither_read_nor_listed_stops_the_job(
    client: AsyncImgwireClient, s3: S3Server, tmp_path: Path
) -> None:
    s3.fail = lambda _: Failure(403, "AccessDenied")
    items = [s3.uri(f"photos/{number:02}.png") for number in range(8)]

    with pytest.raises(IngestStoppedError, match="is denied"):
        await ingest(client, items, journal=tmp_path / "j")

    s3.fail = lambda _: None
    _, report = await ingest(client, items, journal=tmp_path / "j")
    assert report.stored == 8


async def test_the_error_for_a_bucket_without_list_permission_says_so(
    client: AsyncImgwireClient, s3: S3Server
) -> None:
    s3.fail = lambda request: None if request.key else Failure(403, "AccessDenied")

    with pytest.raises(SourceStoreError) as caught:
        await ingest(client, s3.uri("photos/"))

    assert caught.value.reason == "bucket_denied"


async def test_a_busy_bucket_is_waited_for_and_does_not_count_as_a_failure_of_the_service(
    client: AsyncImgwireClient, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "SILENT", 0.0)

    def busy(request: Request) -> Failure | None:
        return Failure(503, "SlowDown") if request.key and s3.count("GET")[request.key] <= 3 else None

    s3.fail = busy
    async with client.ingest(s3.uri("photos/"), concurrency=8) as job:
        paused = {job.progress.paused async for _ in job}
        report = job.report

    assert counts(report) == (12, 0, 0, 0)
    assert paused == {None}
    assert (report.retries, report.throttled) == (0, 0)
    assert any(line.startswith(f"waiting for {s3.uri()}") for line in report.limits)


async def healed_when_said(job: IngestJob, s3: S3Server) -> str:
    """Run a job whose bucket recovers as soon as the progress reports that it is unavailable."""
    said: list[str] = []

    async def heal_when_said() -> None:
        while job.progress.paused is None:  # noqa: ASYNC110 - as those who watch a job do
            await anyio.sleep(0.01)
        said.append(job.progress.paused)
        s3.fail = lambda _: None

    async with job, anyio.create_task_group() as tasks:
        tasks.start_soon(heal_when_said)
        async for _ in job:
            pass
    assert counts(job.report) == (12, 0, 0, 0)
    assert job.progress.paused is None
    return said[0]


@pytest.mark.parametrize("silent", ["listing", "objects"])
async def test_progress_reports_the_wait_for_a_bucket(
    client: AsyncImgwireClient, s3: S3Server, silent: str
) -> None:
    s3.fail = lambda request: Failure(503, "SlowDown") if bool(request.key) == (silent == "objects") else None

    said = await healed_when_said(client.ingest(s3.uri("photos/"), concurrency=8), s3)

    assert said.startswith(f"waiting for {s3.uri()}: cannot ")
    assert "slow down" in said


async def test_progress_and_report_include_what_the_processes_of_a_job_report(
    client: AsyncImgwireClient, s3: S3Server
) -> None:
    s3.fail = lambda request: Failure(503, "SlowDown") if request.key else None
    bucket = Bucket(s3.uri("photos/"), options=s3.options | {"skip_signature": "true"})
    job = client.ingest(bucket, processes=2, transfer="url")

    said = await healed_when_said(job, s3)

    assert said.startswith(f"waiting for {s3.uri()}: cannot read")
    assert [line for line in job.report.limits if s3.uri() in line and "signed URL" in line]


async def test_a_bucket_that_is_down_for_too_long_stops_the_job(
    client: AsyncImgwireClient, s3: S3Server
) -> None:
    s3.fail = lambda request: Failure(503, "SlowDown") if request.key else None

    with pytest.raises(IngestStoppedError) as caught:
        await ingest(client, s3.uri("photos/"), max_pause=0.1)

    assert caught.value.reason == "outage"


async def test_a_listing_resumes_after_the_last_page_that_arrived(
    client: AsyncImgwireClient, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.page = 5
    monkeypatch.setattr(listing, "SLICE", 5)

    def broken(request: Request) -> Failure | None:
        following = [one for one in s3.requests if "continuation-token" in one.query]
        return Failure(500) if 0 < len(following) <= 3 and request is following[-1] else None

    s3.fail = broken
    _, report = await ingest(client, s3.uri("photos/"))

    assert counts(report) == (12, 0, 0, 0)
    assert any("start-after" in request.query for request in s3.requests)


async def test_a_stopped_job_lists_only_what_comes_after_the_finished_items(
    client: AsyncImgwireClient, s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "SLICE", 20)
    s3.objects |= {f"photos/{number:04}.png": small_image(number % 12) for number in range(1000, 1100)}

    async with client.ingest(s3.uri("photos/"), journal=tmp_path / "j", dedupe="content") as job:
        async for _ in job:
            if job.report.stored + job.report.already_stored > 60:
                job.cancel()
    s3.requests.clear()
    await ingest(client, s3.uri("photos/"), journal=tmp_path / "j", dedupe="content")

    assert s3.requests[0].query["start-after"] > "photos/"


async def test_sending_begins_before_the_listing_ends(client: AsyncImgwireClient, s3: S3Server) -> None:
    s3.objects = {f"{number:05}.png": small_image(0) for number in range(2100)}

    async with client.ingest(s3.uri(), concurrency=4) as job:
        async for outcome in job:
            assert isinstance(outcome, Stored)
            break

    assert sum(request.key == "" for request in s3.requests) < 3


def test_a_bucket_is_a_source_on_trio(sandbox: Sandbox, s3: S3Server) -> None:
    s3.objects["photos/large.png"] = large(5)

    async def main() -> None:
        async with client_of(sandbox) as client:
            _, report = await ingest(client, s3.uri("photos/"))
            assert counts(report) == (13, 0, 0, 0)

    anyio.run(main, backend="trio")


async def test_other_processes_open_the_bucket_with_the_same_options(
    client: AsyncImgwireClient, s3: S3Server, tmp_path: Path
) -> None:
    s3.objects["photos/large.png"] = large(5)
    bucket = Bucket("s3://photos/photos/", options=s3.options)

    _, report = await ingest(client, bucket, processes=2, journal=tmp_path / "j")

    assert counts(report) == (13, 0, 0, 0)
    assert b"not-a-secret" not in (tmp_path / "j").read_bytes()


async def test_failed_objects_are_written_with_their_uris(
    client: AsyncImgwireClient, s3: S3Server, tmp_path: Path
) -> None:
    s3.fail = lambda request: Failure(403, "AccessDenied") if request.key == "photos/03.png" else None
    async with client.ingest(s3.uri("photos/"), concurrency=8) as job:
        async for _ in job:
            pass
        await job.write_failures(tmp_path / "failed.jsonl")
    s3.fail = lambda _: None

    (line,) = (tmp_path / "failed.jsonl").read_text().splitlines()
    assert json.loads(line)["source"] == s3.uri("photos/03.png")
    _, report = await ingest(client, tmp_path / "failed.jsonl")
    assert counts(report) == (1, 0, 0, 0)


def is_listing(request: Request) -> bool:
    return request.key == ""


async def stopped_while_listing(
    client: AsyncImgwireClient,
    s3: S3Server,
    sandbox: Sandbox,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Report:
    """End a job within the first two of four pages, and list the items that were not tried."""
    s3.page = 3
    monkeypatch.setattr(listing, "SLICE", 3)
    stopped = threading.Event()
    s3.before = lambda request: (
        is_listing(request) and sum(map(is_listing, s3.requests)) > 2 and stopped.wait(20)
    )
    sandbox.faults.always("images.create", status=403)
    async with client.ingest(s3.uri("photos/"), concurrency=1) as job:
        with pytest.raises(IngestStoppedError):
            async for _ in job:
                pass
        assert 3 <= job.report.found <= 6
        stopped.set()
        await job.write_failures(path)
        return job.report


async def test_after_an_early_end_the_listing_of_a_bucket_continues_for_the_list_of_untried_items(
    client: AsyncImgwireClient,
    s3: S3Server,
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    report = await stopped_while_listing(client, s3, sandbox, tmp_path / "failed.jsonl", monkeypatch)

    rows = [json.loads(line) for line in (tmp_path / "failed.jsonl").read_text().splitlines()]
    assert sorted(row["key"] for row in rows) == [f"{number:02}.png" for number in range(12)]
    assert report.unlisted is None
    assert "incomplete" not in str(report)


async def test_an_incomplete_list_of_untried_items_says_where_the_listing_ended(
    client: AsyncImgwireClient,
    s3: S3Server,
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(request: Request) -> Failure | None:
        last = request.query.get("continuation-token") or request.query.get("start-after") or ""
        return Failure(403, "AccessDenied") if is_listing(request) and last > "photos/06.png" else None

    s3.fail = fail
    report = await stopped_while_listing(client, s3, sandbox, tmp_path / "failed.jsonl", monkeypatch)

    rows = [json.loads(line) for line in (tmp_path / "failed.jsonl").read_text().splitlines()]
    last = max(row["key"] for row in rows)
    assert 6 <= len(rows) < 12
    assert sorted(row["key"] for row in rows) == [f"{number:02}.png" for number in range(len(rows))]
    assert report.unlisted is not None
    assert report.unlisted.startswith(f"it ends after '{last}': ")
    assert f"the list of failed and untried items is incomplete; {report.unlisted}" in str(report)
    assert report.to_dict()["unlisted"] == report.unlisted


async def test_a_dry_run_reads_no_object(client: AsyncImgwireClient, s3: S3Server, sandbox: Sandbox) -> None:
    _, listed = await ingest(client, s3.uri("photos/"), dry_run=True)
    _, named = await ingest(client, [s3.uri(key) for key in s3.objects], dry_run=True)

    assert sum(s3.count("GET")[key] for key in s3.objects) == 0
    assert listed.planned_bytes == named.planned_bytes == sum(map(len, s3.objects.values()))
    assert not sandbox.requests


async def test_the_store_decides_the_type_if_neither_content_nor_name_does(
    client: AsyncImgwireClient, s3: S3Server
) -> None:
    s3.objects = {"odd": b"no known signature", "odd-large": bytes(LARGE)}
    s3.types = {"odd": "image/heic", "odd-large": "image/heic"}

    _, report = await ingest(client, s3.uri())

    assert report.stored == 2
    assert {image.mime_type for image in await server_images(client)} == {"image/heic"}


async def test_without_the_extra_a_bucket_names_what_to_install(
    client: AsyncImgwireClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)

    with pytest.raises(ConfigurationError, match=r"pip install 'imgwire-async\[cloud\]'"):
        await ingest(client, "s3://a-bucket-of-this-test/")
    with pytest.raises(IngestStoppedError, match=r"pip install 'imgwire-async\[cloud\]'"):
        await ingest(client, [IngestItem("s3://another-bucket-of-this-test/a.jpg")])


async def test_content_arrives_unchanged(client: AsyncImgwireClient, s3: S3Server, tmp_path: Path) -> None:
    s3.objects["photos/large.png"] = large(5)
    await ingest(client, s3.uri("photos/"))

    expected = {hashlib.sha256(content).hexdigest() for content in s3.objects.values()}
    arrived = set()
    for number, image in enumerate(await server_images(client)):
        await client.images.wait_until_ready(image.id)
        file = await client.images.download(image.id, to=tmp_path / str(number))
        assert file.path is not None
        arrived.add(hashlib.sha256(file.path.read_bytes()).hexdigest())
    assert arrived == expected


async def test_a_job_that_is_stopped_does_not_wait_for_a_bucket_that_is_down(
    client: AsyncImgwireClient, s3: S3Server
) -> None:
    s3.objects = {"large.png": large(1)}
    s3.fail = lambda request: Failure(503, "SlowDown") if request.key else None
    outcomes: list[Any] = []

    async def cancel_when_asked_often() -> None:
        while len(s3.requests) < 12:  # noqa: ASYNC110 - they are counted in another thread
            await anyio.sleep(0.01)
        job.cancel()

    with anyio.fail_after(HANGS):
        async with client.ingest(s3.uri()) as job, anyio.create_task_group() as tasks:
            tasks.start_soon(cancel_when_asked_often)
            outcomes.extend([outcome async for outcome in job])

    assert outcomes == []
    assert job.report.stopped is not None


async def test_a_large_object_that_breaks_off_is_retried_without_a_request_to_the_service(
    client: AsyncImgwireClient, s3: S3Server
) -> None:
    s3.objects = {"large.png": large(1)}
    s3.fail = lambda request: (
        Failure(503, "SlowDown") if request.method == "GET" and 1 < len(s3.requests) <= 4 else None
    )

    async with client.ingest(s3.uri()) as job:
        paused = {job.progress.paused async for _ in job}

    assert counts(job.report) == (1, 0, 0, 0)
    assert job.report.retries == 1
    assert paused == {None}


async def test_a_small_object_that_breaks_off_is_read_again_without_a_word_to_the_service(
    client: AsyncImgwireClient, s3: S3Server
) -> None:
    requests: Counter[str] = Counter()

    def break_off(request: Request) -> Failure | None:
        requests[request.key] += 1
        return Failure(0, after=20) if request.key and requests[request.key] <= 4 else None

    s3.fail = break_off

    async with client.ingest(s3.uri("photos/")) as job:
        paused = {job.progress.paused async for _ in job}

    assert counts(job.report) == (12, 0, 0, 0)
    assert job.report.retries == 0
    assert paused == {None}
    assert await stored_sizes(client) == sorted(map(len, s3.objects.values()))


@pytest.mark.parametrize("ended_by", ["the deadline of the item", "a stop"])
async def test_a_small_object_whose_content_stalls_holds_nothing_up(
    client: AsyncImgwireClient, s3: S3Server, ended_by: str
) -> None:
    stalls, healed = threading.Event(), threading.Event()

    def stall(request: Request) -> Failure | None:
        if request.key != "photos/03.png":
            return None
        stalls.set()
        return Failure(0, after=20, until=healed)

    s3.fail = stall
    limit = 0.3 if ended_by == "the deadline of the item" else None
    try:
        async with client.ingest(s3.uri("photos/"), item_deadline=limit) as job:
            if limit is None:
                await anyio.to_thread.run_sync(stalls.wait)
                job.cancel()
            failed = [outcome.key async for outcome in job if isinstance(outcome, Failed)]
        assert not healed.is_set()
        assert ("03.png" in failed) == (limit is not None)
    finally:
        healed.set()
