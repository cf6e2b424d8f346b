"""Scripted failures, as seen by a client."""

from __future__ import annotations

import http.client
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from imgwire_async.sandbox import Fault
from tests.sandbox.imgwire.support import PUBLIC, Api, connect, photograph

CREATE = "/api/v1/images/standard_upload"
JPEG = {"Content-Type": "image/jpeg"}


def raw_request(api: Api, request: bytes) -> bytes:
    parts = urlsplit(api.sandbox.base_url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        connection.sendall(request)
        return connection.recv(65536)


def create_request(api: Api) -> bytes:
    body = b'{"file_name": "a.jpg"}'
    head = f"POST {CREATE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.sandbox.server_key}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def count(api: Api) -> int:
    return int(api.http.get("/api/v1/images/").headers["x-total-count"])


@pytest.mark.parametrize("retry_after", [2, 0.5, "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_status_is_returned_once_without_acting(api: Api, retry_after: float | str) -> None:
    api.sandbox.faults.once("images.create", status=429, retry_after=retry_after)

    first = api.http.post(CREATE, json={"file_name": "a.jpg"})

    assert (first.status_code, first.headers["retry-after"]) == (429, str(retry_after))
    assert first.json()["error_type"] == "ScriptedFaultError"
    assert count(api) == 0
    assert api.http.post(CREATE, json={"file_name": "a.jpg"}).status_code == 200
    assert api.sandbox.faults.unused() == []


def test_a_status_may_have_any_body_and_headers(api: Api) -> None:
    api.sandbox.faults.once(
        "*", status=502, body="<h1>Bad gateway</h1>", headers={"Content-Type": "text/html"}
    )

    response = api.http.get("/api/v1/images/")

    assert (response.status_code, response.text) == (502, "<h1>Bad gateway</h1>")
    assert response.headers["content-type"] == "text/html"


def test_store_failures_are_xml(api: Api) -> None:
    api.sandbox.faults.once("store.put", status=503)
    data = photograph()

    response = PUBLIC.put(api.create(data)["upload_url"], content=data, headers=JPEG)

    assert response.status_code == 503
    assert response.text.startswith("<?xml")


def test_a_reset_before_acting_is_a_tcp_reset(api: Api) -> None:
    api.sandbox.faults.once("images.create", reset="before")

    with pytest.raises(ConnectionResetError):
        raw_request(api, create_request(api))

    assert count(api) == 0


def test_a_reset_after_acting_loses_only_the_response(api: Api) -> None:
    api.sandbox.faults.once("images.create", reset="after")

    with pytest.raises(ConnectionResetError):
        raw_request(api, create_request(api))

    assert count(api) == 1
    assert api.sandbox.requests.of("images.create")[0].status is None


def test_a_stall_delays_the_response(api: Api) -> None:
    api.sandbox.faults.once("images.list", stall=0.1)
    start = time.monotonic()

    assert count(api) == 0
    assert time.monotonic() - start >= 0.1


def test_a_truncated_response_is_shorter_than_declared(api: Api) -> None:
    image = api.upload(photograph())
    api.sandbox.faults.once("cdn.get", truncate=True)
    url = urlsplit(image["cdn_url"])
    connection = connect(api.sandbox)
    connection.request("GET", url.path)

    with pytest.raises(http.client.IncompleteRead) as caught:
        connection.getresponse().read()

    assert len(caught.value.partial) == len(photograph()) // 2
    connection.close()


def test_truncated_json_is_cut_too(api: Api) -> None:
    api.create()
    api.sandbox.faults.once("images.list", truncate=True)

    with pytest.raises(httpx.RemoteProtocolError):
        api.http.get("/api/v1/images/")


def test_slow_responses_and_slow_uploads_take_their_time(api: Api) -> None:
    data = photograph()
    api.sandbox.faults.once("store.put", slow=len(data) * 5)
    api.sandbox.faults.once("cdn.get", slow=len(data) * 5)

    start = time.monotonic()
    image = api.upload(data)
    uploaded = time.monotonic()
    assert PUBLIC.get(image["cdn_url"]).content == data

    assert uploaded - start >= 0.2
    assert time.monotonic() - uploaded >= 0.2


@pytest.mark.parametrize("limit", [0, 100_000])
def test_an_upload_can_be_cut_by_a_response(api: Api, limit: int) -> None:
    data = photograph() * 10
    created = api.create(data)
    api.sandbox.faults.once("store.put", status=503, disconnect_after=limit)

    response = PUBLIC.put(created["upload_url"], content=data, headers=JPEG)

    assert response.status_code == 503
    assert api.retrieve(created["image"]["id"])["status"] == "PENDING"
    assert PUBLIC.put(created["upload_url"], content=data, headers=JPEG).status_code == 200


def test_an_upload_can_be_cut_by_a_reset(api: Api) -> None:
    data = photograph() * 10
    created = api.create(data)
    api.sandbox.faults.once("store.put", disconnect_after=100_000)

    with pytest.raises((httpx.WriteError, httpx.ReadError)):
        PUBLIC.put(created["upload_url"], content=data, headers=JPEG)

    (put,) = api.sandbox.requests.of("store.put")
    assert put.status is None
    assert 100_000 <= put.bytes_received < len(data)
    assert api.retrieve(created["image"]["id"])["status"] == "PENDING"


def test_faults_happen_as_often_as_scripted(api: Api) -> None:
    api.sandbox.faults.times(2, "images.list", status=500)
    api.sandbox.faults.always("health", status=503)

    lists = [api.http.get("/api/v1/images/").status_code for _ in range(3)]
    health = [api.http.get("/health").status_code for _ in range(3)]
    api.sandbox.faults.clear()

    assert (lists, health) == ([500, 500, 200], [503, 503, 503])
    assert api.http.get("/health").status_code == 200


def test_the_operation_takes_precedence_over_the_wildcard(api: Api) -> None:
    api.sandbox.faults.once("*", status=500)
    api.sandbox.faults.once("health", status=503)

    assert [api.http.get("/health").status_code for _ in range(3)] == [503, 500, 200]


def test_unused_faults_are_listed(api: Api) -> None:
    faults = api.sandbox.faults
    faults.times(2, "health", status=503)
    faults.always("images.list", status=500)
    api.http.get("/health")

    assert [(unused.operation, unused.remaining) for unused in faults.unused()] == [
        ("health", 1),
        ("images.list", None),
    ]


def test_random_faults_repeat_with_their_seed(api: Api) -> None:
    runs = []
    for _ in range(2):
        api.sandbox.faults.clear()
        api.sandbox.faults.random(0.5, 7, [Fault(status=500), Fault(status=503)], "health")
        runs.append([api.http.get("/health").status_code for _ in range(40)])

    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500, 503}


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"status": 42},
        {"retry_after": 1},
        {"reset": "during"},
        {"stall": -1},
        {"slow": 0},
        {"disconnect_after": -1},
        {"body": "x"},
    ],
)
def test_invalid_faults_are_rejected(api: Api, kind: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        api.sandbox.faults.once("health", **kind)


def test_the_error_for_an_unknown_operation_lists_the_known_ones(api: Api) -> None:
    with pytest.raises(ValueError, match=r"images\.create"):
        api.sandbox.faults.once("images.craete", status=500)
