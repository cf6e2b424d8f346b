from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from regeneration.contract import source
from regeneration.contract.document import RegenerationError


class Handler(BaseHTTPRequestHandler):
    """`/ok` works, `/big` is long, `/again` redirects to itself, `/away` elsewhere, `/stall` never ends."""

    released = threading.Event()

    def do_GET(self) -> None:
        if self.path in {"/again", "/away", "/moved"}:
            self.send_response(302)
            target = {"/again": "/again", "/away": "http://192.0.2.1/x", "/moved": "/ok"}[self.path]
            self.send_header("Location", target)
            self.end_headers()
        elif self.path == "/missing":
            self.send_error(404)
        elif self.path == "/stall":
            self.send_response(200)
            self.end_headers()
            self.wfile.flush()
            self.released.wait(10)
        else:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * 4096 if self.path == "/big" else b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        Handler.released.set()
        http.shutdown()
        thread.join()


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"{}")

    assert source.read(str(tmp_path / "a.json")) == b"{}"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RegenerationError, match=r"gone\.json cannot be read: No such file"):
        source.read(str(tmp_path / "gone.json"))


def test_a_loopback_url_is_read_and_redirects_are_followed(server: str) -> None:
    assert source.read(f"{server}/ok") == b"{}"
    assert source.read(f"{server}/moved") == b"{}"


@pytest.mark.parametrize("address", ["http://192.0.2.1/x", "http://example.com/x", "ftp://localhost/x"])
def test_plain_http_is_rejected_beyond_loopback(address: str) -> None:
    with pytest.raises(RegenerationError, match="only https is read"):
        source.read(address)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/missing", "answered with status 404"),
        ("/again", "more than 5 redirects"),
        ("/away", "only https is read"),
    ],
)
def test_a_response_that_is_not_a_document_is_rejected(server: str, path: str, message: str) -> None:
    with pytest.raises(RegenerationError, match=message):
        source.read(server + path)


def test_a_server_that_is_down_is_named() -> None:
    with pytest.raises(RegenerationError, match=r"http://127\.0\.0\.1:1/ cannot be read"):
        source.read("http://127.0.0.1:1/")


def test_more_than_the_size_limit_is_rejected(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "MAX_BYTES", 1000)
    (tmp_path / "a.json").write_bytes(b"x" * 1001)

    with pytest.raises(RegenerationError, match="larger than 1000 bytes"):
        source.read(f"{server}/big")
    with pytest.raises(RegenerationError, match="larger than 1000 bytes"):
        source.read(str(tmp_path / "a.json"))


def test_more_than_the_time_limit_is_rejected(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_SECONDS", 0.2)

    with pytest.raises(RegenerationError, match=r"longer than 0\.2 seconds"):
        source.read(f"{server}/stall")
