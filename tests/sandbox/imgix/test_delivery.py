"""The rendering hosts: hosts, signatures, originals, negotiation."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from imgwire_async.testing.clock import VirtualClock
from tests.raw_servers import always, answer, raw_server
from tests.sandbox.imgix.support import NOW, Imgix, document, picture


@pytest.fixture
def source(imgix: Imgix) -> str:
    source = imgix.sandbox.add_source("shop", custom_domains=["images.example.com"])
    imgix.sandbox.add_file(source, "/a b/ä.png", picture())
    return source


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize("host", ["shop.imgix.net", "SHOP.imgix.net:80", "images.example.com"])
def test_a_source_is_found_by_the_host_header(imgix: Imgix, host: str) -> None:
    url = f"{imgix.sandbox.base_url}/a%20b/%C3%A4.png?w=30"
    answer = httpx.get(url, headers={"host": host}, trust_env=False)

    assert Image.open(BytesIO(answer.content)).size == (30, 20)
    assert imgix.sandbox.requests.of("rendering.get")[-1].status == 200


@pytest.mark.usefixtures("source")
def test_originals_pass_through_unless_the_source_has_default_parameters(imgix: Imgix) -> None:
    assert imgix.rendered("/a b/ä.png").content == picture()
    assert imgix.rendered("/missing.png").status_code == 404
    assert imgix.rendered("/a b/ä.png", host="other.imgix.net").status_code == 404
    other = imgix.sandbox.add_source("other", default_params={"w": 60})
    imgix.sandbox.add_file(other, "/a.png", picture())
    assert Image.open(BytesIO(imgix.rendered("/a.png", host="other.imgix.net").content)).size == (60, 40)


@pytest.mark.usefixtures("source")
def test_a_rendering_has_an_etag_and_names_what_is_not_rendered(imgix: Imgix) -> None:
    first = imgix.rendered("/a b/ä.png", "w=30&txt=hello&auto=enhance")

    assert first.headers["x-imgix-sandbox-not-rendered"] == "auto=enhance, txt"
    again = imgix.rendered(
        "/a b/ä.png", "w=30&txt=hello&auto=enhance", headers={"if-none-match": first.headers["etag"]}
    )
    assert again.status_code == 304


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize(
    ("query", "accept", "media_type"),
    [
        ("w=30&auto=format", "image/avif,image/webp,*/*", "image/avif"),
        ("w=30&auto=format", "image/webp", "image/webp"),
        ("w=30&auto=format", "*/*", "image/png"),
        ("w=30&fm=jpg", "image/avif", "image/jpeg"),
    ],
)
def test_the_format_is_negotiated_only_with_auto_format(
    imgix: Imgix, query: str, accept: str, media_type: str
) -> None:
    answer = imgix.rendered("/a b/ä.png", query, headers={"accept": accept})

    assert answer.headers["content-type"] == media_type


def signed(token: str, path: str, query: str = "") -> str:
    text = f"{token}{path}" + (f"?{query}" if query else "")
    mark = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    return f"{query}&s={mark}" if query else f"s={mark}"


def test_a_signed_source_serves_only_signed_urls(start_imgix: Callable[..., Imgix]) -> None:
    clock = VirtualClock(NOW)
    imgix = start_imgix(clock=clock.time, deployment_delay=0)
    source = imgix.sandbox.add_source("shop", secure_url_enabled=True)
    imgix.sandbox.add_file(source, "/a b.png", picture())
    token: Any = imgix.http.get(f"sources/{source}").json()["data"]["attributes"]["secure_url_token"]

    def status(query: str) -> int:
        return imgix.rendered("/a b.png", query).status_code

    assert status(signed(token, "/a%20b.png")) == 200
    assert status(signed(token, "/a%20b.png", "w=30")) == 200
    assert status(signed(token, "/a%20b.png", "w=30").replace("w=30", "w=31")) == 403
    assert status("w=30") == 403
    assert status(signed("other", "/a%20b.png")) == 403
    assert status(signed(token, "/a%20b.png", f"expires={int(clock.time()) + 5}")) == 200
    assert status(signed(token, "/a%20b.png", f"expires={int(clock.time()) - 5}")) == 404


def test_files_of_a_web_folder_are_fetched_and_kept_until_purged(imgix: Imgix) -> None:
    with raw_server(always(answer(200, picture(), "Content-Type: image/png"))) as server:
        imgix.create("shop", webfolder_base_url=f"{server.base_url}/images/")
        assert imgix.rendered("/a.png").content == picture()
        assert imgix.rendered("/a.png", "w=30").status_code == 200
        assert [head.split()[1] for head in server.heads] == [b"/images/a.png"]
        imgix.http.post("purge", json=document("purges", {"url": "https://shop.imgix.net/a.png"}))
        assert imgix.rendered("/a.png").status_code == 200
        assert len(server.heads) == 2


def test_a_missing_image_is_replaced_by_the_default_image_of_the_source(imgix: Imgix) -> None:
    fallback = imgix.sandbox.add_source("fallback")
    imgix.sandbox.add_file(fallback, "/none.png", picture())
    url = "https://fallback.imgix.net/none.png"
    imgix.sandbox.add_source("plain", image_missing=url)
    imgix.sandbox.add_source("sized", image_missing=url, image_missing_append_qs=True)
    imgix.sandbox.add_source("circle", image_missing="https://circle.imgix.net/none.png")

    def size(host: str) -> tuple[int, int]:
        found = imgix.rendered("/gone.png", "w=30", host=f"{host}.imgix.net")
        assert (found.status_code, found.headers["x-imgix-sandbox-substitute"]) == (200, "image_missing")
        return Image.open(BytesIO(found.content)).size

    assert size("plain") == (300, 200)
    assert size("sized") == (30, 20)
    assert imgix.rendered("/gone.png", host="circle.imgix.net").status_code == 404


def test_an_origin_that_fails_is_replaced_by_the_error_image(imgix: Imgix) -> None:
    with raw_server(always(answer(200, picture(), "Content-Type: image/png"))) as server:
        origin = {"webfolder_base_url": "http://127.0.0.1:1/"}
        imgix.create("shop", image_error=f"{server.base_url}/error.png", **origin)
        imgix.create("bare", **origin)

        assert imgix.rendered("/a.png").content == picture()
        assert imgix.rendered("/a.png", host="bare.imgix.net").status_code == 502


@pytest.mark.parametrize("host", ["xn--", "xn--999999999999999999999", "\xfc..example", "a..b", "[::1"])
def test_an_origin_whose_host_is_not_a_name_is_a_bad_gateway(imgix: Imgix, host: str) -> None:
    imgix.create("shop", webfolder_base_url=f"http://{host}/")

    assert imgix.rendered("/a.png").status_code == 502


def test_a_deployment_configures_caches_robots_and_flash(imgix: Imgix) -> None:
    source = imgix.sandbox.add_source("shop", cache_ttl_value=3600, crossdomain_xml_enabled=True)
    imgix.sandbox.add_file(source, "/a.png", picture())
    closed = imgix.sandbox.add_source("closed", **{"robots.txt": "disallow-all"})
    imgix.sandbox.add_file(closed, "/robots.txt", b"of the origin")

    assert imgix.rendered("/a.png", "w=30").headers["cache-control"] == "public, max-age=3600"
    assert "cross-domain-policy" in imgix.rendered("/crossdomain.xml").text
    assert imgix.rendered("/robots.txt").status_code == 404
    assert imgix.rendered("/robots.txt", host="closed.imgix.net").text == "User-agent: *\nDisallow: /\n"
