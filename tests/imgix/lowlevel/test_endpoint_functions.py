"""Requests that the generated functions of the Management API pass to the core."""

from __future__ import annotations

import pytest

from imgwire_async.core.operation import Replay, Request, Response
from imgwire_async.imgix.lowlevel import models
from imgwire_async.imgix.lowlevel.api import assets, purges, reports, sources, upload_sessions
from imgwire_async.imgix.lowlevel.operations import OPERATIONS
from tests.lowlevel.support import RecordingCaller

DOCUMENT = {"data": {"id": "a1", "type": "assets"}}
PAGE = {"data": [{"id": "a1"}]}
SOURCE = "sources/{source_id}"
SESSIONS = f"{SOURCE}/upload-sessions"

# Method and path after /api/v1/, rate class, and whether a repeat is safe.
TABLE = {
    "sources.list": ("GET sources", "default", "safe"),
    "sources.create": ("POST sources", "create_source", "unsafe"),
    "sources.retrieve": (f"GET {SOURCE}", "default", "safe"),
    "sources.update": (f"PATCH {SOURCE}", "update_source", "safe"),
    "assets.list": (f"GET {SOURCE}/assets", "default", "safe"),
    "assets.retrieve": (f"GET {SOURCE}/assets/{{origin_path}}", "get_asset", "safe"),
    "assets.update": (f"PATCH {SOURCE}/assets/{{origin_path}}", "default", "safe"),
    "assets.add": (f"POST {SOURCE}/assets/add/{{origin_path}}", "default", "safe"),
    "assets.refresh": (f"POST {SOURCE}/assets/refresh/{{origin_path}}", "refresh_asset", "safe"),
    "assets.upload": (f"POST {SOURCE}/upload/{{origin_path}}", "upload", "look_first"),
    "upload_sessions.create": (f"POST {SESSIONS}/create/{{origin_path}}", "default", "safe"),
    "upload_sessions.status": (f"GET {SESSIONS}/status/{{session_id}}", "default", "safe"),
    "upload_sessions.close": (f"POST {SESSIONS}/close/{{session_id}}", "default", "safe"),
    "upload_sessions.cancel": (f"DELETE {SESSIONS}/cancel/{{session_id}}", "default", "safe"),
    "publishes.create": (f"POST {SOURCE}/publish", "default", "safe"),
    "unpublishes.create": (f"POST {SOURCE}/unpublish", "default", "safe"),
    "purges.create": ("POST purge", "purge", "safe"),
    "reports.list": ("GET reports", "default", "safe"),
    "reports.retrieve": ("GET reports/{report_id}", "default", "safe"),
}


def only_request(caller: RecordingCaller) -> Request:
    (request,) = caller.requests
    return request


class TestOperations:
    def test_are_all_the_publicly_known_ones(self) -> None:
        found = {
            name: (f"{one.method} {one.path.removeprefix('/api/v1/')}", one.rate_class, str(one.replay))
            for name, one in OPERATIONS.items()
        }
        assert found == TABLE

    def test_use_json_api_with_an_api_key(self) -> None:
        assert {one.media_type for one in OPERATIONS.values()} == {"application/vnd.api+json"}
        assert {one.auth for one in OPERATIONS.values()} == {"api_key"}

    def test_keep_the_slashes_of_origin_paths_only(self) -> None:
        for operation in OPERATIONS.values():
            expected = {"origin_path"} if "{origin_path}" in operation.path else set()
            assert operation.slashes == expected, operation.name


class TestLists:
    async def test_of_assets_send_the_bracketed_names(self) -> None:
        caller = RecordingCaller(PAGE)

        response = await assets.assets_list(
            caller,
            "src",
            page_cursor="20",
            page_limit=100,
            sort="-date_created",
            fields_assets="origin_path,file_size",
            filter_has_frames=False,
            filter_media_kind=models.MediaKind.IMAGE,
            filter_or_categories="shoes",
            further_query={"filter[custom:season]": "winter", "filter[custom:alt]": ""},
        )

        assert [item.id for item in response.data.data] == ["a1"]
        assert only_request(caller).path == "/api/v1/sources/src/assets"
        assert only_request(caller).query == {
            "page[cursor]": "20",
            "page[limit]": 100,
            "sort": "-date_created",
            "fields[assets]": "origin_path,file_size",
            "filter[has_frames]": "false",
            "filter[media_kind]": "IMAGE",
            "filter[or:categories]": "shoes",
            "filter[custom:season]": "winter",
            "filter[custom:alt]": "",
        }

    async def test_of_sources_filter_by_fields_of_the_deployment(self) -> None:
        caller = RecordingCaller(PAGE)

        await sources.sources_list(
            caller,
            page_number=0,
            page_size=1,
            fields_sources="name",
            filter_deployment_type=models.SourceType.S3,
            filter_enabled=True,
        )

        assert only_request(caller).query == {
            "page[number]": 0,
            "page[size]": 1,
            "fields[sources]": "name",
            "filter[deployment.type]": "s3",
            "filter[enabled]": "true",
        }

    async def test_send_only_what_is_passed(self) -> None:
        caller = RecordingCaller(PAGE)

        await reports.reports_list(caller)

        assert only_request(caller).query == {}


class TestOriginPaths:
    @pytest.mark.parametrize(
        ("path", "sent"),
        [
            ("heroes/hero.jpg", "heroes/hero.jpg"),
            ("/heroes/hero.jpg", "heroes/hero.jpg"),
            ("a b/ü#?.jpg", "a%20b/%C3%BC%23%3F.jpg"),
            ("50%25/x.jpg", "50%2525/x.jpg"),
        ],
    )
    async def test_are_encoded_segment_by_segment(self, path: str, sent: str) -> None:
        caller = RecordingCaller(DOCUMENT)

        await assets.assets_retrieve(caller, "src", path)

        assert only_request(caller).path == f"/api/v1/sources/src/assets/{sent}"

    @pytest.mark.parametrize("path", ["", "/", "a//b.jpg", "../b.jpg", "a/./b.jpg", "a/"])
    async def test_cannot_leave_the_source(self, path: str) -> None:
        caller = RecordingCaller(DOCUMENT)

        await assets.assets_retrieve(caller, "src", path)

        with pytest.raises(ValueError, match="origin_path"):
            _ = only_request(caller).path

    async def test_are_the_only_parameters_with_slashes(self) -> None:
        caller = RecordingCaller(DOCUMENT)

        await assets.assets_retrieve(caller, "src/../x", "a.jpg")

        assert only_request(caller).path == "/api/v1/sources/src%2F..%2Fx/assets/a.jpg"


class TestBodies:
    async def test_of_an_upload_are_the_bytes(self) -> None:
        caller = RecordingCaller(DOCUMENT)

        await assets.assets_upload(caller, "src", "a.jpg", content=b"bytes", overwrite=True)

        request = only_request(caller)
        assert request.content == b"bytes"
        assert request.content_type == "application/octet-stream"
        assert request.json is None
        assert request.query == {"overwrite": "true"}
        assert request.operation.replay is Replay.LOOK_FIRST

    async def test_of_an_upload_may_name_their_type(self) -> None:
        caller = RecordingCaller(DOCUMENT)

        await assets.assets_upload(caller, "src", "a.jpg", content=b"bytes", content_type="image/jpeg")

        assert only_request(caller).content_type == "image/jpeg"

    async def test_of_a_purge_are_a_json_api_document(self) -> None:
        caller = RecordingCaller({"data": {"id": "p1", "attributes": {"purge_id": "p1"}}})
        url = "https://shop.imgix.net/a.jpg"

        body = models.Purge(data=models.PurgeData(attributes=models.PurgeAttributes(url=url)))
        response = await purges.purges_create(caller, body=body)

        assert only_request(caller).json == {"data": {"type": "purges", "attributes": {"url": url}}}
        assert response.data.data.id == "p1"


@pytest.mark.parametrize("content", [{}, {"data": {"id": "s1"}}, [], "ok"])
async def test_cancelling_a_session_reads_nothing_of_the_response(content: object) -> None:
    caller = RecordingCaller(content)

    response: Response[None] = await upload_sessions.upload_sessions_cancel(caller, "src", "s1")

    assert response.status == 200
    assert only_request(caller).path == "/api/v1/sources/src/upload-sessions/cancel/s1"
