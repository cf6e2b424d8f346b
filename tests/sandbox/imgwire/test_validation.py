"""Requests that violate the schema are rejected with errors in FastAPI's format."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.imgwire.support import Api

CREATE = "/api/v1/images/standard_upload"


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({}, "file_name"),
        ({"file_name": ""}, "file_name"),
        ({"file_name": None}, "file_name"),
        ({"file_name": 7}, "file_name"),
        ({"file_name": "a.jpg", "mime_type": "image/svg+xml"}, "mime_type"),
        ({"file_name": "a.jpg", "content_length": "12"}, "content_length"),
        ({"file_name": "a.jpg", "content_length": 12.0}, "content_length"),
        ({"file_name": "a.jpg", "content_length": True}, "content_length"),
        ({"file_name": "a.jpg", "content_length": -1}, "content_length"),
        ({"file_name": "a.jpg", "hash_sha256": ""}, "hash_sha256"),
        ({"file_name": "a.jpg", "idempotency_key": "k" * 256}, "idempotency_key"),
        ({"file_name": "a.jpg", "purpose": ""}, "purpose"),
        ({"file_name": "a.jpg", "custom_metadata": None}, "custom_metadata"),
        ({"file_name": "a.jpg", "custom_metadata": {"a": None}}, "custom_metadata"),
        ({"file_name": "a.jpg", "custom_metadata": {"a": [1]}}, "custom_metadata"),
        ({"file_name": "a.jpg", "custom_metadata": {"a": {}}}, "custom_metadata"),
    ],
)
def test_create_rejects_a_body_outside_the_schema(api: Api, body: dict[str, Any], location: str) -> None:
    response = api.http.post(CREATE, json=body)

    assert response.status_code == 422
    error = response.json()["detail"][0]
    assert error["loc"][:2] == ["body", location]
    assert {"loc", "msg", "type"} <= set(error)


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"",
        b"[]",
        b'"text"',
        b'{"file_name": "\\ud800"}',
        b'{"file_name": "a.jpg", "custom_metadata": {"n": NaN}}',
        rb'{"file_name": "a.jpg", "custom_metadata": {"a": "\ud800"}}',
    ],
)
def test_a_body_that_is_not_a_json_object_is_422(api: Api, content: bytes) -> None:
    response = api.http.post(CREATE, content=content, headers={"Content-Type": "application/json"})

    assert response.status_code == 422
    assert isinstance(response.json()["detail"], list)


def test_explicit_nulls_are_accepted_where_the_schema_has_them(api: Api) -> None:
    image = api.create(
        mime_type=None, hash_sha256=None, idempotency_key=None, purpose=None, content_length=None
    )

    assert image["image"]["mime_type"] == "image/jpeg"


@pytest.mark.parametrize("file_name", ["notes.txt", "jpg", "image"])
def test_a_type_that_cannot_be_derived_from_the_name_is_422(api: Api, file_name: str) -> None:
    response = api.http.post(CREATE, json={"file_name": file_name})

    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", "mime_type"]


@pytest.mark.parametrize("query", ["page=0", "limit=0", "limit=101", "page=x", "limit=1.5"])
@pytest.mark.parametrize("path", ["/api/v1/images/", "/api/v1/cors_origins/"])
def test_pages_out_of_range_are_422(api: Api, path: str, query: str) -> None:
    response = api.http.get(f"{path}?{query}")

    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"][0] == "query"


@pytest.mark.parametrize("path", ["/api/v1/images/bulk_delete", "/api/v1/images/downloads"])
@pytest.mark.parametrize("ids", [[], ["x"], [1], None, "all"])
def test_lists_of_ids_must_contain_uuids(api: Api, path: str, ids: object) -> None:
    assert api.http.post(path, json={"image_ids": ids}).status_code == 422


@pytest.mark.parametrize(
    "url", ["", "ftp://example.com/a.png", "example.com/a.png", "http://", "http://a b/c", "http://a:x/"]
)
def test_sources_must_be_web_urls(api: Api, url: str) -> None:
    assert api.http.post("/api/v1/images/upload_via_url", json={"url": url}).status_code == 422


def test_a_body_of_more_than_8_mib_is_413(api: Api) -> None:
    response = api.http.post(CREATE, content=bytes(8 * 1024 * 1024 + 1))

    assert response.status_code == 413


def test_an_id_in_the_path_must_be_a_uuid(api: Api) -> None:
    assert api.http.get("/api/v1/images/img_123").status_code == 422


@pytest.mark.parametrize(
    "path", ["/api/v1/images", "/api/v1/images/standard_upload/", "/api/v1/custom_domain"]
)
def test_a_missing_or_extra_slash_redirects(api: Api, path: str) -> None:
    method = "POST" if "standard" in path else "GET"

    assert api.http.request(method, path).status_code == 307


def test_unknown_paths_and_methods_are_distinguished(api: Api) -> None:
    assert api.http.get("/api/v2/images/").status_code == 404
    assert api.http.put("/api/v1/images/standard_upload").status_code == 405
