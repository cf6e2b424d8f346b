"""Moving images from imgix to Imgwire, between the two local services."""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from imgwire_async import AlreadyStored, AsyncImgwireClient, Failed, Skipped, Stored
from imgwire_async.core.clients.client import core_of
from imgwire_async.errors import (
    ImgwireError,
    IngestStoppedError,
    InvalidArgumentError,
    JournalError,
    PermissionDeniedError,
)
from imgwire_async.imgix import AssetFilters, AsyncImgixClient, ingest_source
from imgwire_async.imgix.ingest_source import AssetEntries
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.migrate import (
    AssetItem,
    MetadataRules,
    MigrationReport,
    TypeCount,
    migrate_from_imgix,
    read_urls,
    translate_url,
)
from imgwire_async.migrate.asset_items import AssetReader
from imgwire_async.sandbox import Fault, ImgixSandbox, Sandbox
from tests.clients import client_of as imgwire_client_of
from tests.clients import without_waits
from tests.ingest.support import server_images, small_image
from tests.migrate.support import (
    NO_IMAGES,
    UNLIMITED,
    client_of,
    counts,
    expected_metadata,
    fill,
    hash_of,
    migrate,
    noise,
)

IMAGES = 56


async def test_every_asset_becomes_one_image_with_its_metadata_or_is_skipped_with_its_reason(
    imgix: AsyncImgixClient,
    client: AsyncImgwireClient,
    sandbox: Sandbox,
    server: ImgixSandbox,
    tmp_path: Path,
) -> None:
    source_id = server.add_source("shop")
    fill(server, source_id, IMAGES)
    for path, data in NO_IMAGES.items():
        server.add_file(source_id, path, data)

    outcomes, report = await migrate(
        imgix, client, server, journal=tmp_path / "j", on_alt_text="custom_fields.alt"
    )

    assert counts(report) == (IMAGES, 0, len(NO_IMAGES), 0)
    skipped = {outcome.key: outcome for outcome in outcomes if isinstance(outcome, Skipped)}
    assert {key.partition("/")[2] for key in skipped} == {path[1:] for path in NO_IMAGES}
    assert skipped[f"{source_id}/docs/terms.pdf"].detail == "application/pdf: a document"
    assert skipped[f"{source_id}/clips/intro.mp4"].detail == "video/mp4: a video"

    images = {str(image.custom_metadata["origin_path"]): image for image in await server_images(client)}
    assert len(images) == IMAGES
    for number in range(IMAGES):
        image = images[path := f"/photos/{number:04} é.png"]
        found = dict(image.custom_metadata)
        assert found.pop("date_created")
        assert found == expected_metadata(source_id, path, number)
        assert image.original_filename == f"{number:04} é.png"
        assert (image.status, image.mime_type) == ("READY", "image/png")

    sandbox.requests.clear()
    _, again = await migrate(imgix, client, server, journal=tmp_path / "j", on_alt_text="custom_fields.alt")
    assert counts(again) == (0, IMAGES, len(NO_IMAGES), 0)
    assert not [request for request in sandbox.requests if request.method != "GET"]


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_source, "PAGE", 10)


def lists(server: ImgixSandbox) -> int:
    """The number of pages of assets that were requested."""
    return sum(request.operation == "assets.list" for request in server.requests)


def storing(sandbox: Sandbox) -> list[str]:
    """The requests that store an image."""
    return [request.path for request in sandbox.requests if request.method not in {"GET", "HEAD"}]


@pytest.mark.usefixtures("small_pages")
async def test_a_run_that_ended_within_a_list_resumes_there(
    imgix: AsyncImgixClient, client: AsyncImgwireClient, server: ImgixSandbox, tmp_path: Path
) -> None:
    for shop in ("one", "two"):
        fill(server, server.add_source(shop), 200)  # more than a job reads ahead
    async with migrate_from_imgix(
        imgix, client, journal=tmp_path / "j", rendering_base_url=server.base_url, concurrency=4
    ) as job:
        taken, refused = 0, False
        async for _ in job:
            taken += 1
            if not refused and job.report.found >= 120:
                # Pages that have not been read yet become unavailable.
                refused = True
                server.faults.always("assets.list", status=403)
            if refused and taken >= 100:
                break
    with pytest.raises(ImgwireError):
        await migrate(imgix, client, server, journal=tmp_path / "j")
    server.faults.clear()
    server.requests.clear()
    _, report = await migrate(imgix, client, server, journal=tmp_path / "j")
    assert report.found < 400
    assert lists(server) < 40
    assert len(await server_images(client)) == 400

    _, again = await migrate(imgix, client, server, journal=tmp_path / "j")
    assert counts(again) == (0, 400, 0, 0)


@pytest.mark.usefixtures("small_pages")
async def test_with_an_unknown_cursor_a_source_is_listed_from_its_start(
    imgix: AsyncImgixClient, server: ImgixSandbox
) -> None:
    fill(server, server.add_source("shop"), 15)
    entries = entries_at(imgix)
    resume, _ = [batch.resume async for batch in entries.batches(None)]
    assert resume is not None
    assert [len(batch.entries) async for batch in entries.batches(resume)] == [5]
    server.faults.once("assets.list", status=400)
    assert [len(batch.entries) async for batch in entries.batches(resume)] == [10, 5]
    assert [len(batch.entries) async for batch in entries.batches("[1]")] == [10, 5]
    other = entries_at(imgix, filters={"keyword": "é"})
    assert [len(batch.entries) async for batch in other.batches(resume)] == [10, 5]
    server.faults.always("assets.list", status=403)
    with pytest.raises(PermissionDeniedError):
        _ = [batch async for batch in entries.batches(resume)]


def entries_at(imgix: AsyncImgixClient, **arguments: Any) -> AssetEntries:
    reader = AssetReader(MetadataRules(), None, None)
    return AssetEntries(
        imgix.sources,
        imgix.assets,
        service="x",
        credentials=core_of(imgix).credentials,
        entry_of=reader.entry,
        **arguments,
    )


@pytest.mark.usefixtures("small_pages")
async def test_a_list_cut_at_the_count_limit_of_imgix_is_read_backwards(
    client: AsyncImgwireClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ingest_source, "CAPS", {12})
    seconds = itertools.count(1_000_000)
    with ImgixSandbox(
        deployment_delay=0.0,
        total_records_cap=12,
        listing_ends_at_cap=True,
        clock=lambda: float(next(seconds)),
    ) as server:
        many, some, few = (server.add_source(name) for name in ("many", "some", "few"))
        fill(server, many, 60)
        fill(server, some, 20)
        fill(server, few, 11)
        async with client_of(server) as imgix:
            _, report = await migrate(imgix, client, server, sources=[some, few], journal=tmp_path / "j")
            assert (counts(report), report.incomplete_lists) == ((31, 0, 0, 0), ())
            _, report = await migrate(imgix, client, server, dry_run=True)
            assert report.incomplete_lists == (many,)
            assert f"the list of source {many} ended where imgix stops counting" in str(report)
            part: AssetFilters = {"origin_path": "/photos/000"}
            _, report = await migrate(imgix, client, server, sources=[many], dry_run=True, filters=part)
            assert (report.found, report.incomplete_lists) == (10, ())


async def test_a_cut_list_is_detected_even_if_all_assets_have_one_creation_time(
    client: AsyncImgwireClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_source, "CAPS", {5})
    with ImgixSandbox(
        deployment_delay=0.0, total_records_cap=5, listing_ends_at_cap=True, clock=lambda: 1_000_000.0
    ) as server:
        source_id = server.add_source("shop")
        fill(server, source_id, 8)
        async with client_of(server) as imgix:
            _, report = await migrate(imgix, client, server, dry_run=True)
    assert report.incomplete_lists == (source_id,)


async def test_an_account_can_be_moved_in_parts_with_one_journal(
    imgix: AsyncImgixClient, client: AsyncImgwireClient, server: ImgixSandbox, tmp_path: Path
) -> None:
    first, second = server.add_source("one"), server.add_source("two")
    fill(server, first, 4)
    fill(server, second, 5)
    _, report = await migrate(imgix, client, server, journal=tmp_path / "j", sources=[second])
    assert counts(report) == (5, 0, 0, 0)
    _, report = await migrate(imgix, client, server, journal=tmp_path / "j", filters={"categories": "shoes"})
    assert counts(report) == (2, 2, 0, 0)
    _, report = await migrate(imgix, client, server, journal=tmp_path / "j")
    assert counts(report) == (2, 7, 0, 0)
    with ImgixSandbox() as other:
        async with client_of(other) as elsewhere:
            with pytest.raises(JournalError, match="belongs to imgix at"):
                await migrate(elsewhere, client, other, journal=tmp_path / "j")


async def test_a_journal_is_not_used_for_another_account_at_the_same_url(
    imgix: AsyncImgixClient, client: AsyncImgwireClient, server: ImgixSandbox, tmp_path: Path
) -> None:
    fill(server, server.add_source("one"), 2)
    await migrate(imgix, client, server, journal=tmp_path / "j")
    server.reset()  # like an account that has none of these sources
    fill(server, server.add_source("two"), 2)
    key = server.create_key("sources", "asset_browse")
    async with AsyncImgixClient(key, base_url=server.base_url, rate_limits=UNLIMITED) as elsewhere:
        for dry_run in (True, False):
            with pytest.raises(JournalError, match="another account of imgix at") as raised:
                await migrate(elsewhere, client, server, journal=tmp_path / "j", dry_run=dry_run)
            assert "use another journal" in str(raised.value)
            assert key not in str(raised.value)
        _, report = await migrate(elsewhere, client, server, journal=tmp_path / "k")
        assert counts(report) == (2, 0, 0, 0)
    with Journal(tmp_path / "k") as journal:
        assert journal.binding is not None
        assert key not in journal.binding


async def test_a_new_key_of_an_account_resumes(
    imgix: AsyncImgixClient, client: AsyncImgwireClient, server: ImgixSandbox, tmp_path: Path
) -> None:
    first, second = server.add_source("one"), server.add_source("two")
    fill(server, first, 2)
    fill(server, second, 2)
    await migrate(imgix, client, server, journal=tmp_path / "j", sources=[first])
    key = server.create_key("sources", "asset_browse")
    async with AsyncImgixClient(key, base_url=server.base_url, rate_limits=UNLIMITED) as rotated:
        # Moving another part of the account makes no difference.
        _, report = await migrate(rotated, client, server, journal=tmp_path / "j", sources=[second])
        assert counts(report) == (2, 0, 0, 0)
        server.requests.clear()
        await migrate(rotated, client, server, journal=tmp_path / "j", sources=[second])
    # The same key: no request is needed.
    assert not [request for request in server.requests if request.operation == "sources.list"]


@pytest.mark.parametrize(
    ("transfer", "processes"),
    [
        ("bytes", 1),
        pytest.param("bytes", 2, marks=pytest.mark.slow),
        pytest.param("url", 2, marks=pytest.mark.slow),
    ],
)
async def test_images_are_moved_by_url_or_through_this_machine_by_one_or_more_processes(
    imgix: AsyncImgixClient,
    client: AsyncImgwireClient,
    sandbox: Sandbox,
    server: ImgixSandbox,
    transfer: str,
    processes: int,
) -> None:
    source_id = server.add_source("shop", secure_url_enabled=True)
    fill(server, source_id, 6)
    large = noise(900)
    assert len(large) > 2**20
    server.add_file(source_id, "/large.png", large)
    _, report = await migrate(imgix, client, server, transfer=transfer, processes=processes, concurrency=4)
    assert counts(report) == (7, 0, 0, 0)
    assert report.different_size == ()
    images = {image.original_filename: image for image in await server_images(client)}
    assert images["large.png"].size_bytes == len(large)
    hashed = hashlib.sha256(large).hexdigest()
    assert images["large.png"].hash_sha256 == hashed
    operations = {request.operation for request in sandbox.requests if request.method == "POST"}
    assert operations == {"images.create" if transfer == "bytes" else "images.upload_via_url"}
    # Nothing was changed at imgix.
    assert {request.method for request in server.requests} == {"GET"}


async def test_faults_of_imgix_hosts_are_waited_out_or_fail_only_their_asset(
    imgix: AsyncImgixClient, client: AsyncImgwireClient, server: ImgixSandbox, tmp_path: Path
) -> None:
    source_id = server.add_source("shop")
    fill(server, source_id, 6)
    server.faults.times(3, "rendering.get", status=503)
    server.faults.times(1, "rendering.get", truncate=True)
    _, report = await migrate(imgix, client, server, transfer="bytes", journal=tmp_path / "j")
    assert counts(report) == (6, 0, 0, 0)

    # Imgwire fetches only once; the next run lets it fetch again.
    fill(server, source_id, 3, prefix="/more")
    server.faults.times(1, "rendering.get", status=404)
    outcomes, report = await migrate(imgix, client, server, journal=tmp_path / "j")
    assert counts(report) == (2, 6, 0, 1)
    assert [type(one.error).__name__ for one in outcomes if isinstance(one, Failed)] == [
        "ImageQuarantinedError"
    ]
    _, report = await migrate(imgix, client, server, journal=tmp_path / "j")
    assert counts(report) == (1, 8, 0, 0)


async def test_originals_come_from_the_host_that_serves_them(
    imgix: AsyncImgixClient, client: AsyncImgwireClient, server: ImgixSandbox, sandbox: Sandbox
) -> None:
    origin = server.add_source("origin")
    for number in range(5):
        server.add_file(origin, f"/files/{number}.png", small_image(number), index=False)
    base = f"{server.base_url}/~/origin.imgix.net/files"
    proxy = server.add_source("proxy", type="webproxy")
    server.add_file(proxy, f"{base}/0.png", small_image(0))
    folder = server.add_source("folder", type="webfolder", webfolder_base_url=base, default_params={"w": 10})
    server.add_file(folder, "/1.png", small_image(1))
    bucket = server.add_source("bucket", default_params={"w": 10})
    server.add_file(bucket, "/2.png", small_image(2))
    off = server.add_source("off")
    server.add_file(off, "/3.png", small_image(3))
    await imgix.sources.disable(off)

    outcomes, report = await migrate(imgix, client, server, sources=[proxy, folder, bucket, off])

    assert counts(report) == (2, 0, 0, 2)
    stored = {one.key.partition("/")[0]: one for one in outcomes if isinstance(one, Stored)}
    assert stored[proxy].item.source == f"{base}/0.png"
    assert stored[proxy].item.file_name == "0.png"
    assert stored[folder].item.source == f"{base}/1.png"
    failed = {one.key.partition("/")[0]: str(one.error) for one in outcomes if isinstance(one, Failed)}
    assert "default parameters, so imgix serves no originals" in failed[bucket]
    assert "is disabled" in failed[off]
    assert len(storing(sandbox)) == 2


async def test_an_asset_whose_metadata_collides_fails_alone_and_before_a_request(
    imgix: AsyncImgixClient,
    client: AsyncImgwireClient,
    server: ImgixSandbox,
    sandbox: Sandbox,
    tmp_path: Path,
) -> None:
    source_id = server.add_source("shop")
    server.add_file(source_id, "/a.png", small_image(1), name="A", custom_fields={"name": "B"})
    server.add_file(source_id, "/b.png", small_image(2), name="B", custom_fields={"season": "B"})
    rules = MetadataRules(custom_field_prefix="")
    outcomes, report = await migrate(imgix, client, server, metadata=rules, journal=tmp_path / "j")
    assert counts(report) == (1, 0, 0, 1), report
    (failed,) = [one for one in outcomes if isinstance(one, Failed)]
    assert f"the custom field 'name' of the asset '{source_id}/a.png'" in str(failed.error)
    assert len(storing(sandbox)) == 1
    # With other options it can be stored.
    _, report = await migrate(imgix, client, server, journal=tmp_path / "j")
    assert counts(report) == (1, 1, 0, 0)
    assert report.changed == 1


async def test_metadata_that_changed_at_imgix_is_reported_and_stores_nothing(
    imgix: AsyncImgixClient,
    client: AsyncImgwireClient,
    server: ImgixSandbox,
    sandbox: Sandbox,
    tmp_path: Path,
) -> None:
    source_id = server.add_source("shop")
    fill(server, source_id, 3)
    await migrate(imgix, client, server, journal=tmp_path / "j")
    await imgix.assets.update(source_id, "/photos/0001 é.png", name="Another")
    sandbox.requests.clear()
    outcomes, report = await migrate(imgix, client, server, journal=tmp_path / "j")
    assert counts(report) == (0, 3, 0, 0)
    changed = {one.key.rpartition("/")[2]: one.changed for one in outcomes if isinstance(one, AlreadyStored)}
    assert changed == {"0000 é.png": None, "0001 é.png": "parameters", "0002 é.png": None}
    assert storing(sandbox) == []


async def test_a_dry_run_reports_what_would_be_moved_and_lost_and_how_long_it_takes(
    client: AsyncImgwireClient, server: ImgixSandbox, sandbox: Sandbox, tmp_path: Path
) -> None:
    source_id = server.add_source("shop")
    fill(server, source_id, 6)
    server.add_file(source_id, "/terms.pdf", b"%PDF-1.4\n")
    async with client_of(server, rate_limits=None) as imgix:
        outcomes, report = await migrate(
            imgix,
            client,
            server,
            dry_run=True,
            journal=tmp_path / "j",
            metadata=MetadataRules(fields=["name"]),
        )
    assert report.types["image/png"] == TypeCount(
        6, sum(len(small_image(n + hash_of(source_id))) for n in range(6))
    )
    assert report.planned_bytes == report.types["image/png"].size
    assert report.skipped_types == {"application/pdf": 1}
    assert report.metadata_lost["categories"] == 3
    assert report.metadata_lost["custom_fields"] == 6
    assert 0 < report.hours_at_limits < 0.001
    assert storing(sandbox) == []
    assert not (tmp_path / "j").exists()
    assert {one.key.partition("/")[0] for one in outcomes} == {source_id}


async def test_a_substitute_for_a_missing_image_is_detected(
    imgix: AsyncImgixClient, client: AsyncImgwireClient, server: ImgixSandbox
) -> None:
    source_id = server.add_source("shop")
    fill(server, source_id, 1)
    server.faults.once(
        "rendering.get", status=200, body=small_image(7) + b"\0" * 9, headers={"content-type": "image/png"}
    )
    _, report = await migrate(imgix, client, server, transfer="bytes")
    assert counts(report) == (1, 0, 0, 0)
    assert len(report.different_size) == 1
    assert "another size than at imgix" in str(report)


async def test_wrong_arguments_are_rejected_before_the_first_request(
    imgix: AsyncImgixClient, client: AsyncImgwireClient
) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"transfer": "ftp"}, "transfer must be"),
        ({"sources": []}, "sources must be"),
        ({"sources": "abc"}, "sources must be"),
        ({"filters": {"category": "x"}}, "did you mean 'categories'"),
        ({"metadata": {}}, "metadata must be MetadataRules"),
        ({"on_alt_text": "alt"}, "on_alt_text must be"),
        ({"purpose": "x" * 256}, "purpose must be"),
        ({"rendering_base_url": "ftp://x"}, "rendering_base_url"),
        ({"rendering_base_url": "http://example.com"}, "rendering_base_url"),
        ({"processes": 0}, "processes"),
    ]
    for arguments, message in wrong:
        with pytest.raises(InvalidArgumentError, match=message):
            migrate_from_imgix(imgix, client, **arguments)


async def test_no_signature_is_shown(
    imgix: AsyncImgixClient, client: AsyncImgwireClient, server: ImgixSandbox
) -> None:
    fill(server, server.add_source("shop", secure_url_enabled=True), 1)
    (outcome,), report = await migrate(imgix, client, server)
    assert isinstance(outcome.item, AssetItem)
    assert "s=" in str(outcome.item.source)
    assert "s=" not in repr(outcome.item)
    assert "s=" not in str(report)


@pytest.mark.parametrize("extension", [".csv", ".jsonl", ".parquet"])
async def test_the_mapping_has_every_old_url_of_every_stored_image_and_can_be_read_back(
    imgix: AsyncImgixClient, client: AsyncImgwireClient, server: ImgixSandbox, tmp_path: Path, extension: str
) -> None:
    shop = server.add_source("shop", custom_domains=["img.example.com"])
    proxy = server.add_source("proxy", type="webproxy")
    fill(server, shop, 2)
    server.add_file(shop, "/terms.pdf", b"%PDF-1.4\n")
    proxied = f"{server.base_url}/~/shop.imgix.net/photos/0000%20%C3%A9.png"
    server.add_file(proxy, proxied, small_image(1))
    await migrate(imgix, client, server, journal=tmp_path / "j.csv", sources=[shop])
    path = tmp_path / f"urls{extension}"
    path.write_bytes(b"an older one")
    async with migrate_from_imgix(
        imgix, client, journal=tmp_path / "j.csv", rendering_base_url=server.base_url, concurrency=4
    ) as job:
        outcomes = [outcome async for outcome in job]
        assert not job.report.failed, str(job.report)
        assert await job.write_urls(path) == 5
        with pytest.raises(InvalidArgumentError, match="journal"):
            await job.write_urls(tmp_path / "j.csv")
        with pytest.raises(InvalidArgumentError, match="extension"):
            await job.write_urls(tmp_path / "urls.txt")
        with pytest.raises(InvalidArgumentError, match="kind"):
            await job.write_redirects(tmp_path / "r", "apache")  # type: ignore[arg-type]
        assert await job.write_redirects(tmp_path / "r", "nginx") == 5
    urls = read_urls(path)
    images = {one.key: one for one in outcomes if isinstance(one, Stored | AlreadyStored)}
    image = images[f"{shop}/photos/0001 é.png"]
    for host in ("shop.imgix.net", "img.example.com"):
        found = urls[f"{host}/photos/0001 é.png"]
        assert (found.image, found.width, found.mime_type) == (image.cdn_url, 8, "image/png")
    assert urls[proxied].image == images[f"{proxy}/{proxied}"].cdn_url
    # Relative sizes can be computed because the file contains the size of the original.
    old = "https://img.example.com/photos/0001%20%C3%A9.png?w=0.5"
    new = translate_url(old, assets=urls, hosts=urls.hosts).url
    assert new == f"{image.cdn_url}?enlarge=true&format=png&width=4"


async def test_a_host_that_was_added_later_is_in_the_mapping_of_a_later_run(
    imgix: AsyncImgixClient, client: AsyncImgwireClient, server: ImgixSandbox, tmp_path: Path
) -> None:
    source_id = server.add_source("shop")
    fill(server, source_id, 1)
    await migrate(imgix, client, server, journal=tmp_path / "j")
    source = await imgix.sources.retrieve(source_id)
    changed = replace(source.deployment, custom_domains=["img.example.com"], s3_secret_key="secret")
    await imgix.sources.update(source_id, deployment=changed)
    await imgix.sources.wait_until_deployed(source_id, timeout=30)
    async with migrate_from_imgix(
        imgix, client, journal=tmp_path / "j", rendering_base_url=server.base_url
    ) as job:
        _ = [outcome async for outcome in job]
        await job.write_urls(tmp_path / "urls.csv")
    assert read_urls(tmp_path / "urls.csv").hosts == {"shop.imgix.net", "img.example.com"}


async def test_with_faults_on_both_sides_every_asset_ends_as_one_image(
    client: AsyncImgwireClient,
    server: ImgixSandbox,
    sandbox: Sandbox,
    tmp_path: Path,
) -> None:
    source_id = server.add_source("shop")
    fill(server, source_id, 30)
    faults = (Fault(status=503), Fault(reset="before"), Fault(reset="after"), Fault(truncate=True))
    sandbox.faults.random(0.2, 3, faults)
    server.faults.random(0.2, 4, faults)
    failed = 1
    async with client_of(server) as imgix:
        without_waits(imgix)
        for _ in range(8):
            _, report = await migrate(imgix, client, server, journal=tmp_path / "j")
            failed = report.failed
            if not failed:
                break
    assert failed == 0
    sandbox.faults.clear()
    ready = [image for image in await server_images(client) if image.status == "READY"]
    assert len(ready) == 30
    assert len({image.custom_metadata["imgix_id"] for image in ready}) == 30


@pytest.mark.parametrize("transfer", ["url", "bytes"])
def test_works_on_trio(sandbox: Sandbox, server: ImgixSandbox, transfer: str) -> None:
    fill(server, server.add_source("shop"), 3)

    async def run() -> MigrationReport:
        async with client_of(server) as imgix, imgwire_client_of(sandbox) as imgwire:
            return (await migrate(imgix, imgwire, server, transfer=transfer))[1]

    assert counts(anyio.run(run, backend="trio")) == (3, 0, 0, 0)


async def test_changed_urls_of_a_source_store_nothing_twice(
    imgix: AsyncImgixClient,
    client: AsyncImgwireClient,
    server: ImgixSandbox,
    sandbox: Sandbox,
    tmp_path: Path,
) -> None:
    source_id = server.add_source("shop")
    fill(server, source_id, 3)
    server.faults.once("rendering.get", status=404)
    _, report = await migrate(imgix, client, server, journal=tmp_path / "j")
    assert counts(report) == (2, 0, 0, 1)
    source = await imgix.sources.retrieve(source_id)
    changed = replace(source.deployment, secure_url_enabled=True, s3_secret_key="secret")
    await imgix.sources.update(source_id, deployment=changed)
    await imgix.sources.wait_until_deployed(source_id, timeout=30)
    sandbox.requests.clear()
    outcomes, report = await migrate(imgix, client, server, journal=tmp_path / "j", processes=2)
    assert counts(report) == (1, 2, 0, 0)
    assert "s=" in str(outcomes[0].item and outcomes[0].item.source)
    assert report.changed == 0
    assert len(storing(sandbox)) == 1
    # The journal contains no signed URL of stored images.
    assert b"?s=" not in (tmp_path / "j").read_bytes()


@pytest.mark.parametrize("key_is_refused", [False, True])
async def test_after_an_early_end_the_list_has_all_assets_or_says_which_are_missing(
    imgix: AsyncImgixClient,
    client: AsyncImgwireClient,
    sandbox: Sandbox,
    server: ImgixSandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    key_is_refused: bool,
) -> None:
    monkeypatch.setattr(ingest_source, "PAGE", 10)
    source_id = server.add_source("shop")
    fill(server, source_id, 300)  # more than a job reads ahead
    sandbox.faults.always("images.upload_via_url", status=403)

    async with migrate_from_imgix(imgix, client, journal=tmp_path / "j", concurrency=1) as job:
        with pytest.raises(IngestStoppedError):
            async for _ in job:
                pass
        drawn = job.report.found
        if key_is_refused:
            server.faults.always("assets.list", status=401)
        listed = await job.write_failures(tmp_path / "failed.jsonl")
        report = job.report

    rows = [json.loads(line) for line in (tmp_path / "failed.jsonl").read_text().splitlines()]
    keys = {row["key"] for row in rows}
    assert len(keys) == len(rows) == listed
    assert drawn < 300
    if key_is_refused:
        assert listed == drawn
        assert report.unlisted is not None
        assert report.unlisted.startswith(f"it ends after '{source_id}/")
        assert report.unlisted in str(report)
    else:
        assert (listed, report.unlisted) == (300, None)
