"""Header names on the wire have the documented spelling, for clients that look them up in a plain dict."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from tests.sandbox.imgwire.cdn_pictures import quarters, store
from tests.sandbox.imgwire.support import Api


def names_on_the_wire(api: Api, target: str, *headers: str, method: str = "GET") -> list[str]:
    """The header names in the raw bytes of a response."""
    parts = urlsplit(api.sandbox.base_url)
    lines = [f"{method} {target} HTTP/1.1", "Host: x", f"Authorization: Bearer {api.sandbox.server_key}"]
    request = "\r\n".join([*lines, "Connection: close", *headers, "", ""]).encode()
    response = b""
    with socket.create_connection((str(parts.hostname), parts.port or 80), timeout=60) as connection:
        connection.sendall(request)
        while piece := connection.recv(65536):
            response += piece
    head = response.partition(b"\r\n\r\n")[0].decode("latin-1")
    return [line.partition(":")[0] for line in head.split("\r\n")[1:]]


PAGINATION = {"X-Total-Count", "X-Page", "X-Limit", "X-Prev-Page", "X-Next-Page"}


@pytest.mark.parametrize("resource", ["images", "cors_origins"])
@pytest.mark.parametrize("origin", [(), ("Origin: https://shop.example",)], ids=["plain", "from a browser"])
def test_lists_send_the_five_headers_of_the_documentation(
    api: Api, resource: str, origin: tuple[str, ...]
) -> None:
    path = {"images": "/api/v1/images/", "cors_origins": "/api/v1/cors_origins/"}[resource]

    names = names_on_the_wire(api, f"{path}?limit=1", *origin)

    assert set(names) >= PAGINATION | {"Content-Type", "Content-Length", "Date"}
    assert len(names) == len({name.lower() for name in names}), "no header is sent twice"


def test_pictures_are_delivered_with_documented_names(api: Api) -> None:
    target = urlsplit(store(api, quarters(60, 40)).image["cdn_url"]).path

    for query in ("", "?width=20"):
        names = set(names_on_the_wire(api, target + query))
        assert names >= {"Cache-Control", "ETag", "Content-Type", "Content-Length", "Date"}


def test_pauses_are_sent_under_the_documented_name(api: Api) -> None:
    api.sandbox.faults.once("images.list", status=429, retry_after=1)

    assert "Retry-After" in names_on_the_wire(api, "/api/v1/images/")


@pytest.mark.parametrize(
    ("method", "target", "header"),
    [
        ("GET", "/health", "X-Nothing: 1"),
        ("GET", "/nowhere", "X-Nothing: 1"),
        ("PATCH", "/api/v1/images/", "X-Nothing: 1"),
        ("PUT", "/_store/x?expires=1&signature=x", "Content-Length: 0"),
        ("GET", "/api/v1/images/", "not a header"),  # rejected before it reaches a route
        ("OPTIONS", "/api/v1/images/token", "Origin: https://shop.example"),
    ],
    ids=["health", "no route", "no method", "store", "no HTTP", "preflight"],
)
def test_no_response_has_a_header_name_in_lower_case(api: Api, method: str, target: str, header: str) -> None:
    names = names_on_the_wire(api, target, header, method=method)

    assert names
    assert [name for name in names if not name[0].isupper()] == []
