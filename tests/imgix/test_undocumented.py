"""Undocumented behaviour of imgix: the client supports every interpretation.

In the order of the open questions of the facts: 1 limits and their headers; 2 status codes of rejections;
3 page sizes, ends of lists, links; 4 status codes of sessions and publications, names of their states;
5 how a deployment is updated; 6 how filters match, forms of tags; 7 and 8 unknown fields and values.
9 does not concern responses.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import fields
from typing import Any

import pytest

from imgwire_async.errors import (
    APIStatusError,
    AuthenticationError,
    InvalidArgumentError,
    PermissionDeniedError,
    UploadRejectedError,
)
from imgwire_async.imgix import AsyncImgixClient, Deployment
from imgwire_async.sandbox import ImgixSandbox
from tests.imgix.scripted import SOURCE, UNLIMITED, Reply, Script, asset, resource

READINGS: dict[str, dict[str, Any]] = {
    "1 windows by account with a hint": {
        "limits": "published",
        "limit_algorithm": "window",
        "limit_scope": "account",
        "limit_retry_after": True,
        "rate_limits": {},
    },
    "2 missing permission is 401": {"missing_permission_status": 401},
    "2 existing path is 400": {"existing_path_status": 400},
    "2 existing path is 422": {"existing_path_status": 422},
    "3 pages of two": {"maximum_page": 2},
    "3 numbers instead of text": {"total_records_as_text": False, "total_records_cap": 1},
    "3 lone objects": {"lone_objects": True},
    "4 accepted is 201": {"accepted_status": 201},
    "4 accepted is 202": {"accepted_status": 202, "cancel_answers_empty": True},
    "5 deployments are merged": {"deployment_update": "merge"},
    "6 filters match in part": {"name_filter": "contains", "origin_path_filter": "contains"},
    "6 filters match exactly": {"name_filter": "exact", "origin_path_filter": "exact"},
}


@pytest.mark.parametrize("reading", READINGS)
async def test_the_client_works_with_every_interpretation_of_the_documentation(reading: str) -> None:
    with ImgixSandbox(deployment_delay=0, indexing_delay=0, session_delay=0, **READINGS[reading]) as server:
        source = server.add_source("shop", type="webfolder", webfolder_base_url="https://o.example/")
        for number in range(3):
            server.add_file(source, f"/{number}.txt", b"text", tags={"a": 0.5})
        async with AsyncImgixClient(server.api_key, base_url=server.base_url, rate_limits=UNLIMITED) as imgix:
            found = [one.origin_path async for one in imgix.assets.list(source, limit=1)]
            assert sorted(found, key=str) == ["/0.txt", "/1.txt", "/2.txt"]
            assert [one.id async for one in imgix.sources.list(filters={"name": "shop"})] == [source]
            named = [one async for one in imgix.assets.list(source, filters={"origin_path": "/1.txt"})]
            assert [one.origin_path for one in named] == ["/1.txt"]
            deployment = Deployment(
                type="webfolder", imgix_subdomains=["shop"], webfolder_base_url="https://p.example/"
            )
            changed = await imgix.sources.update(source, deployment=deployment)
            assert changed.deployment.webfolder_base_url == "https://p.example/"
            session = await imgix.upload_sessions.create(bucket := server.add_source("bucket"), "s.bin")
            assert await imgix.upload_sessions.cancel(bucket, session)
            assert (await imgix.assets.upload(bucket, "a.bin", b"a", wait=True)).file_size == 1
            with pytest.raises(APIStatusError):
                await imgix.assets.upload(bucket, "a.bin", b"a")
            assert (await imgix.assets.upload_large(bucket, "b.bin", b"bb", wait=True)).file_size == 2
            assert (await imgix.unpublish("https://shop.imgix.net/1.txt", source=source)).unpublish_id
        narrow = server.create_key("asset_purge")
        async with AsyncImgixClient(narrow, base_url=server.base_url, rate_limits=UNLIMITED) as imgix:
            with pytest.raises((AuthenticationError, PermissionDeniedError), match="permission Sources"):
                await imgix.sources.list()


@pytest.mark.parametrize(
    ("meta", "total"),
    [
        (None, None),
        ({}, None),
        ({"cursor": None}, None),
        ({"cursor": {"hasMore": False}}, None),
        ({"cursor": {"hasMore": False, "next": "20", "totalRecords": "10000"}}, 10_000),
        ({"cursor": {"hasMore": None, "next": None, "current": None, "totalRecords": None}}, None),
        ({"cursor": {"next": "", "totalRecords": "many"}}, None),
        ({"cursor": {"totalRecords": 7, "unknown": {"a": 1}}, "unknown": 1}, 7),
    ],
)
async def test_a_last_page_of_assets_in_every_form(
    script: Script, imgix: AsyncImgixClient, meta: Any, total: int | None
) -> None:
    item = asset("a.jpg", unknown="kept")["data"]
    for document in ({"data": [item], "meta": meta}, {"data": item, "meta": meta, "links": {"next": "/x"}}):
        script.on(f"GET /api/v1/sources/{SOURCE}/assets", document)
        page = await imgix.assets.list(SOURCE)
        assert ([one.origin_path for one in page.data], page.pagination.total_count) == (["/a.jpg"], total)
        assert page.data[0].raw.to_dict() == item
        assert len([one async for one in imgix.assets.list(SOURCE)]) == 1


@pytest.mark.parametrize("tags", [{"dog": 0.9}, ["dog"], None, {}])
async def test_tags_are_read_and_written_in_every_form(
    script: Script, imgix: AsyncImgixClient, tags: Any
) -> None:
    script.on(f"PATCH /api/v1/sources/{SOURCE}/assets/a.jpg", asset("a.jpg", tags=tags))

    changed = await imgix.assets.update(SOURCE, "a.jpg", tags=tags)

    assert script.seen[0].json["data"]["attributes"] == {"tags": tags}
    assert changed.raw.to_dict()["attributes"]["tags"] == tags


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED", "EXPIRED", "cancelled", "UPLOAD_ERROR"])
async def test_a_session_with_any_final_status_is_not_waited_for(
    script: Script, imgix: AsyncImgixClient, status: str
) -> None:
    script.on(
        f"GET /api/v1/sources/{SOURCE}/upload-sessions/status/u", resource("sessions", "u", status=status)
    )

    with pytest.raises(UploadRejectedError, match=status):
        await imgix.upload_sessions.wait(SOURCE, "u")


async def test_values_and_fields_of_later_versions_are_kept(script: Script, imgix: AsyncImgixClient) -> None:
    deployment = {
        "type": "r2",
        "storage_provider": "Cloudflare R2",
        "prefix": "a/",
        "imgix_subdomains": ["a"],
    }
    script.on(
        f"GET /api/v1/sources/{SOURCE}",
        resource("sources", SOURCE, deployment=deployment, deployment_status="paused", plan={"a": [1]}),
    )

    source = await imgix.sources.retrieve(SOURCE)

    assert (source.deployment.type, source.deployment_status) == ("r2", "paused")
    assert source.deployment.to_send().to_dict() == deployment
    assert source.raw.to_dict()["attributes"]["plan"] == {"a": [1]}


@pytest.mark.parametrize("name", ["category", "or:", "custom:", 5, None])
async def test_an_empty_filter_is_rejected(imgix: AsyncImgixClient, name: Any) -> None:
    filters: Any = {name: "x"}
    with pytest.raises(InvalidArgumentError):
        await imgix.assets.list(SOURCE, filters=filters)


DONE: dict[str, tuple[str, Callable[[AsyncImgixClient], Awaitable[Any]], Any]] = {
    "enable": ("PATCH {source}", lambda imgix: imgix.sources.enable(SOURCE), (SOURCE, True)),
    "disable": ("PATCH {source}", lambda imgix: imgix.sources.disable(SOURCE), (SOURCE, False)),
    "update of a source": (
        "PATCH {source}",
        lambda imgix: imgix.sources.update(SOURCE, name="Shop"),
        (SOURCE, "Shop"),
    ),
    "update of an asset": (
        "PATCH {source}/assets/a.jpg",
        lambda imgix: imgix.assets.update(SOURCE, "a.jpg", name="A"),
        (f"{SOURCE}/a.jpg", "/a.jpg", "A"),
    ),
    "add": (
        "POST {source}/assets/add/a.jpg",
        lambda imgix: imgix.assets.add(SOURCE, "a.jpg"),
        (f"{SOURCE}/a.jpg", "/a.jpg"),
    ),
    "upload": (
        "POST {source}/upload/a.jpg",
        lambda imgix: imgix.assets.upload(SOURCE, "a.jpg", b"abc"),
        (f"{SOURCE}/a.jpg", "/a.jpg", 3),
    ),
    "close": (
        "POST {source}/upload-sessions/close/u",
        lambda imgix: imgix.upload_sessions.close(SOURCE, "u"),
        ("u", SOURCE),
    ),
    "purge": (
        "POST /api/v1/purge",
        lambda imgix: imgix.purge("https://shop.imgix.net/a.jpg"),
        (None, False),
    ),
}


@pytest.mark.parametrize("name", DONE)
@pytest.mark.parametrize(
    "reply", [Reply(204, content=b""), Reply(200, content=b""), Reply(202, content=b"null"), Reply(200, {})]
)
async def test_a_success_without_a_body_is_a_success(
    script: Script, imgix: AsyncImgixClient, name: str, reply: Reply
) -> None:
    what, call, known = DONE[name]
    script.on(what.format(source=f"/api/v1/sources/{SOURCE}"), reply)

    found = await call(imgix)

    values = [getattr(found, one.name) for one in fields(found) if one.name != "raw"]
    assert set(known) <= {value for value in values if value is None or isinstance(value, str | bool | int)}
