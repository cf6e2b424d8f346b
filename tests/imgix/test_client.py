"""The client: configuration, credentials, errors with imgix's messages, limits."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import pytest

from imgwire_async.core.operation import Operation
from imgwire_async.core.pace.limits import RateLimit
from imgwire_async.errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    InternalServerError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
)
from imgwire_async.imgix import AsyncImgixClient, ImgixRateClass, PurgeReceipt
from imgwire_async.imgix.lowlevel import operations
from imgwire_async.imgix.service import IMGIX
from tests.imgix.scripted import LOST, SOURCE, Reply, Script, asset, client_of, failure, resource

PURGE = "POST /api/v1/purge"
PUBLISH = f"POST /api/v1/sources/{SOURCE}/publish"
UNPUBLISH = f"POST /api/v1/sources/{SOURCE}/unpublish"
SOURCES = "GET /api/v1/sources"
ASSET = f"GET /api/v1/sources/{SOURCE}/assets/a.jpg"
URL = "https://shop.imgix.net/heroes/a.jpg"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IMGIX_API_KEY", "IMGIX_API_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def test_importing_the_sdk_does_not_load_imgix() -> None:
    code = "import sys, imgwire_async; sys.exit('imgwire_async.imgix' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_key_and_base_url_come_from_the_environment_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGIX_API_KEY", "ak_secret")
    monkeypatch.setenv("IMGIX_API_BASE_URL", "https://imgix.example.com")

    assert repr(AsyncImgixClient()) == "AsyncImgixClient(base_url='https://imgix.example.com')"
    assert repr(AsyncImgixClient("ak_other")) == "AsyncImgixClient(base_url='https://api.imgix.com')"
    with pytest.raises(ConfigurationError, match="IMGIX_API_BASE_URL"):
        AsyncImgixClient(base_url="https://other.example.com")


def test_a_client_needs_a_key() -> None:
    with pytest.raises(ConfigurationError, match="IMGIX_API_KEY"):
        AsyncImgixClient()


@pytest.mark.parametrize(
    "arguments",
    [
        {"timeout": -1},
        {"max_retries": -1},
        {"deadline": 0},
        {"rate_limits": {"uploads": RateLimit(1)}},
        {"base_url": "ftp://x"},
        {"base_url": "http://imgix.example.com"},
        {"on_call": "hook"},
    ],
)
def test_wrong_options_are_rejected(arguments: Any) -> None:
    with pytest.raises(ConfigurationError):
        AsyncImgixClient("ak_test", **arguments)


def test_clients_cannot_be_pickled() -> None:
    with pytest.raises(TypeError, match="AsyncImgixClient"):
        pickle.dumps(AsyncImgixClient("ak_test"))


def test_every_rate_class_of_the_contract_has_a_published_limit() -> None:
    used = {
        operation.rate_class for operation in vars(operations).values() if isinstance(operation, Operation)
    }

    assert used == {name for name, limit in IMGIX.rate_classes.items() if limit is not None}
    assert set(IMGIX.rate_classes) == set(ImgixRateClass)


async def test_options_can_be_changed_for_some_calls(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(SOURCES, failure(500))

    with pytest.raises(InternalServerError) as caught:
        await imgix.with_options(max_retries=1).sources.list()

    assert caught.value.attempts == 2
    assert imgix.stats().attempts == 2


async def test_errors_contain_the_words_of_imgix(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(ASSET, failure(404, "NotFound", "Resource not found."))

    with pytest.raises(NotFoundError) as caught:
        await imgix.assets.retrieve(SOURCE, "a.jpg")

    error = caught.value
    assert (error.status, error.error_type, error.detail) == (404, "NotFound", "Resource not found.")
    assert error.request_id == "req-1"
    assert error.operation == "assets.retrieve"
    assert "imgix responded with 404 NotFound; Resource not found." in str(error)
    assert pickle.loads(pickle.dumps(error)).detail == error.detail


@pytest.mark.parametrize(
    ("status", "error_class", "advice"),
    [
        (400, BadRequestError, "It failed."),
        (401, AuthenticationError, "IMGIX_API_KEY.*has the permission Asset Browse"),
        (403, PermissionDeniedError, "Asset Browse"),
        (405, APIStatusError, "405"),
        (429, RateLimitError, "429"),
        (500, InternalServerError, "500"),
    ],
)
async def test_errors_have_their_class_and_advice(
    script: Script, status: int, error_class: type[APIStatusError], advice: str
) -> None:
    script.on(ASSET, failure(status))

    async with client_of(script, max_retries=0) as imgix:
        with pytest.raises(error_class, match=advice) as caught:
            await imgix.assets.retrieve(SOURCE, "a.jpg")

    assert caught.value.errors[0].message == "It failed."


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'{"errors": 3}', b'{"errors": [7]}', b"\xff"])
async def test_responses_that_are_not_json_api_are_handled(
    script: Script, imgix: AsyncImgixClient, content: bytes
) -> None:
    script.on(ASSET, Reply(404, content=content))

    with pytest.raises(NotFoundError, match="does not look like the imgix API") as caught:
        await imgix.assets.retrieve(SOURCE, "a.jpg")

    assert caught.value.detail is None


@pytest.mark.parametrize(
    ("call", "permission"),
    [
        (lambda imgix: imgix.sources.retrieve(SOURCE), "Sources"),
        (lambda imgix: imgix.assets.list(SOURCE), "Asset Browse"),
        (lambda imgix: imgix.assets.add(SOURCE, "a.jpg"), "Asset Edit"),
        (lambda imgix: imgix.assets.refresh(SOURCE, "a.jpg"), "Asset Edit and Asset Purge"),
        (lambda imgix: imgix.assets.upload(SOURCE, "a.jpg", b"x"), "Asset Edit, and Asset Purge"),
        (lambda imgix: imgix.upload_sessions.create(SOURCE, "a.jpg"), "Asset Edit"),
        (lambda imgix: imgix.purge(URL), "Asset Purge"),
        (lambda imgix: imgix.publish(URL, source=SOURCE), "Asset Purge"),
        (lambda imgix: imgix.unpublish(URL, source=SOURCE), "Asset Purge"),
        (lambda imgix: imgix.reports.list(), "Analytics"),
    ],
)
async def test_a_missing_permission_is_named(
    script: Script, imgix: AsyncImgixClient, call: Any, permission: str
) -> None:
    class Always(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:  # noqa: ARG002
            return [failure(403)]

    script.replies = Always()

    with pytest.raises(PermissionDeniedError, match=permission):
        await call(imgix)


async def test_a_purge_returns_a_receipt(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(PURGE, resource("purges", "p-1", purge_id="p-1"))

    receipt = await imgix.purge("https://shop.imgix.net/ä b.jpg")

    assert (receipt.purge_id, receipt.duplicate) == ("p-1", False)
    assert script.seen[0].headers["content-type"] == "application/vnd.api+json"
    assert script.seen[0].json == {
        "data": {"type": "purges", "attributes": {"url": "https://shop.imgix.net/%C3%A4%20b.jpg"}}
    }


@pytest.mark.parametrize("replies", [[failure(409)], [LOST, failure(409)]])
async def test_a_duplicate_purge_counts_as_done(
    script: Script, imgix: AsyncImgixClient, replies: Any
) -> None:
    script.on(PURGE, *replies)

    receipt = await imgix.purge(URL)

    assert (receipt.purge_id, receipt.duplicate) == (None, True)
    assert len(script.seen) == len(replies)


async def test_a_sub_image_is_purged_with_its_parents(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(PURGE, resource("purges", "p-1", purge_id="p-1"))

    with pytest.raises(InvalidArgumentError, match="source="):
        await imgix.purge(URL, sub_image=True)
    await imgix.purge(URL, sub_image=True, source=SOURCE)

    assert script.seen[0].json["data"]["attributes"] == {"url": URL, "sub_image": True, "source_id": SOURCE}


@pytest.mark.parametrize(
    "url", ["", "/heroes/a.jpg", "shop.imgix.net/a.jpg", "ftp://x/a", 3, "https://u:p@x/a"]
)
async def test_only_full_urls_are_purged(script: Script, imgix: AsyncImgixClient, url: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="full URL"):
        await imgix.purge(url)
    assert script.asked == []


async def test_assets_are_published_and_unpublished(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(PUBLISH, resource("publishes", "1", publish_id="pub-1"))
    script.on(UNPUBLISH, resource("unpublishes", "2", unpublish_id="un-1"))

    assert (await imgix.publish(URL, source=SOURCE)).publish_id == "pub-1"
    assert (await imgix.unpublish(URL, source=SOURCE)).unpublish_id == "un-1"

    for request, kind in zip(script.seen, ("publishes", "unpublishes"), strict=True):
        assert request.json == {"data": {"type": kind, "attributes": {"url": URL, "source_id": SOURCE}}}


async def test_events_have_the_name_of_the_call(script: Script) -> None:
    script.on(PURGE, failure(409))
    names: list[str] = []

    async with client_of(script, on_request=lambda event: names.append(event.operation)) as imgix:
        await imgix.purge(URL)

    assert names == ["purge"]


async def test_adding_an_indexed_path_returns_its_asset(script: Script, imgix: AsyncImgixClient) -> None:
    add = f"POST /api/v1/sources/{SOURCE}/assets/add/a.jpg"
    there = resource("assets", f"{SOURCE}/a.jpg", origin_path="/a.jpg", media_width=4)
    script.on(add, Reply(202, there))
    script.on(ASSET, there)
    assert (await imgix.assets.add(SOURCE, "/a.jpg")).media_width == 4

    script.on(add, failure(409))
    assert (await imgix.assets.add(SOURCE, "a.jpg")).media_width == 4
    assert script.asked == [add, add, ASSET]


async def test_metadata_is_changed(script: Script, imgix: AsyncImgixClient) -> None:
    update = f"PATCH /api/v1/sources/{SOURCE}/assets/pecanpie.jpg"
    script.on(update, resource("assets", "x"))

    await imgix.assets.update(SOURCE, "/pecanpie.jpg", custom_fields={"type": "dessert"}, name=None)

    assert script.seen[0].json == {
        "data": {
            "id": f"{SOURCE}/pecanpie.jpg",
            "type": "assets",
            "attributes": {"custom_fields": {"type": "dessert"}, "name": None},
        }
    }
    mistakes: list[dict[str, Any]] = [
        {},
        {"categories": "shoes"},
        {"custom_fields": ["a"]},
        {"custom_fields": {"a": {}}},
    ]
    for wrong in mistakes:
        with pytest.raises(InvalidArgumentError):
            await imgix.assets.update(SOURCE, "pecanpie.jpg", **wrong)


async def test_a_conflict_counts_as_done_only_for_a_purge(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(PUBLISH, failure(409))

    with pytest.raises(ConflictError):
        await imgix.publish(URL, source=SOURCE)


async def test_any_endpoint_can_be_reached(script: Script, imgix: AsyncImgixClient) -> None:
    script.on("POST /api/v1/sources/x%20y/tags", Reply(201, {"data": {"id": "t"}}))

    response = await imgix.request("POST", "/api/v1/sources/x%20y/tags", query={"a[b]": 1}, json={"data": {}})

    assert (response.status, response.data) == (201, {"data": {"id": "t"}})
    assert script.seen[0].query == {"a[b]": "1"}
    assert script.seen[0].headers["content-type"] == "application/vnd.api+json"


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("/a/b.jpg", "a/b.jpg"),
        ("a/b.jpg", "a/b.jpg"),
        ("a%20b.jpg", "a%2520b.jpg"),
        ("a b+c&d=e?f#g;h.jpg", "a%20b%2Bc%26d%3De%3Ff%23g%3Bh.jpg"),
        ("ä/日.jpg", "%C3%A4/%E6%97%A5.jpg"),
        ("...", "..."),
    ],
)
async def test_a_path_is_sent_encoded_without_its_leading_slash(
    imgix: AsyncImgixClient, script: Script, given: str, sent: str
) -> None:
    script.on(f"GET /api/v1/sources/{SOURCE}/assets/{sent}", asset("x"))

    await imgix.assets.retrieve(SOURCE, given)

    assert script.asked == [f"GET /api/v1/sources/{SOURCE}/assets/{sent}"]


@pytest.mark.parametrize(
    "path", ["", "/", "//a", "a//b", "a/", ".", "a/../b", "./a", "\ud800.jpg", b"a", None]
)
async def test_an_invalid_path_is_rejected_before_anything_is_sent(
    imgix: AsyncImgixClient, script: Script, path: Any
) -> None:
    for call in (imgix.assets.retrieve, imgix.assets.add, imgix.assets.refresh, imgix.upload_sessions.create):
        with pytest.raises(InvalidArgumentError, match="origin_path"):
            await call(SOURCE, path)
    with pytest.raises(InvalidArgumentError, match="origin_path"):
        await imgix.assets.upload(SOURCE, path, b"x")
    assert script.asked == []


@pytest.mark.parametrize("content", [b"", b"{}", b'{"data": null}', b'{"meta": {}}'])
async def test_a_success_counts_even_if_its_body_is_incomplete(
    imgix: AsyncImgixClient, script: Script, content: bytes
) -> None:
    source, reply = f"/api/v1/sources/{SOURCE}", Reply(200 if content else 204, content=content)
    url = "https://shop.imgix.net/a.jpg"
    for path in ("upload", "assets/add", "assets/refresh"):
        script.on(f"POST {source}/{path}/a.jpg", reply)
    for path in ("publish", "unpublish", "upload-sessions/close/s-1"):
        script.on(f"POST {source}/{path}", reply)
    script.on(f"DELETE {source}/upload-sessions/cancel/s-1", reply)
    script.on("POST /api/v1/purge", reply)

    uploaded = await imgix.assets.upload(SOURCE, "/a.jpg", b"text", content_type="image/jpeg")
    assert (uploaded.id, uploaded.file_size, uploaded.content_type) == (f"{SOURCE}/a.jpg", 4, "image/jpeg")
    assert (await imgix.assets.add(SOURCE, "a.jpg")).origin_path == "/a.jpg"
    assert (await imgix.assets.refresh(SOURCE, "a.jpg")).source_id == SOURCE
    assert await imgix.purge(url) == PurgeReceipt(purge_id=None)
    assert (await imgix.publish(url, source=SOURCE)).publish_id is None
    assert (await imgix.unpublish(url, source=SOURCE)).unpublish_id is None
    assert (await imgix.upload_sessions.close(SOURCE, "s-1")).id == "s-1"
    assert await imgix.upload_sessions.cancel(SOURCE, "s-1")
