"""The pages of the sandbox."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Callable
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest

from imgwire_async.imgwire.cdn import cdn_url
from imgwire_async.sandbox import Sandbox
from imgwire_async.sandbox.imgwire.pages import gallery
from tests.sandbox.imgwire.cdn_pictures import store
from tests.sandbox.imgwire.support import PUBLIC, Api, encode, open_api, photograph

EVIL = "<script>alert(1)</script>\" onerror='x'.png"


def page(api: Api, path: str = "/") -> str:
    response = PUBLIC.get(api.sandbox.base_url + path)
    assert response.status_code == 200
    return response.text


def sources(text: str) -> list[str]:
    return [unescape(found) for found in re.findall(r'<img src="([^"]*)"', text)]


def codes(text: str) -> list[str]:
    return [unescape(found) for found in re.findall(r"<code>([^<]*)</code>", text)]


def test_every_ready_image_has_a_thumbnail_that_loads(api: Api) -> None:
    for data, name in ((photograph(), "rocket.jpg"), (encode("HEIF"), "a.heic"), (encode("GIF"), "a.gif")):
        store(api, data, name)
    api.create(file_name="waiting.jpg")

    text = page(api)

    assert len(sources(text)) == 3
    for source in sources(text):
        assert source.endswith("@thumbnail")
        thumbnail = PUBLIC.get(api.sandbox.base_url + source)
        assert (thumbnail.status_code, thumbnail.headers["content-type"][:6]) == (200, "image/")
    assert "PENDING" in text
    assert "640 × 427 · 113 kB" in text
    assert re.findall(r'title="([^"]*)"', text) == ["waiting.jpg", "a.gif", "a.heic", "rocket.jpg"]


def test_an_empty_sandbox_says_so(api: Api) -> None:
    assert "No images yet" in page(api)


def test_images_come_in_pages(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery.ImgwireShelf, "page_size", 2)
    for number in range(5):
        api.create(file_name=f"{number}.png")

    def names(path: str) -> list[str]:
        return re.findall(r'title="(\d)\.png"', page(api, path))

    assert names("/") == ["4", "3"]
    assert names("/?page=2") == ["2", "1"]
    assert names("/?page=3") == names("/?page=99999") == ["0"]
    assert names("/?page=x") == ["4", "3"]
    assert 'href="/?page=1"' in page(api, "/?page=2")
    assert 'href="/?page=3"' in page(api, "/?page=2")
    assert 'href="/?page=4"' not in page(api, "/?page=3")


def test_the_form_shows_the_picture_and_the_python_call_of_the_same_url(api: Api) -> None:
    stored = store(api, photograph(), "rocket.jpg")
    query = urlencode(
        {
            "preset": "small",
            "width": "300",
            "gravity": "ne",
            "blur": "1.5",
            "flip": "",
            "more": "el=true\nwmt=a b+c",
        }
    )

    text = page(api, f"/gallery/{stored.image['id']}?{query}")

    (source,) = sources(text)
    assert PUBLIC.get(api.sandbox.base_url + source).status_code == 200
    _, call, url = codes(text)
    assert call == 'image.url(preset="small", blur=1.5, el=True, gravity="ne", width=300, wmt="a b+c")'
    assert url == api.sandbox.base_url + source

    def image_url(**arguments: object) -> str:
        return cdn_url(stored.image["cdn_url"], **arguments)  # type: ignore[arg-type]

    built = eval(call.replace("image.url", "image_url"), {"image_url": image_url})
    etags = {PUBLIC.get(address).headers["etag"] for address in (url, built)}
    assert len(etags) == 1
    assert "<option selected>small</option>" in text
    assert 'name="width" value="300"' in text


def test_a_page_without_a_query_shows_a_medium_size(api: Api) -> None:
    stored = store(api, photograph(), "rocket.jpg")

    assert sources(page(api, f"/gallery/{stored.image['id']}"))[0].endswith("@medium")


@pytest.mark.parametrize("query", ["width=-1", "preset=huge", "more=widht%3D1", "width=1&more=w%3D2"])
def test_a_rejected_form_says_why_and_shows_no_broken_picture(api: Api, query: str) -> None:
    stored = store(api, photograph(), "rocket.jpg")

    text = page(api, f"/gallery/{stored.image['id']}?{query}")

    assert "The CDN rejects this" in text
    assert sources(text) == []


def test_all_external_content_is_escaped(api: Api) -> None:
    created = api.create(file_name=EVIL, purpose=EVIL, custom_metadata={EVIL: EVIL})["image"]
    query = urlencode(dict.fromkeys(("preset", "width", "more", EVIL), f'"><script>{EVIL}=1'))

    for path in ("/", f"/gallery/{created['id']}", f"/gallery/{created['id']}?{query}"):
        text = page(api, path)
        assert "<script" not in text
        assert "onerror='" not in text
        assert "alert(1)" in text


def test_the_pages_allow_nothing_but_their_own_style_and_images(api: Api) -> None:
    headers = PUBLIC.get(api.sandbox.base_url).headers

    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["img-src"] == policy["form-action"] == "'self'"
    assert policy["style-src"].startswith("'sha256-")
    assert headers["x-content-type-options"] == "nosniff"
    assert "style=" not in PUBLIC.get(api.sandbox.base_url).text


def test_a_pending_image_has_no_picture_and_an_unknown_one_is_404(api: Api) -> None:
    created = api.create(file_name="waiting.jpg")["image"]

    assert sources(page(api, f"/gallery/{created['id']}")) == []
    missing = PUBLIC.get(f"{api.sandbox.base_url}/gallery/unknown")
    assert (missing.status_code, missing.headers["content-type"][:9]) == (404, "text/html")


def test_the_page_of_an_image_that_is_not_delivered_says_why(api: Api) -> None:
    api.create(file_name="waiting.jpg")
    api.upload(b"no image", file_name="text.jpg")
    api.upload(encode("PNG"), file_name="other.jpg")
    api.upload(encode("JPEG"), file_name="hash.jpg", hash_sha256="0" * 64)
    url = "http://me:secret@127.0.0.1:1/a.jpg?token=secret"
    fetched = api.http.post("/api/v1/images/upload_via_url", json={"url": url}).json()
    api.settled(fetched["id"])

    text = page(api)

    assert "Waiting for its bytes; its upload URL expires at 20" in text
    assert "It was rejected: the bytes are not a supported image type." in text
    assert "It was rejected: declared as image/jpeg, but the bytes are image/png." in text
    assert "Its bytes do not have the declared hash_sha256." in text
    assert "Its source could not be fetched: ConnectError" in text
    assert "secret" not in text
    assert page(api, "/?status=QUARANTINE").count(">QUARANTINE</span>") == 4
    assert "ConnectError" in page(api, f"/gallery/{fetched['id']}")


def test_a_folder_of_an_earlier_version_without_reasons_is_used(tmp_path: Path) -> None:
    with Sandbox(tmp_path):
        pass
    with contextlib.closing(sqlite3.connect(tmp_path / "imgwire.sqlite")) as database:
        database.execute("DROP TABLE quarantine_reasons")

    with Sandbox(tmp_path) as sandbox:
        api = open_api(sandbox)
        with api.http:
            image = api.upload(b"no image")
        assert "It was rejected" in PUBLIC.get(f"{sandbox.base_url}/gallery/{image['id']}").text


@pytest.mark.parametrize("value", ["007", "1e5", "0.5", "-3", "TRUE", 'a"b\\', "é\u2028"])
def test_values_become_python_literals(value: str) -> None:
    call = gallery.python_call("", [("min-width", value)])

    def image_url(**arguments: Callable[[], None]) -> str:
        return str(arguments["min_width"])

    found = eval(call.replace("image.url", "image_url"), {"image_url": image_url})
    expected = {"007": "7", "TRUE": "True"}.get(value, value)
    assert found == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [("background", "000000"), ("bg", "123"), ("monochrome", "333"), ("watermark_text", "2026"),
     ("wmt", "true"), ("colorize", "12345678"), ("watermark_shadow", "000"), ("gradient", "000")],
)  # fmt: skip
def test_colors_and_words_that_look_like_numbers_stay_strings(name: str, value: str) -> None:
    assert gallery.python_call("", [(name, value)]) == f'image.url({name}="{value}")'
