"""Uploads of URLs, which the sandbox fetches itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.sandbox.imgwire.support import Api, encode, photograph

PHOTO = photograph()


class Source(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/moved.jpg":
            self.send_response(302)
            self.send_header("Location", "/photo.jpg")
            self.end_headers()
        elif path == "/loop.jpg":
            self.send_response(302)
            self.send_header("Location", "/loop.jpg")
            self.end_headers()
        elif path == "/elsewhere.jpg":
            self.send_response(302)
            self.send_header("Location", "file:///etc/hostname")
            self.end_headers()
        elif path == "/short.jpg":
            self.send_response(200)
            self.send_header("Content-Length", str(len(PHOTO)))
            self.end_headers()
            self.wfile.write(PHOTO[:1000])
        elif path in {"/photo.jpg", "/no-extension"}:
            data = PHOTO if path == "/photo.jpg" else encode("PNG")
            self.send_response(200)
            self.end_headers()
            self.wfile.write(data)
        else:
            self.send_error(404)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def source() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Source) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def fetch(api: Api, url: str, **body: Any) -> dict[str, Any]:
    response = api.http.post("/api/v1/images/upload_via_url", json={"url": url, **body})
    assert response.status_code == 200, response.text
    image: dict[str, Any] = response.json()
    return image


def test_a_source_is_fetched_in_the_background(api: Api, source: str) -> None:
    image = fetch(api, f"{source}/photo.jpg?size=l", purpose="import", custom_metadata={"n": 1})

    assert (image["status"], image["can_upload"]) == ("PENDING", False)
    assert (image["original_filename"], image["purpose"]) == ("photo.jpg", "import")
    done = api.settled(image["id"])
    assert (done["status"], done["size_bytes"], done["width"]) == ("READY", len(PHOTO), 640)


def test_the_type_is_detected_from_the_bytes_unless_declared(api: Api, source: str) -> None:
    derived = api.settled(fetch(api, f"{source}/no-extension")["id"])
    given = api.settled(fetch(api, f"{source}/no-extension", mime_type="image/jpeg", file_name="x.jpg")["id"])

    assert (derived["status"], derived["mime_type"], derived["extension"]) == ("READY", "image/png", "png")
    assert (given["status"], given["original_filename"]) == ("QUARANTINE", "x.jpg")


def test_redirects_are_followed(api: Api, source: str) -> None:
    assert api.settled(fetch(api, f"{source}/moved.jpg")["id"])["status"] == "READY"


@pytest.mark.parametrize("path", ["/missing.jpg", "/loop.jpg", "/elsewhere.jpg", "/short.jpg"])
def test_an_unavailable_source_ends_in_quarantine(api: Api, source: str, path: str) -> None:
    assert api.settled(fetch(api, source + path)["id"])["status"] == "QUARANTINE"


def test_a_refused_connection_ends_in_quarantine(api: Api) -> None:
    assert api.settled(fetch(api, "http://127.0.0.1:1/a.jpg")["id"])["status"] == "QUARANTINE"


def test_a_source_over_the_limit_ends_in_quarantine(start_api: Callable[..., Api], source: str) -> None:
    api = start_api(maximum_upload_bytes=1000)

    assert api.settled(fetch(api, f"{source}/photo.jpg")["id"])["status"] == "QUARANTINE"


def test_private_addresses_can_be_blocked(start_api: Callable[..., Api], source: str) -> None:
    api = start_api(block_private_addresses=True)

    assert api.settled(fetch(api, f"{source}/photo.jpg")["id"])["status"] == "QUARANTINE"


def test_an_idempotency_key_makes_one_record(api: Api, source: str) -> None:
    ids = {fetch(api, f"{source}/photo.jpg", idempotency_key="k")["id"] for _ in range(3)}

    assert len(ids) == 1
