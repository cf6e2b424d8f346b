"""Lists: page numbers, cursors, filters, sorting, sparse fields, and every known form of a page."""

from __future__ import annotations

from typing import Any

import pytest

from imgwire_async.errors import InternalServerError, InvalidArgumentError, PaginationError
from imgwire_async.imgix import AsyncImgixClient
from tests.imgix.scripted import SOURCE, Script, failure

SOURCES = "GET /api/v1/sources"
ASSETS = f"GET /api/v1/sources/{SOURCE}/assets"
REPORTS = "GET /api/v1/reports"


def item(identity: int) -> dict[str, Any]:
    return {"id": str(identity), "type": "things", "attributes": {}}


def numbered(page: int, *identities: int, more: bool, **pagination: Any) -> dict[str, Any]:
    place = {"currentPage": page, "hasNextPage": more, "pageSize": 2, "totalRecords": 3}
    return {"data": [*map(item, identities)], "meta": {"pagination": place | pagination}}


def by_cursor(*identities: int, top: bool = False, **cursor: Any) -> dict[str, Any]:
    place = {"cursor": cursor}
    return {"data": [*map(item, identities)], "meta": {} if top else place} | (place if top else {})


async def test_sources_are_paged_from_zero(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(SOURCES, numbered(0, 1, 2, more=True, nextPage=1), numbered(1, 3, more=False, nextPage=None))

    assert [source.id async for source in imgix.sources.list(limit=2)] == ["1", "2", "3"]
    assert [request.query for request in script.seen] == [
        {"page[number]": "0", "page[size]": "2"},
        {"page[number]": "1", "page[size]": "2"},
    ]


async def test_a_page_can_be_awaited(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(SOURCES, numbered(4, 1, 2, more=True))

    page = await imgix.sources.list(page=4)

    assert [source.id for source in page.data] == ["1", "2"]
    assert (page.pagination.page, page.pagination.next_page, page.pagination.total_count) == (4, 5, 3)


@pytest.mark.parametrize(
    "page",
    [
        {"data": [item(1)]},
        {"data": item(1), "meta": {}},
        {"data": [item(1)], "meta": {"pagination": None}},
        {"data": [item(1)], "meta": {"pagination": {}}},
        {"data": [item(1)], "meta": {"pagination": {"hasNextPage": False, "nextPage": 1}}},
    ],
)
async def test_a_page_that_names_no_next_one_is_the_last(
    script: Script, imgix: AsyncImgixClient, page: Any
) -> None:
    script.on(SOURCES, page)

    assert [source.id async for source in imgix.sources.list()] == ["1"]


async def test_a_next_page_that_is_not_ahead_ends_the_iteration(
    script: Script, imgix: AsyncImgixClient
) -> None:
    script.on(SOURCES, numbered(0, 1, more=True, nextPage=0))

    with pytest.raises(PaginationError):
        await imgix.sources.list()


async def test_assets_are_paged_by_cursor(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(
        ASSETS,
        by_cursor(1, 2, current="0", next="2", hasMore=True, totalRecords="10000"),
        by_cursor(3, current="2", next=None, hasMore=False, totalRecords=10000),
    )

    assert [asset.id async for asset in imgix.assets.list(SOURCE, limit=2)] == ["1", "2", "3"]
    assert [request.query for request in script.seen] == [
        {"page[limit]": "2"},
        {"page[limit]": "2", "page[cursor]": "2"},
    ]


async def test_a_page_of_assets_has_the_cursor_of_the_next_one(
    script: Script, imgix: AsyncImgixClient
) -> None:
    script.on(ASSETS, by_cursor(1, next="20", hasMore=True, totalRecords="10000"))

    page = await imgix.assets.list(SOURCE, cursor="10")

    assert (page.pagination.cursor, page.pagination.next_cursor) == ("10", "20")
    assert (page.pagination.total_count, page.pagination.page) == (10000, None)
    assert script.seen[0].query == {"page[cursor]": "10"}


async def test_a_cursor_outside_of_meta_is_read(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(ASSETS, by_cursor(1, top=True, next="1", hasMore=True), by_cursor(2, top=True, hasMore=False))

    assert [asset.id async for asset in imgix.assets.list(SOURCE)] == ["1", "2"]


@pytest.mark.parametrize("page", [{"data": item(1)}, by_cursor(1, next="5", hasMore=False), by_cursor(1)])
async def test_a_page_without_more_is_the_last(script: Script, imgix: AsyncImgixClient, page: Any) -> None:
    script.on(ASSETS, page)

    assert [asset.id async for asset in imgix.assets.list(SOURCE)] == ["1"]


async def test_more_without_a_cursor_is_an_error(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(ASSETS, by_cursor(1, next=None, hasMore=True))

    with pytest.raises(PaginationError, match="no cursor for them"):
        await imgix.assets.list(SOURCE)


async def test_a_list_resumes_at_the_cursor_of_its_error(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(ASSETS, by_cursor(1, next="1", hasMore=True), failure(501))
    seen = []

    iterator = aiter(imgix.assets.list(SOURCE))
    seen.append((await anext(iterator)).id)
    with pytest.raises(InternalServerError) as caught:
        await anext(iterator)
    script.on(ASSETS, by_cursor(2, hasMore=False))
    seen += [asset.id async for asset in imgix.assets.list(SOURCE, cursor=caught.value.resume_cursor)]

    assert seen == ["1", "2"]
    assert script.seen[-1].query == {"page[cursor]": "1"}


async def test_assets_are_filtered_and_sorted(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(ASSETS, by_cursor())

    await imgix.assets.list(
        SOURCE,
        filters={
            "categories": ["shoes", "red"],
            "face_count": "1:3",
            "has_frames": False,
            "custom": {"season": "spring", "alt": None},
            "or:keywords": "boot",
        },
        sort=["-date_created", "file_size"],
        fields=["name", "custom_fields"],
    )

    assert script.seen[0].query == {
        "filter[categories]": "shoes,red",
        "filter[face_count]": "1:3",
        "filter[has_frames]": "false",
        "filter[custom:season]": "spring",
        "filter[custom:alt]": "",
        "filter[or:keywords]": "boot",
        "sort": "-date_created,file_size",
        "fields[assets]": "name,custom_fields",
    }


async def test_sources_are_filtered_and_sorted(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(SOURCES, numbered(0, more=False))

    await imgix.sources.list(
        filters={
            "deployment.type": "s3",
            "deployment.imgix_subdomains": "shop",
            "enabled": True,
            "name": "x",
        },
        sort="-name",
        fields="name,deployment.custom_domains",
    )

    assert script.seen[0].query == {
        "page[number]": "0",
        "filter[deployment.type]": "s3",
        "filter[deployment.imgix_subdomains]": "shop",
        "filter[enabled]": "true",
        "filter[name]": "x",
        "sort": "-name",
        "fields[sources]": "name,deployment.custom_domains",
    }


async def test_reports_are_filtered_and_sorted(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(REPORTS, numbered(0, 1, more=False))

    page = await imgix.reports.list(
        filters={"completed": True, "report_type": "cdn_logs"}, sort="-period_start"
    )

    assert [report.id for report in page.data] == ["1"]
    assert script.seen[0].query == {
        "page[number]": "0",
        "filter[completed]": "true",
        "filter[report_type]": "cdn_logs",
        "sort": "-period_start",
    }


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ({"filters": {"categorie": "x"}}, "did you mean 'categories'"),
        ({"filters": {"name": "x"}}, "unknown filter"),
        ({"filters": {"categories": []}}, "categories"),
        ({"filters": {"categories": ["a,b"]}}, "commas"),
        ({"filters": {"face_count": None}}, "face_count"),
        ({"filters": {"custom": "season"}}, "custom"),
        ({"filters": ["categories"]}, "map"),
        ({"filters": {"custom": {"\ud800": "x"}}}, "surrogate"),
        ({"filters": {"custom:\ud800": "x"}}, "surrogate"),
        ({"sort": []}, "sort"),
        ({"fields": [3]}, "fields"),
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"cursor": ""}, "cursor"),
        ({"cursor": 3}, "cursor"),
    ],
)
async def test_wrong_arguments_are_rejected_before_a_request(
    script: Script, imgix: AsyncImgixClient, arguments: Any, hint: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=hint) as caught:
        imgix.assets.list(SOURCE, **arguments)

    assert caught.value.operation == "assets.list"
    assert script.asked == []


@pytest.mark.parametrize("page", [-1, 1.5, "0"])
async def test_a_wrong_page_is_rejected(imgix: AsyncImgixClient, page: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="page"):
        imgix.sources.list(page=page)
