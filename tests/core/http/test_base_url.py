"""Base URLs that are accepted, and their normalized form."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from imgwire_async.core.http.urls import _PLAIN, is_http_url, sendable_url
from imgwire_async.imgix.service import IMGIX
from imgwire_async.imgwire.service import IMGWIRE


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("https://store.example/a%2Fb?X=%2f&Y=a+b%20c&e=", "https://store.example/a%2Fb?X=%2f&Y=a+b%20c&e="),
        ("http://[::1]:8000/x", "http://[::1]:8000/x"),
        ("https://a_b.example/", "https://a_b.example/"),
        ("https://bücher.example/ü?x=ü", "https://xn--bcher-kva.example/%C3%BC?x=%C3%BC"),
    ],
)
def test_a_url_is_sent_unchanged_except_for_non_ascii_characters(text: str, sent: str) -> None:
    assert is_http_url(text)
    assert sendable_url(text) == sent


@pytest.mark.parametrize(
    "text",
    [
        "http://^",
        "http://%5e",
        "http://%5E/",
        "http://a<b>/",
        "HTTP://A.EXAMPLE:80/x",
        "HTTPS://a.example:443",
    ],
)
def test_encoding_an_encoded_url_changes_nothing(text: str) -> None:
    assert is_http_url(text)
    sent = sendable_url(text)

    assert sendable_url(sent) == sent


@pytest.mark.parametrize(
    "text",
    [
        "",
        "store.example/a",
        "ftp://store.example/a",
        "https://",
        "https:////store.example/a",
        "https://..",
        f"https://{'a' * 64}.example",
        "https://xn--",
        "https://store.example:0/",
        "https://store.example:65536/",
        "http://[bad",
        "http://[::1]-\N{MATHEMATICAL BOLD DIGIT ONE}",
        "https://store.example\\@other.example/",
        "https://user:password@store.example/",
        "https://\u200b@store.example/",
    ],
)
def test_a_url_that_cannot_be_requested_is_rejected(text: str) -> None:
    assert not is_http_url(text)


_PIECES = st.sampled_from(
    [
        *("localhost", "127.0.0.1", "[::1]", ":1", ":80", "xn--a", "%5e", ".."),
        *("@", "%", "^", "<", "]", "A", "ü", "/", "//", "?", "#", "\\"),
    ]
)


@given(
    st.sampled_from(["http", "HTTP", "https", "Https"]),
    st.lists(_PIECES | st.text(max_size=3), max_size=6).map("".join),
)
def test_an_accepted_url_is_plain_ascii_whose_host_all_readers_agree_on(scheme: str, rest: str) -> None:
    text = f"{scheme}://{rest}"
    if not is_http_url(text):
        return
    sent = sendable_url(text)
    assert sent.isascii()
    assert sent.isprintable()
    assert " " not in sent
    assert sendable_url(sent) == sent
    assert URL(sent, encoded=True).raw_host == urlsplit(sent).hostname


@given(
    st.sampled_from(["http://", "https://"]),
    st.sampled_from(
        [
            *("localhost", "127.0.0.1", "[::1]", "api", "api.example.com", "a-b.c0.example", "xn--a.de"),
            *("1.2.3.com", "xn--a", "0123456789abcdef0123456789abcdef.r2.example"),
        ]
    ),
    st.sampled_from(["", ":80", ":443", ":9", ":1000", ":8080", ":64999", ":65536"]),
    st.text("az09-._~A/:%@é?=&+,;'!$()*#\\", max_size=8),
)
def test_a_url_accepted_without_the_libraries_is_sent_as_they_would_send_it(
    scheme: str, host: str, port: str, path: str
) -> None:
    text = f"{scheme}{host}{port}{path}"
    if _PLAIN.fullmatch(text):
        assert str(httpx.URL(text)) == text == str(URL(text, encoded=True))
        assert (
            URL(text, encoded=True).raw_host == httpx.URL(text).raw_host.decode() == urlsplit(text).hostname
        )


def test_usual_urls_are_accepted_without_the_libraries() -> None:
    for url in (
        IMGWIRE.public_url,
        IMGIX.public_url,
        "http://127.0.0.1:8000",
        "https://eu.proxy.example:8443/imgwire/",
        "http://imgwire-sandbox:8080",
        "http://[::1]:8000",
        "https://store.example/a%20b.jpg?X-Amz-Credential=KEY%2F20261128%2Feu&X-Amz-Signature=0f",
    ):
        assert _PLAIN.fullmatch(url)
