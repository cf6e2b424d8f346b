"""CORS origins, and the requests that browsers may make."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

from imgwire_async.sandbox.imgwire.cors import matches
from tests.sandbox.imgwire.support import PUBLIC, Api, photograph

ORIGINS = "/api/v1/cors_origins/"
CREATE = "/api/v1/images/standard_upload"
SITE = "https://app.example.com"


def add(api: Api, pattern: str) -> dict[str, Any]:
    response = api.http.post(ORIGINS, json={"pattern": pattern})
    assert response.status_code == 200, response.text
    origin: dict[str, Any] = response.json()
    return origin


def preflight(url: str, origin: str, method: str) -> httpx.Response:
    return PUBLIC.request("OPTIONS", url, headers={"Origin": origin, "Access-Control-Request-Method": method})


def test_an_origin_lives_from_create_to_delete(api: Api) -> None:
    created = add(api, "app.example.com")
    path = f"{ORIGINS}{created['id']}"

    assert set(created) == {"id", "environment_id", "pattern", "created_at", "updated_at"}
    assert api.http.get(path).json() == created
    assert api.http.patch(path, json={"pattern": "*.example.com"}).json()["pattern"] == "*.example.com"
    assert api.http.delete(path).json() == {"status": "deleted"}
    assert {api.http.request(method, path).status_code for method in ("GET", "DELETE")} == {404}
    assert api.http.patch(path, json={"pattern": "a.b"}).status_code == 404


@pytest.mark.parametrize(
    "pattern", ["app.example.com", "*.example.com", "localhost:3000", "127.0.0.1:8080", "[::1]:80"]
)
def test_host_patterns_are_accepted(api: Api, pattern: str) -> None:
    assert add(api, pattern)["pattern"] == pattern


@pytest.mark.parametrize(
    "pattern",
    [
        "https://example.com",
        "example.com/",
        "example.com:",
        "example.com:0",
        "example.com:70000",
        "*",
        "a.*.com",
        "-a.com",
        "a b",
        "a..b",
        "[::1",
        "exämple.com",
    ],
)
def test_anything_else_is_422(api: Api, pattern: str) -> None:
    assert api.http.post(ORIGINS, json={"pattern": pattern}).status_code == 422


def test_duplicates_are_409(api: Api) -> None:
    add(api, "a.example.com")
    other = add(api, "b.example.com")

    again = api.http.post(ORIGINS, json={"pattern": "A.example.com"})
    changed = api.http.patch(f"{ORIGINS}{other['id']}", json={"pattern": "a.example.com"})

    assert (again.status_code, changed.status_code) == (409, 409)
    assert again.json()["error_type"] == "ResourceConflictError"


def test_without_origins_any_browser_may_upload(api: Api) -> None:
    data = photograph()
    headers = {"Origin": SITE, "Authorization": f"Bearer {api.sandbox.client_key}"}

    allowed = preflight(api.sandbox.base_url + CREATE, SITE, "POST")
    created = PUBLIC.post(
        api.sandbox.base_url + CREATE,
        json={"file_name": "a.jpg", "content_length": len(data)},
        headers=headers,
    )
    store = preflight(created.json()["upload_url"], SITE, "PUT")
    put = PUBLIC.put(
        created.json()["upload_url"], content=data, headers={"Origin": SITE, "Content-Type": "image/jpeg"}
    )

    assert {answer.status_code for answer in (allowed, created, store, put)} == {200}
    for answer in (allowed, created, store, put):
        assert answer.headers["access-control-allow-origin"] == SITE
        assert answer.headers["vary"] == "Origin"
    assert allowed.headers["access-control-allow-methods"] == "POST"
    assert "authorization" in allowed.headers["access-control-allow-headers"].lower()
    assert store.headers["access-control-allow-methods"] == "PUT"


def test_an_unknown_origin_gets_a_response_without_the_headers(api: Api) -> None:
    add(api, "other.example.com")
    headers = {"Origin": SITE, "Authorization": f"Bearer {api.sandbox.client_key}"}

    allowed = preflight(api.sandbox.base_url + CREATE, SITE, "POST")
    created = PUBLIC.post(api.sandbox.base_url + CREATE, json={"file_name": "a.jpg"}, headers=headers)

    assert created.status_code == 200
    for answer in (allowed, created):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_rejections_have_the_headers_so_that_a_browser_can_read_them(api: Api) -> None:
    answer = PUBLIC.post(api.sandbox.base_url + CREATE, json={}, headers={"Origin": SITE})

    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == SITE


def test_other_operations_have_no_cors(api: Api) -> None:
    answer = api.http.get(f"/api/v1/images/{uuid.uuid4()}", headers={"Origin": SITE})

    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("pattern", "origin", "expected"),
    [
        ("app.example.com", "https://app.example.com", True),
        ("APP.example.com", "https://app.Example.com", True),
        ("app.example.com", "https://app.example.com:8443", False),
        ("app.example.com", "https://evil-app.example.com", False),
        ("*.example.com", "https://uploads.example.com", True),
        ("*.example.com", "https://a.b.example.com", True),
        ("*.example.com", "https://example.com", False),
        ("*.example.com", "https://badexample.com", False),
        ("localhost:3000", "http://localhost:3000", True),
        ("localhost:3000", "http://localhost", False),
        ("[::1]:80", "http://[::1]:80", True),
        ("app.example.com", "null", False),
        ("app.example.com", "https://app.example.com:x", False),
        ("app.example.com", "ftp://app.example.com", False),
    ],
)
def test_patterns_match_whole_hosts(pattern: str, origin: str, expected: bool) -> None:
    assert matches(pattern, origin) is expected
