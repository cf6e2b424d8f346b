"""Bulk jobs against a sandbox: stored, skipped and failed items, and later runs."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path, PurePath
from typing import Any

import anyio
import pytest
from pyarrow import parquet

from imgwire_async import (
    AlreadyStored,
    AsyncImgwireClient,
    Failed,
    Folder,
    IngestItem,
    InvalidArgumentError,
    Manifest,
    Skipped,
    SkipReason,
    SourceChangedError,
    Stored,
    UploadSourceError,
)
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of
from tests.ingest.support import counts, folder_of, ingest, server_images, small_image
from tests.raw_servers import always, answer, raw_server


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "photos", 40)


async def test_every_file_is_stored_once_under_its_own_key_with_its_bytes(
    client: AsyncImgwireClient, photos: Path
) -> None:
    outcomes, report = await ingest(client, photos, custom_metadata={"source": "import"}, purpose="test")

    assert counts(report) == (40, 0, 0, 0)
    assert report.complete
    on_server = {str(image.id): image for image in await server_images(client)}
    assert len(on_server) == 40
    for outcome in outcomes:
        assert isinstance(outcome, Stored)
        image = on_server[outcome.image_id]
        content = (photos / outcome.key).read_bytes()
        assert image.hash_sha256 == hashlib.sha256(content).hexdigest()
        assert (image.original_filename, image.purpose) == (outcome.key, "test")
        assert image.custom_metadata == {"source": "import"}


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_works_on_asyncio_and_trio(backend: str, sandbox: Sandbox, photos: Path) -> None:
    async def run() -> None:
        async with client_of(sandbox) as client:
            _, report = await ingest(client, photos)
            assert counts(report) == (40, 0, 0, 0)

    anyio.run(run, backend=backend)


async def test_a_second_run_sends_nothing(
    client: AsyncImgwireClient, sandbox: Sandbox, photos: Path, tmp_path: Path
) -> None:
    first, _ = await ingest(client, photos, journal=tmp_path / "j")
    sandbox.requests.clear()

    second, report = await ingest(client, photos, journal=tmp_path / "j")

    assert counts(report) == (0, 40, 0, 0)
    assert len(sandbox.requests) == 0
    ids = {outcome.key: outcome.image_id for outcome in first if isinstance(outcome, Stored)}
    assert ids == {outcome.key: outcome.image_id for outcome in second if isinstance(outcome, AlreadyStored)}


async def test_without_a_journal_a_job_with_a_name_still_stores_nothing_twice(
    client: AsyncImgwireClient, photos: Path
) -> None:
    for _ in range(2):
        await ingest(client, photos, job="spring")
    assert len(await server_images(client)) == 40


async def test_changed_and_new_files_are_stored_and_touched_ones_are_not(
    client: AsyncImgwireClient, photos: Path, tmp_path: Path
) -> None:
    await ingest(client, photos, journal=tmp_path / "j")
    (photos / "0000.png").write_bytes(small_image(1000))
    (photos / "new.png").write_bytes(small_image(1001))
    os.utime(photos / "0001.png", (1, 1))

    outcomes, report = await ingest(client, photos, journal=tmp_path / "j")

    assert counts(report) == (2, 39, 0, 0)
    assert {one.key for one in outcomes if isinstance(one, Stored)} == {"0000.png", "new.png"}
    assert len(await server_images(client)) == 42


async def test_one_failure_stops_nothing_and_the_next_run_retries_it(
    client: AsyncImgwireClient, photos: Path, tmp_path: Path
) -> None:
    paths = [photos / "0000.png", photos / "missing.png", photos / "0001.png"]
    outcomes, report = await ingest(client, paths, journal=tmp_path / "j")
    assert counts(report) == (2, 0, 0, 1)
    (failed,) = (one for one in outcomes if isinstance(one, Failed))
    assert isinstance(failed.error, UploadSourceError)
    assert report.failures[0].count == 1
    assert "missing.png" in report.failures[0].examples[0]

    (photos / "missing.png").write_bytes(small_image(7000))
    _, report = await ingest(client, paths, journal=tmp_path / "j")
    assert counts(report) == (1, 2, 0, 0)


async def test_what_is_not_an_image_is_skipped_in_a_folder_and_fails_when_named(
    client: AsyncImgwireClient, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path / "mixed", 1)
    (folder / "notes.txt").write_text("no image")
    (folder / "image-without-extension").write_bytes(small_image(5))

    outcomes, report = await ingest(client, folder, journal=tmp_path / "j")
    assert counts(report) == (2, 0, 1, 0)
    assert [one.reason for one in outcomes if isinstance(one, Skipped)] == [SkipReason.NO_IMAGE]
    _, report = await ingest(client, folder, journal=tmp_path / "j")
    assert counts(report) == (0, 2, 1, 0)

    _, report = await ingest(client, [folder / "notes.txt"])
    assert counts(report) == (0, 0, 0, 1)


@pytest.mark.parametrize("content", [b"", b"no image"], ids=["empty", "text"])
@pytest.mark.parametrize("given", ["folder", "path", "list", "manifest"])
async def test_a_file_that_is_not_an_image_is_skipped_where_it_is_found_and_fails_where_it_is_named(
    client: AsyncImgwireClient, tmp_path: Path, given: str, content: bytes
) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "notes.txt").write_bytes(content)
    (folder / "empty.png").touch()
    (tmp_path / "list.jsonl").write_text('{"source": "mixed/notes.txt"}\n{"source": "mixed/empty.png"}\n')
    sources: dict[str, tuple[Any, ...]] = {
        "folder": (folder,),
        "path": (folder / "notes.txt", folder / "empty.png"),
        "list": ([folder / "notes.txt", folder / "empty.png"],),
        "manifest": (Manifest(tmp_path / "list.jsonl"),),
    }

    endings: dict[str, type] = {}
    for source in sources[given]:
        outcomes, _ = await ingest(client, source)
        endings |= {PurePath(outcome.key).name: type(outcome) for outcome in outcomes}

    # A file with the extension of an image must be one, wherever it is found.
    assert endings == {"notes.txt": Skipped if given == "folder" else Failed, "empty.png": Failed}


async def test_items_of_bytes_and_their_own_fields_are_stored(client: AsyncImgwireClient) -> None:
    item = IngestItem(small_image(1), "sku-1", file_name="a.png", purpose="hero", custom_metadata={"rank": 1})
    await ingest(client, [item], purpose="default", custom_metadata={"other": 2})
    (image,) = await server_images(client)
    assert (image.original_filename, image.purpose) == ("a.png", "hero")
    assert image.custom_metadata == {"rank": 1}


async def test_urls_are_fetched_by_the_service(client: AsyncImgwireClient, tmp_path: Path) -> None:
    with raw_server(always(answer(200, small_image(1), "Content-Type: image/png"))) as host:
        urls = [f"{host.base_url}/{number}.png" for number in range(5)]
        outcomes, report = await ingest(client, urls, journal=tmp_path / "j", wait_ready=True)
    assert counts(report) == (5, 0, 0, 0)
    assert {one.image.original_filename for one in outcomes if isinstance(one, Stored)} == {
        f"{number}.png" for number in range(5)
    }
    _, report = await ingest(client, urls, journal=tmp_path / "j")
    assert counts(report) == (0, 5, 0, 0)


async def test_a_url_that_the_service_could_not_fetch_fails_alone(
    client: AsyncImgwireClient, photos: Path
) -> None:
    _, report = await ingest(client, ["http://user:secret@example.com/a.jpg", str(photos / "0000.png")])
    assert counts(report) == (1, 0, 0, 1)
    assert "secret" not in str(report)


async def test_large_files_are_streamed(client: AsyncImgwireClient, tmp_path: Path) -> None:
    content = small_image(1) + os.urandom(3 * 1024 * 1024)
    (tmp_path / "big.png").write_bytes(content)
    outcomes, _ = await ingest(client, tmp_path / "big.png")
    (stored,) = outcomes
    assert isinstance(stored, Stored)
    assert stored.size == len(content)
    image = await client.images.wait_until_ready(stored.image_id)
    assert image.hash_sha256 == hashlib.sha256(content).hexdigest()


async def test_a_large_file_that_changes_while_it_is_sent_fails(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "big.png"
    path.write_bytes(small_image(1) + bytes(3 * 1024 * 1024))

    def change(event: Any) -> None:
        if event.method == "PUT":
            with path.open("r+b") as file:
                file.seek(2 * 1024 * 1024)
                file.write(b"other")

    async with client_of(sandbox, on_request=change) as client:
        outcomes, _ = await ingest(client, path)
    assert isinstance(outcomes[0], Failed)
    assert isinstance(outcomes[0].error, SourceChangedError)


async def test_a_file_that_is_gone_before_it_is_read_fails(client: AsyncImgwireClient, photos: Path) -> None:
    async def vanishing() -> AsyncIterator[Path]:
        yield photos / "0000.png"
        yield photos / "0001.png"
        (photos / "0001.png").unlink()

    _, report = await ingest(client, vanishing())
    assert counts(report) == (1, 0, 0, 1)
    assert report.failures[0].cause == "UploadSourceError"


async def test_equal_content_is_stored_once_with_dedupe(client: AsyncImgwireClient, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "photos", 4)
    for number in range(20):
        (folder / f"copy-{number}.png").write_bytes(small_image(0))

    outcomes, report = await ingest(client, folder, dedupe="content", journal=tmp_path / "j")
    assert counts(report) == (4, 20, 0, 0)
    assert len(await server_images(client)) == 4
    image_ids = {
        one.image_id
        for one in outcomes
        if not isinstance(one, Skipped | Failed) and (one.key.startswith("copy") or one.key == "0000.png")
    }
    assert len(image_ids) == 1

    (folder / "late.png").write_bytes(small_image(0))
    _, report = await ingest(client, folder, dedupe="content", journal=tmp_path / "j")
    assert counts(report) == (0, 25, 0, 0)


async def test_copies_are_tried_if_the_first_of_them_fails(
    client: AsyncImgwireClient, sandbox: Sandbox
) -> None:
    sandbox.faults.once("images.create", status=422)
    items = [IngestItem(small_image(0), f"copy-{number}") for number in range(3)]
    _, report = await ingest(client, items, dedupe="content")
    assert counts(report) == (1, 1, 0, 1)


async def test_a_dry_run_sends_nothing_and_leaves_the_journal_unchanged(
    client: AsyncImgwireClient, sandbox: Sandbox, photos: Path, tmp_path: Path
) -> None:
    outcomes, report = await ingest(client, photos, journal=tmp_path / "j", dry_run=True)
    assert counts(report) == (0, 0, 40, 0)
    assert {one.reason for one in outcomes if isinstance(one, Skipped)} == {SkipReason.DRY_RUN}
    assert report.planned_bytes == sum(len(small_image(number)) for number in range(40))
    assert "40 items" in str(report)
    assert len(sandbox.requests) == 0
    assert not (tmp_path / "j").exists()


async def test_waiting_for_ready_confirms_images_and_reports_those_in_quarantine(
    client: AsyncImgwireClient, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path / "photos", 3)
    (folder / "broken.png").write_bytes(small_image(9)[:40])
    outcomes, report = await ingest(client, folder, journal=tmp_path / "j", wait_ready=True)
    assert counts(report) == (3, 0, 0, 1)
    assert {one.image.status for one in outcomes if isinstance(one, Stored)} == {"READY"}
    assert report.failures[0].cause == "ImageQuarantinedError"


async def test_stored_items_are_confirmed_later_without_storing_them_again(
    client: AsyncImgwireClient, photos: Path, tmp_path: Path
) -> None:
    await ingest(client, photos, journal=tmp_path / "j")
    _, report = await ingest(client, photos, journal=tmp_path / "j", wait_ready=True)
    assert counts(report) == (40, 0, 0, 0)
    assert len(await server_images(client)) == 40
    _, report = await ingest(client, photos, journal=tmp_path / "j", wait_ready=True)
    assert counts(report) == (0, 40, 0, 0)


async def test_the_same_item_twice_is_skipped_and_a_key_with_two_sources_fails(
    client: AsyncImgwireClient, photos: Path
) -> None:
    items = [
        IngestItem(photos / "0000.png", "a"),
        IngestItem(photos / "0000.png", "a"),
        IngestItem(photos / "0001.png", "a"),
    ]
    outcomes, report = await ingest(client, items)
    assert counts(report) == (1, 0, 1, 1)
    assert [one.key for one in outcomes if isinstance(one, Failed)] == ["a (item 3)"]


async def test_an_iterable_that_raises_ends_the_iteration_after_the_items_it_yielded(
    client: AsyncImgwireClient, photos: Path
) -> None:
    async def broken() -> AsyncIterator[Path]:
        yield photos / "0000.png"
        raise LookupError("the database is gone")

    def broken_too() -> Iterator[Path]:
        yield photos / "0000.png"
        raise LookupError("the database is gone")

    for source in (broken(), broken_too()):
        async with client.ingest(source, concurrency=2) as job:
            assert isinstance(await anext(job), Stored)
            with pytest.raises(LookupError, match="database"):
                await anext(job)


async def test_rows_that_are_not_valid_items_fail_alone(client: AsyncImgwireClient, photos: Path) -> None:
    manifest = photos / "list.jsonl"
    manifest.write_text('{"source": "0000.png", "key": "a"}\nnonsense\n{"source": "0001.png"}\n')
    outcomes, report = await ingest(client, manifest)
    assert counts(report) == (2, 0, 0, 1)
    (failed,) = (one for one in outcomes if isinstance(one, Failed))
    assert (failed.key, failed.item) == ("list.jsonl:2", None)


@pytest.mark.parametrize("name", ["images.csv", "images.jsonl", "images.parquet"])
async def test_the_mapping_has_key_image_and_url_of_all_runs(
    client: AsyncImgwireClient, photos: Path, tmp_path: Path, name: str
) -> None:
    await ingest(client, Folder(photos, include=("000*",)), journal=tmp_path / "j")
    target = tmp_path / name
    async with client.ingest(photos, journal=tmp_path / "j") as job:
        async for _ in job:
            pass
        assert await job.write_images(target) == 40
    rows: list[dict[str, str]]
    match target.suffix:
        case ".csv":
            rows = list(csv.DictReader(target.read_text().splitlines()))
        case ".jsonl":
            rows = [json.loads(line) for line in target.read_text().splitlines()]
        case _:
            rows = parquet.read_table(target).to_pylist()
    on_server = {str(image.id): image.cdn_url for image in await server_images(client)}
    assert {row["image_id"]: row["cdn_url"] for row in rows} == on_server
    assert {row["key"] for row in rows} == {f"{number:04}.png" for number in range(40)}


async def test_the_failed_items_are_a_manifest_for_a_retry(
    client: AsyncImgwireClient, sandbox: Sandbox, photos: Path, tmp_path: Path
) -> None:
    sandbox.faults.times(3, "images.create", status=413)
    async with client.ingest(photos, purpose="hero", concurrency=4) as job:
        async for _ in job:
            pass
        assert await job.write_failures(tmp_path / "failed.jsonl") == 3
    rows = [json.loads(line) for line in (tmp_path / "failed.jsonl").read_text().splitlines()]
    assert {row["_code"] for row in rows} == {"PayloadTooLargeError"}
    assert all(row["_key"].startswith("iw1-") and row["_attempts"] == 1 for row in rows)

    outcomes, report = await ingest(client, Manifest(tmp_path / "failed.jsonl"))
    assert counts(report) == (3, 0, 0, 0)
    assert {one.key for one in outcomes} == {row["key"] for row in rows}
    assert len(await server_images(client)) == 40


async def test_the_report_is_written_in_three_formats(
    client: AsyncImgwireClient, photos: Path, tmp_path: Path
) -> None:
    _, report = await ingest(client, [*(photos / f"{number:04}.png" for number in range(40)), "missing.png"])
    for name in ("r.json", "r.csv", "r.parquet"):
        report.write(tmp_path / name)
    assert json.loads((tmp_path / "r.json").read_text())["stored"] == 40
    rows = list(csv.reader((tmp_path / "r.csv").read_text().splitlines()))
    assert ["stored", "40"] in rows
    assert ["failures.0.cause", "UploadSourceError"] in rows
    assert parquet.read_table(tmp_path / "r.parquet").num_rows == len(rows) - 1
    with pytest.raises(InvalidArgumentError, match="extension"):
        report.write(tmp_path / "r.pdf")
    assert set(report.item_seconds) == {"p50", "p90", "p99", "max"}


async def test_progress_counts_up_to_the_total(client: AsyncImgwireClient, photos: Path) -> None:
    async with client.ingest(photos, concurrency=4) as job:
        async for _ in job:
            progress = job.progress
            assert progress.done <= 40
        progress = job.progress
    assert (progress.found, progress.all_found, progress.stored) == (40, True, 40)
    assert (progress.in_flight, progress.paused, progress.seconds_left) == (0, None, 0.0)
    assert progress.rate > 0


async def test_strings_that_are_not_unicode_do_not_stop_the_job(
    client: AsyncImgwireClient, photos: Path, tmp_path: Path
) -> None:
    manifest = photos / "list.jsonl"
    manifest.write_text('{"source": "\\ud800.png"}\n{"source": "0001.png", "key": "\\udcff"}\n')
    _, report = await ingest(client, manifest, journal=tmp_path / "j")
    assert counts(report) == (1, 0, 0, 1)


async def test_a_stored_image_that_cannot_be_confirmed_is_still_known(
    client: AsyncImgwireClient, sandbox: Sandbox, photos: Path, tmp_path: Path
) -> None:
    await ingest(client, photos / "0000.png", journal=tmp_path / "j")
    sandbox.faults.always("images.retrieve", status=413)
    _, report = await ingest(client, photos / "0000.png", journal=tmp_path / "j", wait_ready=True)
    assert counts(report) == (0, 0, 0, 1)
    async with client.ingest(photos / "0000.png", journal=tmp_path / "j", dry_run=True) as job:
        await job.write_failures(tmp_path / "failed.jsonl")
    row = json.loads((tmp_path / "failed.jsonl").read_text())
    (image,) = await server_images(client)
    assert row["_image_id"] == str(image.id)
