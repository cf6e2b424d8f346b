"""Direct uploads and upload sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from imgwire_async.testing.clock import VirtualClock
from tests.sandbox.imgix.support import NOW, Imgix, picture


@pytest.fixture
def source(imgix: Imgix) -> str:
    return imgix.sandbox.add_source("shop")


@pytest.mark.parametrize("style", ["sources/{}/upload/", "sources/upload/{}/"])
def test_an_upload_is_an_asset_and_is_served(imgix: Imgix, source: str, style: str) -> None:
    data = picture()
    answer = imgix.http.post(
        style.format(source) + "heroes/new.png",
        content=data,
        headers={"content-type": "application/octet-stream"},
    )

    assert answer.status_code == 200
    assert answer.json()["data"]["attributes"] == {
        "content_type": "image/png",
        "media_kind": "IMAGE",
        "origin_path": "/heroes/new.png",
        "source_id": source,
    }
    asset = imgix.http.get(f"sources/{source}/assets/heroes/new.png").json()["data"]["attributes"]
    assert (asset["uploaded_by_api"], asset["file_size"]) == (True, len(data))
    assert imgix.rendered("/heroes/new.png").content == data


def test_an_existing_path_is_replaced_only_on_request_and_with_the_permission(
    imgix: Imgix, source: str
) -> None:
    url = f"sources/{source}/upload/a.png"
    assert imgix.http.post(url, content=picture(1, 1)).status_code == 200
    assert imgix.http.post(url, content=picture(2, 2)).status_code == 409
    key = imgix.sandbox.create_key("asset_edit")
    refused = imgix.http.post(
        f"{url}?overwrite=true", content=picture(2, 2), headers={"authorization": f"Bearer {key}"}
    )
    assert refused.status_code == 403
    assert imgix.http.post(f"{url}?overwrite=true", content=picture(2, 2)).status_code == 200
    assert imgix.http.get(f"sources/{source}/assets/a.png").json()["data"]["attributes"]["media_width"] == 2


def test_an_upload_that_is_too_large_empty_or_for_a_web_folder_is_rejected(
    start_imgix: Callable[..., Imgix],
) -> None:
    imgix = start_imgix(maximum_upload_bytes=100)
    source, folder = imgix.sandbox.add_source("shop"), imgix.create("folder").json()["data"]["id"]

    assert imgix.http.post(f"sources/{source}/upload/a.bin", content=b"x" * 100).status_code == 200
    assert imgix.http.post(f"sources/{source}/upload/b.bin", content=b"x" * 101).status_code == 413
    chunks = iter([b"x" * 60, b"x" * 60])
    assert imgix.http.post(f"sources/{source}/upload/b.bin", content=chunks).status_code == 413
    assert imgix.http.post(f"sources/{source}/upload/b.bin").status_code == 400
    assert imgix.http.post(f"sources/{folder}/upload/b.bin", content=b"x").status_code == 400
    assert imgix.http.get(f"sources/{source}/assets/b.bin").status_code == 404


@pytest.mark.parametrize("verbs", [True, False])
def test_a_session_accepts_bytes_at_its_url_and_becomes_an_asset(
    start_imgix: Callable[..., Imgix], verbs: bool
) -> None:
    clock = VirtualClock(NOW)
    imgix = start_imgix(clock=clock.time, session_delay=3)
    source = imgix.sandbox.add_source("shop")
    base = f"sources/{source}/upload-sessions/"
    create, status, close = ("create/", "status/", "close/") if verbs else ("", "", "")

    session: dict[str, Any] = imgix.http.post(f"{base}{create}big/a.png").json()["data"]
    url = session["attributes"]["url"]
    assert (session["attributes"]["status"], session["attributes"]["origin_path"]) == (
        "PENDING",
        "/big/a.png",
    )
    assert imgix.http.post(f"{base}{close}{session['id']}").status_code == 400
    assert imgix.http.put(url, content=b"x").status_code == 400  # with the API key
    assert httpx.put(url, content=picture(), trust_env=False).status_code == 200
    closed = imgix.http.post(f"{base}{close}{session['id']}").json()["data"]["attributes"]
    assert (closed["status"], "url" in closed) == ("CLOSED", False)
    assert imgix.http.get(f"sources/{source}/assets/big/a.png").status_code == 404
    clock.advance(3)
    shown = imgix.http.get(f"{base}{status}{session['id']}").json()["data"]["attributes"]
    assert (shown["status"], "url" in shown) == ("COMPLETE", False)
    assert imgix.http.get(f"sources/{source}/assets/big/a.png").status_code == 200
    assert httpx.put(url, content=picture(), trust_env=False).status_code == 403


def test_a_session_expires(start_imgix: Callable[..., Imgix]) -> None:
    clock = VirtualClock(NOW)
    imgix = start_imgix(clock=clock.time)
    source = imgix.sandbox.add_source("shop")
    base = f"sources/{source}/upload-sessions/"
    session = imgix.http.post(f"{base}create/a.png").json()["data"]
    clock.advance(8 * 3600 + 1)

    assert httpx.put(session["attributes"]["url"], content=b"x", trust_env=False).status_code == 403
    assert imgix.http.get(f"{base}status/{session['id']}").json()["data"]["attributes"]["status"] == "EXPIRED"


def test_a_cancelled_session_no_longer_exists(imgix: Imgix, source: str) -> None:
    base = f"sources/{source}/upload-sessions/"
    session = imgix.http.post(f"{base}create/a.png").json()["data"]

    cancelled = imgix.http.delete(f"{base}cancel/{session['id']}")
    assert (cancelled.status_code, cancelled.json()["data"]["id"]) == (200, session["id"])
    assert imgix.http.delete(f"{base}cancel/{session['id']}").status_code == 404
    assert imgix.http.get(f"{base}status/{session['id']}").status_code == 404
    assert httpx.put(session["attributes"]["url"], content=b"x", trust_env=False).status_code == 404
