"""Requests to endpoints without a method, and complete responses."""

from __future__ import annotations

from typing import Any, assert_type

import pytest

from imgwire_async import (
    AsyncImgwireClient,
    Image,
    InternalServerError,
    InvalidArgumentError,
    NotFoundError,
    Page,
    RateClass,
    RateLimit,
)
from imgwire_async.core.operation import Response
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of

URL = "https://images.example.com/a.png"


class TestRequest:
    async def test_reaches_any_endpoint_and_returns_the_whole_response(
        self, imgwire_sandbox: Sandbox, imgwire_client: AsyncImgwireClient
    ) -> None:
        response = await imgwire_client.request("get", "/api/v1/images/", query={"limit": 5, "page": None})

        assert (response.status, response.data, response.attempts) == (200, [], 1)
        assert response.headers["x-total-count"] == "0"
        assert response.request_id == response.headers.get("x-request-id")
        assert imgwire_sandbox.requests[-1].path == "/api/v1/images/"

    async def test_sends_json_and_raises_the_errors_of_all_calls(
        self, imgwire_client: AsyncImgwireClient
    ) -> None:
        made = await imgwire_client.request(
            "POST", "/api/v1/cors_origins/", json={"pattern": "shop.example.com"}
        )
        assert made.data["pattern"] == "shop.example.com"
        deleted = await imgwire_client.request("DELETE", f"/api/v1/cors_origins/{made.data['id']}")
        assert 200 <= deleted.status < 300
        with pytest.raises(NotFoundError) as caught:
            await imgwire_client.request("GET", f"/api/v1/cors_origins/{made.data['id']}")
        assert caught.value.operation == "request"

    async def test_is_retried_unless_that_is_unsafe(self, imgwire_sandbox: Sandbox) -> None:
        async with client_of(imgwire_sandbox) as imgwire:
            imgwire_sandbox.faults.once("images.list", status=503)
            assert (await imgwire.request("GET", "/api/v1/images/")).attempts == 2
            imgwire_sandbox.faults.once("cors_origins.create", status=503)
            with pytest.raises(InternalServerError, match="503"):
                await imgwire.request("POST", "/api/v1/cors_origins/", json={"pattern": "a.example.com"})

    async def test_keeps_to_the_rate_limits_of_its_class(self, imgwire_sandbox: Sandbox) -> None:
        async with client_of(imgwire_sandbox, rate_limits={RateClass.READ: RateLimit(1000)}) as imgwire:
            for _ in range(3):
                await imgwire.request("GET", "/api/v1/images/")
            assert imgwire.stats().attempts == 3

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("FETCH", "/api/v1/images/"),
            ("GET", "api/v1/images/"),
            ("GET", "//elsewhere.example.com/"),
            ("GET", "https://elsewhere.example.com/"),
            ("GET", "/api/../admin"),
            ("GET", "/api/%2E%2e/admin"),
            ("GET", "/api?page=1"),
            ("GET", "/api#top"),
            ("GET", "/api\r\nX-Header: 1"),
            ("GET", "/\\elsewhere.example.com"),
        ],
    )
    async def test_rejects_paths_that_escape_the_base_url(
        self, imgwire_sandbox: Sandbox, imgwire_client: AsyncImgwireClient, method: str, path: str
    ) -> None:
        with pytest.raises(InvalidArgumentError):
            await imgwire_client.request(method, path)
        assert not imgwire_sandbox.requests

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            ({"query": 3}, "query must map"),
            ({"query": "limit=5"}, "query must map"),
            ({"query": {"\ud800": 1}}, "names in query"),
            ({"query": {1: 2}}, "names in query"),
            ({"json": [1]}, "json must map"),
            ({"json": "{}"}, "json must map"),
            ({"body": b"x", "content_type": 3}, "content_type must be"),
            ({"body": b"x", "content_type": "text/plain\r\nX-Header: 1"}, "content_type must be"),
            ({"body": b"x", "content_type": "text/\ud800"}, "content_type must be"),
        ],
    )
    async def test_rejects_what_cannot_be_sent(
        self,
        imgwire_sandbox: Sandbox,
        imgwire_client: AsyncImgwireClient,
        arguments: dict[str, Any],
        problem: str,
    ) -> None:
        with pytest.raises(InvalidArgumentError, match=problem):
            await imgwire_client.request("POST", "/api/v1/images/", **arguments)
        assert not imgwire_sandbox.requests

    async def test_accepts_one_kind_of_body(self, imgwire_client: AsyncImgwireClient) -> None:
        arguments: dict[str, Any] = {"json": {}, "body": b"x"}
        with pytest.raises(InvalidArgumentError, match="not both"):
            await imgwire_client.request("POST", "/api/v1/images/", **arguments)


class TestWithRawResponse:
    async def test_gives_status_headers_and_request_id_beside_the_record(
        self, imgwire_client: AsyncImgwireClient
    ) -> None:
        made = await imgwire_client.images.with_raw_response.upload_via_url(URL)
        response = await imgwire_client.images.with_raw_response.retrieve(made.data.id)

        assert_type(response, Response[Image])
        assert (response.status, response.data.id, response.attempts) == (200, made.data.id, 1)
        assert response.request_id == response.headers.get("x-request-id")

    async def test_returns_the_page_of_a_list(self, imgwire_client: AsyncImgwireClient) -> None:
        response = await imgwire_client.images.with_raw_response.list(limit=5)
        assert_type(response, Response[Page[Image]])
        assert response.data.pagination.total_count == 0
        assert response.headers["x-limit"] == "5"

    async def test_every_resource_provides_it(self, imgwire_client: AsyncImgwireClient) -> None:
        made = await imgwire_client.cors_origins.with_raw_response.create("shop.example.com")
        assert made.data.pattern == "shop.example.com"
        assert (await imgwire_client.metrics.with_raw_response.get_stats()).status == 200
        with pytest.raises(NotFoundError):
            await imgwire_client.custom_domain.with_raw_response.retrieve()

    async def test_leaves_the_client_unchanged(self, imgwire_client: AsyncImgwireClient) -> None:
        await imgwire_client.images.with_raw_response.list()
        assert isinstance(await imgwire_client.images.list(), Page)
