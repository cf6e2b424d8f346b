"""Settings, port and sessions of the example service, which are checked at start-up."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from imgwire_async.examples.gallery.sessions import Sessions
from imgwire_async.examples.gallery.settings import MAX_BYTES, Settings, SettingsError


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GALLERY_PASSWORD", "IMGWIRE_API_KEY", "IMGWIRE_CLIENT_KEY"):
        monkeypatch.setenv(name, "x")
    for name in ("GALLERY_MAX_BYTES", "IMGWIRE_API_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("given", ["0", "-1", "1.5", "1e6", "20 MB", "nan", "1" * 5000, "\u0663"])
def test_a_limit_is_a_number_of_bytes(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("GALLERY_MAX_BYTES", given)

    with pytest.raises(SettingsError, match="GALLERY_MAX_BYTES must be a number of bytes"):
        Settings.from_environment()


def test_an_empty_limit_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALLERY_MAX_BYTES", "")

    assert Settings.from_environment().max_bytes == MAX_BYTES


def test_the_page_gets_a_base_url_to_which_paths_can_be_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGWIRE_API_BASE_URL", "https://api.example.com/")

    assert Settings.from_environment().api_url == "https://api.example.com"


@pytest.mark.parametrize("given", ["nonsense", "ftp://x", "javascript:alert(1)"])
def test_a_base_url_without_http_is_rejected_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("IMGWIRE_API_BASE_URL", given)

    with pytest.raises(SettingsError, match="IMGWIRE_API_BASE_URL must start with https://"):
        Settings.from_environment()


@pytest.mark.parametrize("cookie", [None, "", ".", "9" * 5000, "9999999999.", "é.ü", "nan.0"])
def test_cookies_of_others_are_not_valid(cookie: str | None) -> None:
    assert not Sessions("x").is_valid(cookie)
    assert not Sessions("y").is_valid(Sessions("x").begin("x"))


def test_passwords_need_not_be_unicode() -> None:
    assert Sessions("\udcff").begin("\ud800") is None
    assert Sessions("\udcff").begin("\udcff") is not None


def test_a_port_in_use_is_reported_in_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", "imgwire_async.examples.gallery", f"--port={port}"],
            capture_output=True,
            text=True,
            check=False,
        )

    assert ended.returncode == 1
    assert ended.stderr == (
        f"Error: cannot listen on port {port}: Address already in use. Choose another with --port.\n"
    )
