"""Complete responses of imgix in addition to records, and requests to endpoints without a method."""

from __future__ import annotations

from typing import assert_type

import pytest

from imgwire_async import Page, Response
from imgwire_async.errors import InternalServerError, InvalidArgumentError, NotFoundError
from imgwire_async.imgix import Asset, AsyncImgixClient, PurgeReceipt, Source
from tests.imgix.scripted import LOST, SOURCE, Script, asset, failure, resource

SOURCES = "/api/v1/sources"
ASSETS = f"{SOURCES}/{SOURCE}/assets"
SESSIONS = f"{SOURCES}/{SOURCE}/upload-sessions"
URL = "https://shop.imgix.net/a.jpg"


class TestWithRawResponse:
    async def test_returns_status_headers_and_attempts_with_the_record(
        self, imgix: AsyncImgixClient, script: Script
    ) -> None:
        script.on(f"GET {ASSETS}/a.jpg", LOST, asset("a.jpg"))

        response = await imgix.assets.with_raw_response.retrieve(SOURCE, "a.jpg")

        assert_type(response, Response[Asset])
        assert (response.status, response.attempts, response.data.origin_path) == (200, 2, "/a.jpg")
        assert response.headers["content-type"] == "application/vnd.api+json"

    async def test_returns_the_page_of_a_list(self, imgix: AsyncImgixClient, script: Script) -> None:
        script.on(f"GET {SOURCES}", {"data": [], "meta": {}})

        response = await imgix.sources.with_raw_response.list(limit=5)

        assert_type(response, Response[Page[Source]])
        assert response.data.data == []
        assert script.seen[0].query["page[size]"] == "5"

    async def test_every_resource_and_the_client_provide_it(
        self, imgix: AsyncImgixClient, script: Script
    ) -> None:
        script.on("GET /api/v1/reports/r", resource("reports", "r", completed=True))
        script.on(f"GET {SESSIONS}/status/s", resource("upload_sessions", "s", status="PENDING"))
        script.on("POST /api/v1/purge", resource("purges", "p", purge_id="p"))

        assert (await imgix.reports.with_raw_response.retrieve("r")).data.completed
        assert (await imgix.upload_sessions.with_raw_response.status(SOURCE, "s")).data.status == "PENDING"
        purged = await imgix.with_raw_response.purge(URL)
        assert_type(purged, Response[PurgeReceipt])
        assert (purged.status, purged.data.purge_id) == (200, "p")

    async def test_shows_the_error_status_that_counts_as_done(
        self, imgix: AsyncImgixClient, script: Script
    ) -> None:
        script.on("POST /api/v1/purge", failure(409, "Conflict"))

        purged = await imgix.with_raw_response.purge(URL)
        cancelled = await imgix.upload_sessions.with_raw_response.cancel(SOURCE, "gone")

        assert (purged.status, purged.request_id, purged.data.duplicate) == (409, "req-1", True)
        assert (cancelled.status, cancelled.data) == (404, False)

    async def test_raises_what_the_method_raises(self, imgix: AsyncImgixClient) -> None:
        with pytest.raises(NotFoundError):
            await imgix.sources.with_raw_response.retrieve(SOURCE)


class TestRequest:
    async def test_reaches_any_endpoint(self, imgix: AsyncImgixClient, script: Script) -> None:
        script.on("GET /api/v2/things", LOST, {"data": [1]})

        response = await imgix.request("GET", "/api/v2/things", query={"page[size]": 2, "none": None})

        assert (response.data, response.status, response.attempts) == ({"data": [1]}, 200, 2)
        seen = script.seen[-1]
        assert seen.query == {"page[size]": "2"}
        assert seen.headers["authorization"] == "Bearer ak_test"

    async def test_sends_json_api_documents_or_bytes(self, imgix: AsyncImgixClient, script: Script) -> None:
        script.on("POST /api/v1/purge", resource("purges", "p"))
        script.on(f"POST {SOURCES}/{SOURCE}/upload/a.jpg", asset("a.jpg"))

        await imgix.request("POST", "/api/v1/purge", json={"data": {"type": "purges"}})
        await imgix.request(
            "POST", f"{SOURCES}/{SOURCE}/upload/a.jpg", body=b"\xff\xd8", content_type="image/jpeg"
        )

        document, upload = script.seen
        assert (document.headers["content-type"], document.json) == (
            "application/vnd.api+json",
            {"data": {"type": "purges"}},
        )
        assert (upload.headers["content-type"], upload.body) == ("image/jpeg", b"\xff\xd8")

    async def test_does_not_retry_a_post_that_may_have_been_carried_out(
        self, imgix: AsyncImgixClient, script: Script
    ) -> None:
        script.on("POST /api/v1/purge", failure(500), resource("purges", "p"))

        with pytest.raises(InternalServerError):
            await imgix.request("POST", "/api/v1/purge", json={})
        assert len(script.seen) == 1

    @pytest.mark.parametrize("path", ["api/v1/sources", "//evil.example.com", "/api/../x", "/a?b=c"])
    async def test_rejects_a_path_that_escapes_the_base_url(
        self, imgix: AsyncImgixClient, script: Script, path: str
    ) -> None:
        with pytest.raises(InvalidArgumentError):
            await imgix.request("GET", path)
        assert script.seen == []
