"""Exports into a folder: complete, verified, resumable, and readable by `ingest`."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio.from_thread
import pytest
from anyio import to_thread

from imgwire_async import (
    AlreadyStored,
    AsyncImgwireClient,
    DownloadRejectedError,
    DownloadTargetError,
    DownloadVerificationError,
    ExportedImage,
    Failed,
    IngestStoppedError,
    InvalidArgumentError,
    JournalError,
    Skipped,
    SkipReason,
    Stored,
)
from imgwire_async.downloads import spool
from imgwire_async.imgwire.export import entries, folder
from imgwire_async.sandbox import Sandbox
from imgwire_async.sandbox.server.requests.faults import Fault
from tests.clients import client_of
from tests.imgwire.export.support import digest, export, facts, files_below, ready_image, rows, stored_images
from tests.ingest.support import counts


@pytest.fixture(scope="module")
def second_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def empty(second_sandbox: Sandbox) -> Iterator[Sandbox]:
    yield second_sandbox
    second_sandbox.reset()


async def test_every_original_arrives_and_ingest_of_the_manifest_creates_the_same_records(
    client: AsyncImgwireClient, empty: Sandbox, tmp_path: Path
) -> None:
    images = await stored_images(client, 20)

    outcomes, report = await export(client, tmp_path / "out", journal=tmp_path / "journal")

    assert counts(report) == (20, 0, 0, 0)
    assert report.bytes_sent == sum(image.size_bytes for image in images)
    by_id = {str(image.id): image for image in images}
    for outcome in outcomes:
        assert isinstance(outcome, Stored)
        exported = outcome.image
        assert isinstance(exported, ExportedImage)
        assert exported.fetched
        assert digest(Path(exported.location)) == exported.sha256 == by_id[outcome.key].hash_sha256
    sources = {row["source"] for row in rows(tmp_path / "out")}
    assert len(sources) == 20
    assert files_below(tmp_path / "out") == sources | {"manifest.jsonl"}

    async with client_of(empty) as other:
        async with other.ingest(tmp_path / "out" / "manifest.jsonl") as job:
            assert not [outcome async for outcome in job if outcome.error]
        again = [image async for image in other.images.list()]
    assert sorted(map(facts, again)) == sorted(map(facts, images))


async def test_a_manifest_in_parquet_can_be_ingested_as_well(
    client: AsyncImgwireClient, empty: Sandbox, tmp_path: Path
) -> None:
    images = await stored_images(client, 8)
    await export(client, tmp_path / "out", manifest="all.parquet")

    async with client_of(empty) as other:
        async with other.ingest(tmp_path / "out" / "all.parquet") as job:
            assert not [outcome async for outcome in job if outcome.error]
        again = [image async for image in other.images.list()]
    assert sorted(map(facts, again)) == sorted(map(facts, images))


async def test_a_second_run_fetches_only_what_is_new(
    client: AsyncImgwireClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    await stored_images(client, 4)
    await export(client, tmp_path / "out", journal=tmp_path / "journal")
    before = {(row["key"], row["source"]) for row in rows(tmp_path / "out")}
    await ready_image(client, 99, file_name="hero.png")
    sandbox.requests.clear()

    outcomes, report = await export(client, tmp_path / "out", journal=tmp_path / "journal")

    assert counts(report) == (1, 4, 0, 0)
    assert {type(outcome) for outcome in outcomes} == {Stored, AlreadyStored}
    (fetched,) = sandbox.requests.of("cdn.get")
    assert fetched.authorized_with is None
    after = {(row["key"], row["source"]) for row in rows(tmp_path / "out")}
    assert len(after) == 5
    assert before < after  # the newest comes first in the list, and does not take the name of an older one


async def test_without_a_journal_existing_files_are_compared_and_not_fetched(
    client: AsyncImgwireClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    await stored_images(client, 3)
    await export(client, tmp_path / "out", name="{id}{suffix}")
    damaged = tmp_path / "out" / rows(tmp_path / "out")[0]["source"]
    damaged.write_bytes(bytes(damaged.stat().st_size))
    sandbox.requests.clear()

    with pytest.raises(InvalidArgumentError, match="overwrite=True"):
        await export(client, tmp_path / "out", name="{id}{suffix}")
    outcomes, report = await export(client, tmp_path / "out", name="{id}{suffix}", overwrite=True)

    assert counts(report) == (3, 0, 0, 0)
    images: list[Any] = [outcome.image for outcome in outcomes if isinstance(outcome, Stored)]
    assert sorted(image.fetched for image in images) == [False, False, True]
    assert len(sandbox.requests.of("cdn.get")) == 1
    assert digest(damaged) == rows(tmp_path / "out")[0]["_sha256"]


async def test_existing_files_are_not_overwritten_by_default(
    client: AsyncImgwireClient, tmp_path: Path
) -> None:
    await ready_image(client, 1, file_name="mine.png")
    await ready_image(client, 2, file_name="link.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.png").write_bytes(b"mine")
    (tmp_path / "out" / "link.png").symlink_to(tmp_path / "elsewhere.png")

    outcomes, report = await export(client, tmp_path / "out", journal=tmp_path / "journal")

    assert counts(report) == (0, 0, 0, 2)
    assert {type(outcome.error) for outcome in outcomes} == {DownloadTargetError}
    assert (tmp_path / "out" / "mine.png").read_bytes() == b"mine"
    assert not (tmp_path / "elsewhere.png").exists()
    assert rows(tmp_path / "out") == []


async def test_a_link_below_the_target_does_not_lead_outside(
    client: AsyncImgwireClient, tmp_path: Path
) -> None:
    await ready_image(client, 1, file_name="one.png", purpose="away")
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "away").symlink_to(tmp_path / "elsewhere")

    (outcome,), _ = await export(client, tmp_path / "out", name="{purpose}/{file_name}")

    assert isinstance(outcome.error, DownloadTargetError)
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("size", [0, 1], ids=["same size", "other size"])
async def test_a_file_that_is_not_the_original_is_not_kept(
    client: AsyncImgwireClient, sandbox: Sandbox, tmp_path: Path, size: int
) -> None:
    image = await ready_image(client, 1)
    original: Path = sandbox._running.runtime.files.original(str(image.id))
    await to_thread.run_sync(original.write_bytes, bytes(image.size_bytes + size))

    (outcome,), _ = await export(client, tmp_path / "out")

    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, DownloadVerificationError)
    assert outcome.error.image_id == str(image.id)
    assert files_below(tmp_path / "out") == {"manifest.jsonl"}


async def test_images_without_an_original_are_skipped_with_the_reason(
    client: AsyncImgwireClient, tmp_path: Path
) -> None:
    await client.images.create(file_name="never.png", mime_type="image/png", content_length=3)

    for _ in range(2):  # a second run reports the same
        (outcome,), report = await export(client, tmp_path / "out", journal=tmp_path / "journal")
        assert isinstance(outcome, Skipped)
        assert outcome.reason is SkipReason.NO_ORIGINAL
        assert "PENDING" in (outcome.detail or "")
        assert report.complete


async def test_an_image_that_could_not_be_fetched_is_fetched_by_the_next_run(
    client: AsyncImgwireClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    await stored_images(client, 2)
    sandbox.faults.once("cdn.get", status=404)

    outcomes, report = await export(client, tmp_path / "out", journal=tmp_path / "journal")
    assert counts(report) == (1, 0, 0, 1)
    assert DownloadRejectedError in {type(outcome.error) for outcome in outcomes}
    assert len(rows(tmp_path / "out")) == 1

    _, report = await export(client, tmp_path / "out", journal=tmp_path / "journal")
    assert counts(report) == (1, 1, 0, 0)
    assert len(rows(tmp_path / "out")) == 2


async def test_faults_are_retried(client: AsyncImgwireClient, sandbox: Sandbox, tmp_path: Path) -> None:
    images = await stored_images(client, 30)
    faults = [Fault(status=503), Fault(truncate=True), Fault(reset="before"), Fault(status=429)]
    sandbox.faults.random(0.2, 7, faults, "cdn.get")
    sandbox.faults.random(0.2, 7, [Fault(status=500)], "images.list")

    _, report = await export(client, tmp_path / "out", journal=tmp_path / "journal")

    assert counts(report) == (30, 0, 0, 0)
    assert {row["_sha256"] for row in rows(tmp_path / "out")} == {image.hash_sha256 for image in images}


async def test_a_large_image_uses_a_temporary_file_in_the_target_that_is_removed_afterwards(
    client: AsyncImgwireClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "IN_MEMORY", 100)
    monkeypatch.setattr(spool, "BLOCK_SIZE", 100)
    images = await stored_images(client, 2)

    await export(client, tmp_path / "out")

    files = files_below(tmp_path / "out") - {"manifest.jsonl"}
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(folder.STAGING)]
    assert {digest(tmp_path / "out" / name) for name in files} == {image.hash_sha256 for image in images}
    usual = (tmp_path / "out" / "manifest.jsonl").stat().st_mode
    assert {(tmp_path / "out" / name).stat().st_mode for name in files} == {usual}


async def test_a_full_disk_stops_the_job_and_it_can_be_resumed(
    client: AsyncImgwireClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stored_images(client, 5)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(folder, "place", full)
        with pytest.raises(IngestStoppedError):
            await export(client, tmp_path / "out", journal=tmp_path / "journal")
    _, report = await export(client, tmp_path / "out", journal=tmp_path / "journal")

    assert counts(report) == (5, 0, 0, 0)


async def test_a_block_that_is_left_early_has_a_manifest_of_the_exported_images(
    client: AsyncImgwireClient, tmp_path: Path
) -> None:
    await stored_images(client, 12)

    async with client.export(tmp_path / "out", journal=tmp_path / "journal", concurrency=1) as job:
        async for _ in job:
            break

    assert 0 < len(rows(tmp_path / "out")) <= 12
    assert {row["source"] for row in rows(tmp_path / "out")} < files_below(tmp_path / "out")
    await export(client, tmp_path / "out", journal=tmp_path / "journal")
    assert len(rows(tmp_path / "out")) == 12
    assert len(files_below(tmp_path / "out")) == 13


async def test_images_that_move_to_an_earlier_page_are_found(
    client: AsyncImgwireClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "PAGE", 2)
    images = await stored_images(client, 7)
    pages: list[int] = []
    give = entries.ImageEntries._entries

    def deleting(self: entries.ImageEntries, page: Any) -> Any:
        if not pages:
            anyio.from_thread.run(client.images.delete, images[0].id)
        pages.append(len(page))
        return give(self, page)

    monkeypatch.setattr(entries.ImageEntries, "_entries", deleting)
    outcomes, _ = await export(client, tmp_path / "out", concurrency=1)

    assert {outcome.key for outcome in outcomes} == {str(image.id) for image in images}
    assert len(pages) > 4


async def test_filters_choose_the_images(client: AsyncImgwireClient, tmp_path: Path) -> None:
    images = await stored_images(client, 6)
    filters: Any = {"purpose": "a, 'quoted' purpose", "custom_metadata": {"yes": True}}

    _, report = await export(client, tmp_path / "out", filters=filters)

    wanted = {str(image.id) for image in images if image.purpose and image.custom_metadata}
    assert {row["key"] for row in rows(tmp_path / "out")} == wanted
    assert report.found == len(wanted)


async def test_images_can_be_chosen_by_the_time_of_their_creation(
    client: AsyncImgwireClient, tmp_path: Path
) -> None:
    await stored_images(client, 1)
    hour = timedelta(hours=1)
    now = datetime.now(UTC)

    _, none = await export(client, tmp_path / "a", filters={"created_before": now - hour})
    _, one = await export(client, tmp_path / "b", filters={"created_from": (now - hour).isoformat()})

    assert (none.found, one.found) == (0, 1)


async def test_a_dry_run_fetches_and_writes_nothing(
    client: AsyncImgwireClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    images = await stored_images(client, 3)
    sandbox.requests.clear()

    _, report = await export(client, tmp_path / "out", journal=tmp_path / "journal", dry_run=True)

    assert report.planned_bytes == sum(image.size_bytes for image in images)
    assert not sandbox.requests.of("cdn.get")
    assert not files_below(tmp_path)


async def test_a_journal_belongs_to_its_target(client: AsyncImgwireClient, tmp_path: Path) -> None:
    await stored_images(client, 1)
    await export(client, tmp_path / "out", journal=tmp_path / "journal")

    with pytest.raises(JournalError, match=r"belongs to .*out.*, not to .*other"):
        await export(client, tmp_path / "other", journal=tmp_path / "journal")


async def test_a_journal_belongs_to_its_service(
    client: AsyncImgwireClient, sandbox: Sandbox, empty: Sandbox, tmp_path: Path
) -> None:
    await stored_images(client, 1)
    await export(client, tmp_path / "out", journal=tmp_path / "journal")
    manifest = (tmp_path / "out" / "manifest.jsonl").read_bytes()

    async with client_of(empty) as elsewhere:
        with pytest.raises(JournalError, match="belongs to") as raised:
            await export(elsewhere, tmp_path / "out", journal=tmp_path / "journal")

    assert sandbox.base_url in str(raised.value)
    assert empty.base_url in str(raised.value)
    assert (tmp_path / "out" / "manifest.jsonl").read_bytes() == manifest


async def test_a_journal_belongs_to_its_environment(
    client: AsyncImgwireClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    (image,) = await stored_images(client, 1)
    await export(client, tmp_path / "out", journal=tmp_path / "journal")
    async with AsyncImgwireClient(
        api_key=sandbox.session_token, base_url=sandbox.base_url, environment_id=sandbox.environment_id
    ) as other_key:
        _, report = await export(other_key, tmp_path / "out", journal=tmp_path / "journal")
        assert counts(report) == (0, 1, 0, 0)
    await client.images.delete(image.id)  # like another environment, which is empty
    asked = len(sandbox.requests)

    for key, environment, problem in (
        (sandbox.server_key, sandbox.environment_id, "none of them can be seen"),
        (sandbox.session_token, "00000000-0000-4000-8000-000000000000", "environment 00000000"),
    ):
        async with AsyncImgwireClient(
            api_key=key, base_url=sandbox.base_url, environment_id=environment
        ) as elsewhere:
            for dry_run in (True, False):
                with pytest.raises(JournalError, match=f"environment {sandbox.environment_id}.*{problem}"):
                    await export(elsewhere, tmp_path / "out", journal=tmp_path / "journal", dry_run=dry_run)
    assert len(sandbox.requests) == asked + 2


async def test_a_linked_target_and_one_moved_with_its_journal_are_recognised(
    client: AsyncImgwireClient, tmp_path: Path
) -> None:
    await stored_images(client, 2)
    await export(client, tmp_path / "out", journal=tmp_path / "journal")
    (tmp_path / "link").symlink_to("out")
    _, report = await export(client, tmp_path / "link", journal=tmp_path / "journal")
    assert counts(report) == (0, 2, 0, 0)

    (tmp_path / "moved").mkdir()
    for name in ("out", "journal"):
        (tmp_path / name).rename(tmp_path / "moved" / name)
    _, report = await export(client, tmp_path / "moved" / "out", journal=tmp_path / "moved" / "journal")
    assert counts(report) == (0, 2, 0, 0)


@pytest.mark.parametrize("name", ["manifest.jsonl", "MANIFEST.jsonl"])
async def test_the_manifest_replaces_neither_the_journal_nor_a_foreign_file(
    client: AsyncImgwireClient, tmp_path: Path, name: str
) -> None:
    foreign = tmp_path / name
    for _ in range(2):  # a run that was rejected leaves a journal behind
        with pytest.raises(InvalidArgumentError, match="belongs to the journal"):
            await export(client, tmp_path, manifest=name, journal=foreign)
        assert not foreign.exists()
    foreign.write_text("mine")
    for _ in range(2):
        with pytest.raises(InvalidArgumentError, match="exists, and the journal has no record of it"):
            await export(client, tmp_path, manifest=name, journal=tmp_path / "journal")
        assert foreign.read_text() == "mine"
    _, report = await export(client, tmp_path, manifest="other.jsonl", journal=tmp_path / "journal")
    assert report.complete
    with pytest.raises(InvalidArgumentError, match="has no record of it"):
        await export(client, tmp_path, manifest=name, journal=tmp_path / "journal")
    assert foreign.read_text() == "mine"


async def test_a_target_that_cannot_be_written_is_detected_before_images_are_listed(
    client: AsyncImgwireClient, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "manifest.jsonl").mkdir()
    with pytest.raises(InvalidArgumentError, match=r"cannot write .*manifest.jsonl': it exists and is not"):
        await export(client, tmp_path, overwrite=True)

    def forbidden(*_: object, **__: object) -> None:  # root may write everywhere
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "touch", forbidden)
    with pytest.raises(InvalidArgumentError, match="Permission denied"):
        await export(client, tmp_path / "out")
    assert not list(sandbox.requests)


async def test_no_other_output_replaces_the_manifest(client: AsyncImgwireClient, tmp_path: Path) -> None:
    async with client.export(tmp_path / "out") as job:
        assert [outcome async for outcome in job] == []
        (tmp_path / "link.jsonl").symlink_to("out/manifest.jsonl")
        for path in (tmp_path / "out" / "manifest.jsonl", tmp_path / "link.jsonl"):
            for write in (job.write_images, job.write_failures):
                with pytest.raises(InvalidArgumentError, match="it is the manifest of the export"):
                    await write(path)


async def test_no_image_replaces_the_journal_or_the_manifest(
    client: AsyncImgwireClient, tmp_path: Path
) -> None:
    await ready_image(client, 1, file_name="journal.png")

    _, report = await export(client, tmp_path, journal=tmp_path / "JOURNAL.png", overwrite=True)
    assert counts(report) == (1, 0, 0, 0)
    assert rows(tmp_path)[0]["source"].startswith("journal~")

    _, report = await export(client, tmp_path, journal=tmp_path / "JOURNAL.png", overwrite=True)
    assert counts(report) == (0, 1, 0, 0)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"to": ""}, "to must be"),
        ({"name": "../{id}"}, "path below the target"),
        ({"name": "/{id}"}, "path below the target"),
        ({"name": "a\\{id}"}, "path below the target"),
        ({"name": "{image.__class__}"}, "unknown field"),
        ({"name": "{id!r}"}, "unknown field"),
        ({"name": "{id"}, "brace"),
        ({"manifest": "manifest.csv"}, "manifest must be"),
        ({"manifest": "a/manifest.jsonl"}, "manifest must be"),
        ({"filters": {"purposes": "x"}}, "did you mean 'purpose'"),
        ({"filters": {"purpose": 3}}, "must be a string"),
        ({"filters": {"created_from": "soon"}}, "must be a time"),
    ],
)
def test_arguments_that_cannot_be_used_are_rejected_at_once(arguments: Any, problem: str) -> None:
    with pytest.raises(InvalidArgumentError, match=problem):
        AsyncImgwireClient("sk_test").export(**{"to": "out"} | arguments)
