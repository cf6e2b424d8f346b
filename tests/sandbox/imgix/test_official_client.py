"""Calls like those of imgix's own JavaScript client, which has one function, `request(path, options)`.

It sends the media type of JSON:API with every request without a file, and no `Accept`. It does not escape
brackets or other characters of a path, and parses every response as JSON.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.sandbox.imgix.support import Imgix, document, picture

OCTETS = "application/octet-stream"


@dataclass(frozen=True)
class Reply:
    status: int
    data: Any
    errors: Any


class Caller:
    """Writes requests to a bare socket, so that no library modifies a path."""

    def __init__(self, imgix: Imgix) -> None:
        self._address = urlsplit(imgix.sandbox.base_url)
        self._key = imgix.sandbox.api_key

    def __call__(self, path: str, method: str = "GET", body: dict[str, Any] | str | bytes = b"") -> Reply:
        kind = OCTETS if isinstance(body, bytes) and body else "application/vnd.api+json"
        text = json.dumps(body) if isinstance(body, dict) else body
        content = text if isinstance(text, bytes) else text.encode()
        lines = [
            f"{method} /api/v1/{path} HTTP/1.1",
            f"Content-Type: {kind}",
            f"Authorization: Bearer {self._key}",
            "User-Agent: imgix-management-js/1.3.1",
            "X-imgix-plugin: shop/v1",
            "Accept: */*",
            "Accept-Encoding: gzip,deflate",
            *([f"Content-Length: {len(content)}"] if method != "GET" else []),
            "Connection: close",
            f"Host: {self._address.netloc}",
        ]
        assert self._address.hostname
        with socket.create_connection((self._address.hostname, self._address.port or 80), 30) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + content)
            received = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, rest = received.partition(b"\r\n\r\n")
        assert b"content-type: application/vnd.api+json" in head.lower()
        answer = json.loads(rest)
        return Reply(int(head.split()[1]), answer.get("data"), answer.get("errors"))


@pytest.fixture
def request_(imgix: Imgix) -> Caller:
    return Caller(imgix)


@pytest.fixture
def source(imgix: Imgix) -> str:
    return imgix.sandbox.add_source("shop")


def test_sources_are_created_listed_and_changed(request_: Caller, source: str) -> None:
    deployment = {
        "type": "webfolder",
        "webfolder_base_url": "https://my-domain.com/images/",
        "imgix_subdomains": ["my-unique-imgix-subdomain"],
    }
    body = document("sources", {"name": "New", "deployment": deployment}) | {"jsonapi": {"version": "1.0"}}

    assert request_("sources", "POST", body).status == 201
    body["data"]["attributes"]["deployment"]["imgix_subdomains"] = ["other"]
    assert request_("sources", "POST", json.dumps(body)).status == 201
    assert len(request_("sources").data) == 3
    sparse = request_(f"sources/{source}?fields[sources]=name,deployment_status,deployment.default_params")
    assert sparse.data["attributes"].keys() == {"name", "deployment_status", "deployment"}
    names = [one["attributes"] for one in request_("sources?sort=-name&fields[sources]=name").data]
    assert names == [{"name": "shop"}, {"name": "New"}, {"name": "New"}]
    found = request_("sources?filter[name]=shop&filter[deployment.type]=s3")
    assert [one["id"] for one in found.data] == [source]
    renamed = request_(f"sources/{source}", "PATCH", document("sources", {"name": "Shop"}))
    assert renamed.data["attributes"]["name"] == "Shop"


@pytest.mark.parametrize("upload", ["sources/upload/{}/pecanpie.jpg", "sources/{}/upload/pecanpie.jpg"])
@pytest.mark.parametrize("assets", ["assets/{}", "sources/{}/assets"])
def test_a_file_is_uploaded_and_gets_a_custom_field(
    request_: Caller, source: str, upload: str, assets: str
) -> None:
    photo = picture(format="JPEG")
    assert request_(upload.format(source), "POST", photo).data["attributes"]["content_type"] == "image/jpeg"
    assert request_(upload.format(source), "POST", photo).errors[0]["status"] == "409"
    assert request_(f"{upload.format(source)}?overwrite=true", "POST", photo).status == 200

    read = request_(f"{assets.format(source)}/pecanpie.jpg").data
    fields = read["attributes"]["custom_fields"]
    fields["type"] = "dessert"
    body = document("assets", {"custom_fields": fields}, read["id"])
    changed = request_(f"sources/{source}/assets/pecanpie.jpg", "PATCH", body)

    assert changed.data["attributes"]["custom_fields"] == {"type": "dessert"}
    assert len(request_(f"{assets.format(source)}?page[number]=0&page[size]=1").data) == 1
    assert len(request_(f"{assets.format(source)}?page[cursor]=0&page[limit]=1&sort=-date_created").data) == 1


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("a/b.jpg", "/a/b.jpg"),
        ("/a/b.jpg", "/a/b.jpg"),
        ("a%2Fb.jpg", "/a/b.jpg"),
        ("%2Fa/b.jpg", "/a/b.jpg"),
        ("a%20b+c,d;e=f@g(h)[i].jpg", "/a b+c,d;e=f@g(h)[i].jpg"),
        ("100%25.jpg", "/100%.jpg"),
        ("a%2520b.jpg", "/a%20b.jpg"),
        ("%3F%23.jpg", "/?#.jpg"),
        ("%E6%97%A5.jpg", "/日.jpg"),
        ("a%CC%88.jpg", "/a\N{COMBINING DIAERESIS}.jpg"),
        ("add/a.jpg", "/add/a.jpg"),
    ],
)
def test_every_way_to_write_a_path_finds_its_asset(
    imgix: Imgix, request_: Caller, source: str, written: str, stored: str
) -> None:
    imgix.sandbox.add_file(source, stored, b"text")

    for path in (f"sources/{source}/assets/{written}", f"assets/{source}/{written}"):
        found = request_(path).data
        assert (found["attributes"]["origin_path"], found["id"]) == (stored, f"{source}{stored}")
    assert request_(f"sources/{source}/assets/add/{written}", "POST").status == 202
    assert request_(f"sources/{source}/upload/{written}", "POST", b"text").status == 409
    assert request_(f"sources/{source}/assets/{written}", "PATCH", document("assets", {})).status == 200


@pytest.mark.parametrize("path", ["a//b.jpg", "a/../b.jpg", "a/%2e%2e/b.jpg", "./a.jpg", "//a.jpg", "a/"])
def test_a_path_with_an_empty_or_relative_segment_is_a_bad_request(
    request_: Caller, source: str, path: str
) -> None:
    for call in (
        request_(f"sources/{source}/assets/{path}"),
        request_(f"sources/{source}/assets/add/{path}", "POST"),
        request_(f"sources/{source}/upload/{path}", "POST", b"text"),
        request_(f"sources/{source}/upload-sessions/create/{path}", "POST"),
    ):
        assert (call.status, call.errors[0]["title"]) == (400, "origin_path")


def test_empty_bodies_and_empty_objects_are_accepted_where_no_content_is_needed(
    imgix: Imgix, request_: Caller, source: str
) -> None:
    imgix.sandbox.add_file(source, "/a.jpg", b"text")

    for body in ("", "{}"):
        assert request_(f"sources/{source}/assets/add/a.jpg", "POST", body).status == 202
        assert request_(f"sources/{source}/assets/refresh/a.jpg", "POST", body).status == 200
        session = request_(f"sources/{source}/upload-sessions/create/b.jpg", "POST", body).data
        assert session["attributes"]["url"]
        cancelled = request_(f"sources/{source}/upload-sessions/cancel/{session['id']}", "DELETE", body)
        assert cancelled.status == 200


@pytest.mark.parametrize("word", ["unpublish", "publish"])
def test_publishing_works_by_path_and_by_name(imgix: Imgix, request_: Caller, source: str, word: str) -> None:
    imgix.sandbox.add_file(source, "/a.jpg", b"text")
    url = "https://shop.imgix.net/a.jpg"

    for kind in (f"{word}es", word):
        whole = document(kind, {"url": url, "source_id": source})
        assert request_(word, "POST", whole).data["attributes"].keys() == {f"{word}_id"}
        assert request_(f"sources/{source}/{word}", "POST", document(kind, {"url": url})).status == 200
    assert request_(word, "POST", document(kind, {"url": url})).status == 400


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("nowhere", "GET", 404),
        ("sources", "DELETE", 405),
        ("sources/none", "GET", 404),
        ("purge", "POST", 400),
    ],
)
def test_every_failure_is_json_with_a_detail(request_: Caller, path: str, method: str, status: int) -> None:
    reply = request_(path, method)

    assert (reply.status, reply.errors[0]["status"]) == (status, str(status))
    assert reply.errors[0]["detail"]
    assert reply.errors[0]["id"]


def test_a_rejected_file_is_read_to_its_end_so_that_the_response_arrives(
    imgix: Imgix, request_: Caller, source: str
) -> None:
    imgix.sandbox.add_file(source, "/a.bin", b"text")

    assert request_(f"sources/{source}/upload/a.bin", "POST", bytes(10_000_000)).status == 409
