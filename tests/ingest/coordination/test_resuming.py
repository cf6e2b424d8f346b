"""Sources that are listed page by page: the journal stores the cursor of a run that ends early."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import anyio
import pytest

from imgwire_async import AsyncImgwireClient, IngestItem, JournalError
from imgwire_async.ingest.coordination.resuming import ResumeMark
from imgwire_async.ingest.items import Entry, Stamp
from imgwire_async.ingest.sources.source import Batch
from tests.hangs import HANGS
from tests.ingest.support import counts, ingest, server_images, small_image

PAGES, PER_PAGE = 4, 3


class BrokenListingError(Exception):
    """The listed service is unavailable."""


class Listing:
    """The listing of a service with cursors, which fails before a given page."""

    def __init__(self, identity: str = "shop (a listing)", *, breaks_at: int | None = None) -> None:
        self.identity = identity
        self.begun_at: list[str | None] = []
        self.bad: set[str] = set()
        self._breaks_at = breaks_at

    async def batches(self, resume: str | None) -> AsyncGenerator[Batch, None]:
        self.begun_at.append(resume)
        for page in range(int(resume or 0), PAGES):
            if page == self._breaks_at:
                raise BrokenListingError
            keys = [f"{page}/{number}" for number in range(PER_PAGE)]
            entries = [Entry(key, IngestItem(self._content(key), key)) for key in keys]
            yield Batch(entries, str(page + 1) if page + 1 < PAGES else None)

    def _content(self, key: str) -> bytes:
        return b"" if key in self.bad else small_image(int(key.replace("/", "")))


async def broken_run(client: AsyncImgwireClient, journal: Path, listing: Listing) -> None:
    with pytest.raises(BrokenListingError):
        await ingest(client, listing, journal=journal)


async def test_a_run_that_ended_early_is_resumed_where_the_listing_was_done(
    client: AsyncImgwireClient, tmp_path: Path
) -> None:
    await broken_run(client, tmp_path / "j", Listing(breaks_at=2))
    listing = Listing()
    _, report = await ingest(client, listing, journal=tmp_path / "j")
    assert listing.begun_at == ["2"]
    assert counts(report) == (2 * PER_PAGE, 0, 0, 0)
    assert len(await server_images(client)) == PAGES * PER_PAGE


async def test_after_a_complete_run_the_next_one_starts_from_the_first_item(
    client: AsyncImgwireClient, tmp_path: Path
) -> None:
    await broken_run(client, tmp_path / "j", Listing(breaks_at=2))
    listing = Listing()
    await ingest(client, listing, journal=tmp_path / "j")
    _, report = await ingest(client, listing, journal=tmp_path / "j")
    assert listing.begun_at == ["2", None]
    assert counts(report) == (0, PAGES * PER_PAGE, 0, 0)


async def test_a_failed_item_is_not_skipped_when_resuming(client: AsyncImgwireClient, tmp_path: Path) -> None:
    broken = Listing(breaks_at=3)
    broken.bad = {"1/2"}
    await broken_run(client, tmp_path / "j", broken)
    listing = Listing()
    _, report = await ingest(client, listing, journal=tmp_path / "j")
    assert listing.begun_at == ["1"]
    assert counts(report) == (1 + PER_PAGE, 2 * PER_PAGE - 1, 0, 0)


async def test_a_dry_run_starts_where_the_job_would_and_moves_no_mark(
    client: AsyncImgwireClient, tmp_path: Path
) -> None:
    await broken_run(client, tmp_path / "j", Listing(breaks_at=2))
    for _ in range(2):
        listing = Listing()
        await ingest(client, listing, journal=tmp_path / "j", dry_run=True)
        assert listing.begun_at == ["2"]


async def test_the_mark_is_recorded_while_the_job_runs(client: AsyncImgwireClient, tmp_path: Path) -> None:
    class Waiting(Listing):
        async def batches(self, resume: str | None) -> AsyncGenerator[Batch, None]:
            async for batch in super().batches(resume):
                yield batch
                if batch.resume == "2":
                    with anyio.fail_after(HANGS):
                        while job._journal.resume is None or '"2"' not in job._journal.resume:  # noqa: ASYNC110
                            await anyio.sleep(0.01)

    async with client.ingest(Waiting(), journal=tmp_path / "j") as job:
        stored = [outcome async for outcome in job]
    assert len(stored) == PAGES * PER_PAGE


async def test_a_journal_belongs_to_its_listing(client: AsyncImgwireClient, tmp_path: Path) -> None:
    await broken_run(client, tmp_path / "j", Listing(breaks_at=2))
    with pytest.raises(JournalError, match=r"belongs to shop \(a listing\), not to blog"):
        await ingest(client, Listing("blog"), journal=tmp_path / "j")


def test_a_mark_of_another_source_is_ignored() -> None:
    mark = ResumeMark("shop", None)
    assert mark.add("7", (), failed=False)
    assert ResumeMark("shop", mark.text).hint == "7"
    assert ResumeMark("blog", mark.text).hint is None


def test_a_mark_moves_over_batches_in_their_order_only() -> None:
    mark = ResumeMark("shop", None)
    assert not mark.add("1", ("a", "b"), failed=False)
    assert not mark.add("2", ("c",), failed=False)
    assert not mark.end("c", failed=False)
    assert not mark.end("a", failed=False)
    assert mark.hint is None
    assert mark.end("b", failed=False)
    assert ResumeMark("shop", mark.text).hint == "2"
    assert not mark.add("3", ("d",), failed=False)
    assert not mark.end("d", failed=True)
    assert not mark.add("4", (), failed=False)
    assert ResumeMark("shop", mark.text).hint == "2"


async def test_a_url_is_fetched_again_if_the_listing_has_another_version(
    client: AsyncImgwireClient, tmp_path: Path
) -> None:
    image = await client.images.upload(small_image(1), file_name="a.bmp", wait=True)
    before = len(await server_images(client))

    class Asset(Listing):
        version = "etag-1"

        async def batches(self, resume: str | None) -> AsyncGenerator[Batch, None]:
            self.begun_at.append(resume)
            yield Batch(
                [Entry("a", IngestItem(image.cdn_url, "a"), stamp=Stamp(size=9, version=self.version))]
            )

    asset = Asset()
    for version, wanted in (("etag-1", (1, 0, 0, 0)), ("etag-1", (0, 1, 0, 0)), ("etag-2", (1, 0, 0, 0))):
        asset.version = version
        _, report = await ingest(client, asset, journal=tmp_path / "j")
        assert counts(report) == wanted
        assert report.bytes_sent == 0
    assert len(await server_images(client)) == before + 2
