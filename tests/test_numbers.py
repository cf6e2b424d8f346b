"""Numeric types of all libraries are accepted as numbers; booleans and text are not."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from imgwire_async import (
    AlreadyStored,
    ArchiveLimits,
    AsyncImgwireClient,
    Failed,
    ImgwireError,
    IngestItem,
    InvalidArgumentError,
    InvalidTransformationError,
    RateLimit,
    Timeouts,
    UploadItem,
    cdn_url,
)
from imgwire_async.imgix import Deployment
from imgwire_async.imgix.arguments import as_custom_fields
from imgwire_async.imgix.filters import ASSET_FILTERS, filter_query
from imgwire_async.ingest.options import IngestOptions
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of
from tests.imgix.scripted import SOURCE, resource, scripted
from tests.imgix.scripted import client_of as imgix_client_of

BASE = "https://cdn.imgwire.dev/example/0190a0d0-0000-7000-8000-000000000000.jpg"


class Count:
    """A custom integer type."""

    def __init__(self, value: int) -> None:
        self._value = value

    def __index__(self) -> int:
        return self._value


WHOLE: list[Callable[[int], Any]] = [np.int64, np.int32, np.uint8, Count]


def client(**options: Any) -> AsyncImgwireClient:
    return AsyncImgwireClient("sk_test", **options)


ACCEPTING: dict[str, Callable[[Any], Any]] = {
    "max_retries": lambda n: client(max_retries=n),
    "max_retries of some calls": lambda n: client().with_options(max_retries=n),
    "concurrency": lambda n: client(concurrency=n),
    "burst": lambda n: RateLimit(1.0, n),
    "limit": lambda n: client().images.list(limit=n),
    "page": lambda n: client().images.list(page=n),
    "prefetch": lambda n: client().images.list(prefetch=n),
    "max_items": lambda n: client().images.list(max_items=n),
    "limit of origins": lambda n: client().cors_origins.list(limit=n),
    "concurrency of many uploads": lambda n: client().images.upload_many([], concurrency=n),
    "concurrency of a job": lambda n: client().ingest([], concurrency=n),
    "processes of a job": lambda n: client().ingest([], processes=n),
    "max_failures": lambda n: IngestOptions(max_failures=n),
    "processes": lambda n: IngestOptions(processes=n),
    "max_files": lambda n: ArchiveLimits(max_files=n),
    "max_bytes": lambda n: ArchiveLimits(max_bytes=n),
}


@pytest.mark.parametrize("make", WHOLE)
@pytest.mark.parametrize("what", ACCEPTING)
def test_whole_numbers_of_any_library_are_accepted(what: str, make: Callable[[int], Any]) -> None:
    ACCEPTING[what](make(7))


@pytest.mark.parametrize("wrong", [True, np.True_, 2.5, np.float64(2.5), "3", None.__class__, -1, math.nan])
@pytest.mark.parametrize("what", ACCEPTING)
def test_a_value_that_is_not_a_count_is_rejected_by_name(what: str, wrong: Any) -> None:
    with pytest.raises(ValueError, match=what.split(" ")[0]):
        ACCEPTING[what](wrong)


SECONDS: dict[str, Callable[[Any], Any]] = {
    "deadline": lambda n: client(deadline=n),
    "read": lambda n: Timeouts(read=n),
    "timeout": lambda n: client(timeout=n),
    "max_retry_after": lambda n: client(max_retry_after=n),
    "rate": lambda n: RateLimit(n),
    "max_pause": lambda n: IngestOptions(max_pause=n),
    "item_deadline": lambda n: IngestOptions(item_deadline=n),
    "max_ratio": lambda n: ArchiveLimits(max_ratio=n),
}


@pytest.mark.parametrize("number", [np.int64(2), np.float32(2.5), np.float64(2), Fraction(5, 2)])
@pytest.mark.parametrize("what", SECONDS)
def test_numbers_of_any_library_are_accepted(what: str, number: Any) -> None:
    SECONDS[what](number)


@pytest.mark.parametrize("wrong", [True, "2", b"2", [2], math.nan, -1, 10**400, Fraction(10**400)])
@pytest.mark.parametrize("what", SECONDS)
def test_what_is_not_a_number_is_rejected_by_name(what: str, wrong: Any) -> None:
    with pytest.raises(ValueError, match=what):
        SECONDS[what](wrong)


async def test_numbers_of_any_library_are_sent(sandbox: Sandbox, photo: Path) -> None:
    size = photo.stat().st_size  # noqa: ASYNC240
    async with client_of(sandbox, timeout=np.float32(20), deadline=np.int64(20)) as client:
        image = await client.images.upload(
            iter([photo.read_bytes()]),  # noqa: ASYNC240
            size=np.int64(size),  # type: ignore[arg-type]
            custom_metadata={"rank": np.int64(3), "share": np.float32(0.5), "ok": True},  # type: ignore[dict-item]
            wait=True,
            timeout=np.int32(20),  # type: ignore[arg-type]
        )
        created = await client.images.create(file_name="a.jpg", content_length=np.int64(7))  # type: ignore[call-overload]
        page = await client.images.list(limit=np.int64(1))  # type: ignore[arg-type]
        item = UploadItem(photo, size=np.int64(size))  # type: ignore[arg-type]
        async with client.images.upload_many([item]) as outcomes:
            assert [outcome.error async for outcome in outcomes] == [None]
        with pytest.raises(ImgwireError, match="size must be a whole number"):
            await client.images.upload(photo, size=True)

    assert image.custom_metadata == {"rank": 3, "share": 0.5, "ok": True}
    assert created.image.id
    assert page.pagination.limit == 1


METADATA: dict[str, Any] = {"rank": np.int64(3), "share": np.float32(0.5), "part": Fraction(1, 4), "ok": True}
PLAIN = {"rank": 3, "share": 0.5, "part": 0.25, "ok": True}


@pytest.mark.parametrize("processes", [1, 2])
async def test_numbers_of_any_library_in_the_metadata_of_a_job_are_sent_by_any_number_of_processes(
    sandbox: Sandbox, photo: Path, tmp_path: Path, processes: int
) -> None:
    other = tmp_path / "other.jpg"
    other.write_bytes(photo.read_bytes() + b"\0")  # noqa: ASYNC240
    async with client_of(sandbox) as client:

        async def run(metadata: dict[str, Any]) -> list[Any]:
            items = [IngestItem(photo, "a", custom_metadata=metadata), IngestItem(other, "b")]
            journal = tmp_path / "journal"
            async with client.ingest(
                items, journal=journal, custom_metadata=metadata, processes=processes
            ) as job:
                return [outcome async for outcome in job]

        stored = await run(METADATA)
        images = [await client.images.retrieve(outcome.image_id) for outcome in stored]
        again = await run(PLAIN)

    assert [image.custom_metadata for image in images] == [PLAIN, PLAIN]
    assert [(type(outcome), outcome.changed) for outcome in again] == [(AlreadyStored, None)] * 2


async def test_the_list_of_failed_items_keeps_numbers_of_any_library(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    items = [IngestItem(tmp_path / "missing.jpg", custom_metadata=METADATA)]
    async with (
        client_of(sandbox) as client,
        client.ingest(items, journal=tmp_path / "journal") as job,
    ):
        assert [type(outcome) async for outcome in job] == [Failed]
        await job.write_failures(tmp_path / "failed.jsonl")

    assert json.loads((tmp_path / "failed.jsonl").read_text())["custom_metadata"] == PLAIN


async def test_numbers_of_any_library_in_the_body_of_a_call_to_imgix_are_sent() -> None:
    update, create = f"PATCH /api/v1/sources/{SOURCE}/assets/a.jpg", "POST /api/v1/sources"
    deployment: Any = {"cache_ttl_value": np.int64(3600), "default_params": {"q": np.uint8(60)}}
    shop = Deployment(
        type="webfolder", imgix_subdomains=["shop"], webfolder_base_url="https://x.example/", **deployment
    )

    async with scripted() as script, imgix_client_of(script) as imgix:
        script.on(update, resource("assets", "x"))
        script.on(create, resource("sources", SOURCE))
        await imgix.assets.update(SOURCE, "a.jpg", tags={"cat": np.float32(0.5)})
        await imgix.sources.create(name="Shop", deployment=shop)

    tagged, made = (request.json["data"]["attributes"] for request in script.seen)
    assert tagged["tags"] == {"cat": 0.5}
    assert (made["deployment"]["cache_ttl_value"], made["deployment"]["default_params"]) == (3600, {"q": 60})


def test_numbers_of_any_library_are_sent_to_imgix() -> None:
    assert as_custom_fields({"a": np.int64(3), "b": np.float32(0.5), "c": None, "d": True}, "x") == {
        "a": 3,
        "b": 0.5,
        "c": None,
        "d": True,
    }
    query = filter_query({"face_count": np.int64(3), "custom": {"rank": np.uint8(7)}}, ASSET_FILTERS, "x")
    assert query == {"filter[face_count]": "3", "filter[custom:rank]": "7"}
    for wrong in (np.True_, [1], np.array([1, 2]), b"x"):
        with pytest.raises(InvalidArgumentError, match="custom_fields"):
            as_custom_fields({"a": wrong}, "x")
        with pytest.raises(InvalidArgumentError, match="face_count"):
            filter_query({"face_count": wrong}, ASSET_FILTERS, "x")


class TestTransformations:
    """Numbers in URLs, lenient and strict."""

    NUMBERS: ClassVar[list[Any]] = [
        np.int64(640),
        np.uint16(640),
        np.float32(640),
        np.float64(640),
        Count(640),
    ]

    @pytest.mark.parametrize("strict", [True, False])
    @pytest.mark.parametrize("number", NUMBERS)
    def test_numbers_of_any_library_are_written(self, number: Any, strict: bool) -> None:
        assert "width=640" in cdn_url(BASE, width=number, strict=strict)

    @pytest.mark.parametrize("strict", [True, False])
    def test_booleans_and_fractions_of_numpy_are_written(self, strict: bool) -> None:
        url = cdn_url(BASE, enlarge=np.True_, dpr=np.float32(1.5), strict=strict)  # type: ignore[arg-type]

        assert "enlarge=true" in url
        assert "dpr=1.5" in url

    def test_a_boolean_is_not_a_width(self) -> None:
        for wrong in (True, np.True_):
            with pytest.raises(InvalidTransformationError):
                cdn_url(BASE, width=wrong)  # type: ignore[arg-type]
