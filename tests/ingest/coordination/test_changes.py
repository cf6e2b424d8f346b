"""Later runs with items whose content, purpose, metadata, name or type has changed."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imgwire_async import AlreadyStored, AsyncImgwireClient, IngestItem, InvalidArgumentError, Stored
from imgwire_async.ingest.items import idempotency_key
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.ingest.journal.rows import State
from imgwire_async.ingest.parameters import Parameters
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of
from tests.ingest.support import Outcome, counts, folder_of, ingest, server_images, small_image


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "photos", 10)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "j"


def changes(outcomes: list[Outcome]) -> list[str | None]:
    return [one.changed for one in outcomes if isinstance(one, AlreadyStored)]


@pytest.mark.parametrize(
    "changed",
    [
        {"purpose": "hero"},
        {"custom_metadata": {"album": "autumn"}},
        {"purpose": None, "custom_metadata": None},
    ],
)
async def test_items_stored_with_other_parameters_are_reported_and_not_uploaded_again(
    client: AsyncImgwireClient, sandbox: Sandbox, photos: Path, journal: Path, changed: dict[str, Any]
) -> None:
    first = {"purpose": "import", "custom_metadata": {"album": "spring"}}
    await ingest(client, photos, journal=journal, **first)
    _, report = await ingest(client, photos, journal=journal, **first)
    assert report.changed == 0
    sandbox.requests.clear()

    for _ in range(2):  # it is reported in every run until the images are updated
        outcomes, report = await ingest(client, photos, journal=journal, **first | changed)
        assert counts(report) == (0, 10, 0, 0)
        assert changes(outcomes) == ["parameters"] * 10
        assert report.changed == 10
        assert "10 stored items have changed" in str(report)
    assert len(sandbox.requests) == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"file_name": "b.png"},
        {"mime_type": "image/png"},
        {"purpose": "hero"},
        {"custom_metadata": {"album": 2}},
    ],
)
async def test_parameters_of_a_single_item_count_too(
    client: AsyncImgwireClient, photos: Path, journal: Path, changed: dict[str, Any]
) -> None:
    first: dict[str, Any] = {"file_name": "a.png", "custom_metadata": {"album": 1}}
    await ingest(client, [IngestItem(photos / "0000.png", **first)], journal=journal)
    outcomes, _ = await ingest(client, [IngestItem(photos / "0000.png", **first | changed)], journal=journal)
    assert changes(outcomes) == ["parameters"]


async def test_the_origin_of_a_default_makes_no_difference(
    client: AsyncImgwireClient, photos: Path, journal: Path
) -> None:
    metadata: dict[str, str | int | float | bool] = {"album": "spring", "year": 2026}
    await ingest(client, [photos / "0000.png"], journal=journal, purpose="a", custom_metadata=metadata)
    item = IngestItem(photos / "0000.png", purpose="a", custom_metadata=dict(reversed(metadata.items())))
    outcomes, _ = await ingest(client, [item], journal=journal)
    assert changes(outcomes) == [None]


async def test_recreate_makes_new_images_of_items_with_other_parameters(
    client: AsyncImgwireClient, photos: Path, journal: Path
) -> None:
    await ingest(client, photos, journal=journal, purpose="import")
    _, report = await ingest(client, photos, journal=journal, purpose="import", on_change="recreate")
    assert counts(report) == (0, 10, 0, 0)

    outcomes, report = await ingest(client, photos, journal=journal, purpose="hero", on_change="recreate")
    assert counts(report) == (10, 0, 0, 0)
    images = await server_images(client)
    assert sorted(image.purpose or "" for image in images) == ["hero"] * 10 + ["import"] * 10

    # The journal now refers to the new image, also for runs with other options.
    new = {one.key: one.image_id for one in outcomes if isinstance(one, Stored)}
    for arguments in ({"on_change": "recreate"}, {}, {"wait_ready": True}):
        again, report = await ingest(client, photos, journal=journal, purpose="hero", **arguments)
        assert report.changed == report.failed == 0
        assert {one.key: getattr(one, "image_id", "") for one in again} == new
    assert len(await server_images(client)) == 20


async def test_recreate_without_a_journal_stores_nothing_twice_either(
    client: AsyncImgwireClient, photos: Path
) -> None:
    for purpose in ("import", "hero", "import"):
        await ingest(client, photos, job="spring", purpose=purpose, on_change="recreate")
    assert len(await server_images(client)) == 20


async def test_touched_files_are_recreated_if_their_parameters_have_changed(
    client: AsyncImgwireClient, photos: Path, journal: Path
) -> None:
    await ingest(client, photos, journal=journal, purpose="import")
    os.utime(photos / "0000.png", (1, 1))
    outcomes, _ = await ingest(client, photos, journal=journal, purpose="hero")
    assert changes(outcomes) == ["parameters"] * 10
    os.utime(photos / "0000.png", (2, 2))
    _, report = await ingest(client, photos, journal=journal, purpose="hero", on_change="recreate")
    assert counts(report) == (10, 0, 0, 0)
    assert len(await server_images(client)) == 20


async def test_an_interrupted_item_keeps_its_key_under_every_policy_for_changes(
    client: AsyncImgwireClient, photos: Path, journal: Path
) -> None:
    await ingest(client, photos, journal=journal, purpose="import")
    await ingest(client, photos, journal=journal, purpose="hero", on_change="recreate")
    with Journal(journal) as crashed:
        rows = list(crashed.rows(State.STORED))
        crashed.write([replace(row, state=State.KEYED, image_id=None, cdn_url=None) for row in rows])
    await ingest(client, photos, journal=journal, purpose="hero")
    images = await server_images(client)
    assert len(images) == 20
    async with client.ingest(photos, journal=journal, purpose="hero", dry_run=True) as job:
        ids = {one.image_id async for one in job if isinstance(one, AlreadyStored)}
    assert ids == {str(image.id) for image in images if image.purpose == "hero"}


async def test_a_service_that_keeps_to_the_first_parameters_of_a_key_receives_new_ones_with_recreate(
    tmp_path: Path, journal: Path
) -> None:
    folder = folder_of(tmp_path / "photos", 1)
    async with Sandbox(idempotency="conflict") as strict, client_of(strict) as client:
        strict.faults.once("store.put", status=413)
        _, report = await ingest(client, folder, journal=journal, purpose="import")
        assert report.failures[0].cause == "UploadRejectedError 413"

        _, report = await ingest(client, folder, journal=journal, purpose="hero")
        assert report.failures[0].cause.startswith("ConflictError 409")

        _, report = await ingest(client, folder, journal=journal, purpose="hero", on_change="recreate")
        assert counts(report) == (1, 0, 0, 0)


async def test_skip_leaves_changed_items_alone(
    client: AsyncImgwireClient, sandbox: Sandbox, photos: Path, journal: Path
) -> None:
    (photos / "note.txt").write_text("no image yet")
    await ingest(client, photos, journal=journal)
    (photos / "0000.png").write_bytes(small_image(100))
    (photos / "note.txt").write_bytes(small_image(101))
    sandbox.requests.clear()

    arguments: dict[str, Any] = {"journal": journal, "on_change": "skip", "purpose": "hero"}
    outcomes, report = await ingest(client, photos, **arguments)
    assert counts(report) == (1, 10, 0, 0)  # the text file was never stored
    assert sorted(map(str, changes(outcomes))) == ["content"] + ["parameters"] * 9
    _, report = await ingest(client, photos, **arguments, wait_ready=True)
    assert counts(report) == (11, 0, 0, 0)
    assert len(await server_images(client)) == 11

    _, report = await ingest(client, photos, journal=journal, purpose="hero")
    assert counts(report) == (1, 10, 0, 0)


async def test_confirming_a_stored_item_neither_creates_nor_reads_anything(
    client: AsyncImgwireClient, sandbox: Sandbox, photos: Path, journal: Path
) -> None:
    await ingest(client, photos, journal=journal)
    for path in sorted(photos.iterdir()):  # noqa: ASYNC240 - small
        looked = path.stat()
        path.write_bytes(b"?" * looked.st_size)
        os.utime(path, ns=(looked.st_atime_ns, looked.st_mtime_ns))
    sandbox.requests.clear()

    _, report = await ingest(client, photos, journal=journal, wait_ready=True)

    assert counts(report) == (10, 0, 0, 0)
    assert report.bytes_sent == 0
    assert {request.operation for request in sandbox.requests} == {"images.retrieve"}
    _, report = await ingest(client, photos, journal=journal, wait_ready=True)
    assert counts(report) == (0, 10, 0, 0)


async def test_a_dry_run_counts_what_would_only_be_confirmed_as_stored(
    client: AsyncImgwireClient, photos: Path, journal: Path
) -> None:
    await ingest(client, photos, journal=journal)
    _, report = await ingest(client, photos, journal=journal, wait_ready=True, dry_run=True)
    assert counts(report) == (0, 10, 0, 0)


@pytest.mark.parametrize(
    "arguments", [{"on_change": "nonsense"}, {"on_change": "recreate", "dedupe": "content"}]
)
def test_an_option_that_makes_no_sense_is_rejected(
    client: AsyncImgwireClient, arguments: dict[str, Any]
) -> None:
    with pytest.raises(InvalidArgumentError, match="on_change"):
        client.ingest("photos", **arguments)


def test_parameters_become_part_of_a_key_only_when_there_are_any() -> None:
    nothing = Parameters(None, None).digest(IngestItem("a.jpg"))
    assert nothing is None
    assert idempotency_key("job", "a", b"1", nothing) == idempotency_key("job", "a", b"1")
    some = Parameters("hero", None).digest(IngestItem("a.jpg"))
    assert idempotency_key("job", "a", b"1", some) != idempotency_key("job", "a", b"1")


def test_the_digest_of_parameters_never_changes_between_releases() -> None:
    # A different digest would report every item as changed, and store it again with "recreate".
    item = IngestItem("a.jpg", file_name="ä.jpg", mime_type="image/jpeg", custom_metadata={"b": 1, "a": True})
    text = r'["\u00e4.jpg","image/jpeg","hero",{"a":true,"b":1}]'
    expected = hashlib.blake2b(text.encode(), digest_size=16).digest()
    assert Parameters("hero", None).digest(item) == expected


async def test_a_url_that_changes_while_its_content_has_a_name_is_the_same_image(
    client: AsyncImgwireClient, journal: Path
) -> None:
    image = await client.images.upload(small_image(1), wait=True)

    def signed(signature: int) -> list[IngestItem]:
        return [IngestItem(f"{image.cdn_url}?quality={signature}", "a", content_id="object 1")]

    assert counts((await ingest(client, signed(10), journal=journal))[1]) == (1, 0, 0, 0)
    outcomes, report = await ingest(client, signed(20), journal=journal)
    assert counts(report) == (0, 1, 0, 0)
    assert changes(outcomes) == [None]
    other = [IngestItem(image.cdn_url, "a", content_id="object 2")]
    assert counts((await ingest(client, other, journal=journal))[1]) == (1, 0, 0, 0)
