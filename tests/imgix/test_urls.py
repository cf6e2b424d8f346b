"""Rendering URLs of imgix: built and signed like those of imgix's own libraries."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgwire_async.errors import InvalidArgumentError
from imgwire_async.imgix.urls import (
    DENSITY_QUALITIES,
    SRCSET_WIDTHS,
    imgix_srcset,
    imgix_url,
    is_signed,
    url_signature,
)

RECORDED = json.loads((Path(__file__).parent / "recorded" / "signed-urls.json").read_text())["document"]
COMPLETE = [row for row in RECORDED if "url" in row]
PARTS = [row for row in RECORDED if "query" in row]

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
names = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=2, max_size=12)


class TestSignatures:
    @pytest.mark.parametrize("row", PARTS, ids=lambda row: row["query"])
    def test_agree_with_the_official_builder_on_path_and_query(self, row: dict[str, str]) -> None:
        path = row["path"].partition(" (")[0]
        path = f"/{path}" if "already encoded" in row["path"] else path
        query, _, signature = row["query"].removeprefix("?").rpartition("s=")

        assert url_signature(row["token"], path, query.removesuffix("&")) == signature

    @pytest.mark.parametrize("row", COMPLETE, ids=lambda row: row["url"])
    def test_of_official_urls_are_recognised(self, row: dict[str, str]) -> None:
        assert is_signed(row["url"], row["token"])
        assert not is_signed(row["url"], row["token"] + "x")

    @pytest.mark.parametrize(
        ("token", "url", "signature"),
        [
            ("test1234", "/bridge.png?h=100&w=100", "bb8f3a2ab832e35997456823272103a4"),
            ("tok123", "/products/desk.jpg", "3185b3dbd9500e87b4af29a2923f95f5"),
            ("tok123", "/a%20b.jpg?w=10", "6536b07f996525a7ef0e4547342088aa"),
            ("tok123", "/https%3A%2F%2Fexample.com%2Fa.jpg?w=10", "0934fcb84c3b0dff092193edd63ad4cf"),
        ],
    )
    def test_have_the_documented_values(self, token: str, url: str, signature: str) -> None:
        path, _, query = url.partition("?")
        assert url_signature(token, path, query) == signature

    @pytest.mark.parametrize(
        "url",
        [
            "https://shop.imgix.net/a.jpg",
            "https://shop.imgix.net/a.jpg?w=1",
            "https://shop.imgix.net/a.jpg?s=",
            "https://shop.imgix.net/a.jpg?s=%C3%A4",
            "https://shop.imgix.net/a.jpg?s=ä",
            "https://[bad/a.jpg?s=1",
            "",
        ],
    )
    def test_that_are_missing_or_malformed_are_not_valid(self, url: str) -> None:
        assert not is_signed(url, "tok123")

    def test_must_be_the_last_parameter(self) -> None:
        signed = imgix_url("shop.imgix.net", "a.jpg", {"w": 1}, token="tok123")
        query = urlsplit(signed).query

        assert is_signed(signed, "tok123")
        assert not is_signed(f"{signed}&h=2", "tok123")
        assert not is_signed(signed.replace(query, "&".join(reversed(query.split("&")))), "tok123")

    @pytest.mark.parametrize("path", ["//a.jpg", "https://e.com/a.jpg", "a;b@c"])
    def test_are_checked_for_a_path_and_query_alone(self, path: str) -> None:
        url = imgix_url("shop.imgix.net", path, {"w": 1}, token="tok123")

        assert is_signed(url.removeprefix("https://shop.imgix.net"), "tok123")
        assert is_signed(f"{url}#fragment", "tok123")

    @pytest.mark.parametrize("added", ["\n", "\t", " ", "\r\nx: y"])
    def test_are_invalid_with_characters_that_are_never_sent(self, added: str) -> None:
        url = imgix_url("shop.imgix.net", "a.jpg", {"w": 1}, token="tok123")

        for place in (0, len(url), url.index("?"), url.index("a.jpg") + 1):
            assert not is_signed(url[:place] + added + url[place:], "tok123")

    @pytest.mark.parametrize("url", [None, 5, b"https://shop.imgix.net/a.jpg?s=1"])
    def test_are_found_in_text_only(self, url: Any) -> None:
        assert not is_signed(url, "tok123")

    @pytest.mark.parametrize("token", [5, b"tok123", None, "\ud800"])
    def test_need_a_token_that_is_a_string(self, token: Any) -> None:
        with pytest.raises(InvalidArgumentError, match="token"):
            url_signature(token, "/a.jpg")
        with pytest.raises(InvalidArgumentError, match="token"):
            is_signed("", token)

    def test_need_a_token_that_is_not_empty(self) -> None:
        forged = "https://shop.imgix.net/a.jpg?s=" + hashlib.md5(b"/a.jpg").hexdigest()

        with pytest.raises(InvalidArgumentError, match="must not be empty"):
            is_signed(forged, "")
        with pytest.raises(InvalidArgumentError, match="must not be empty"):
            imgix_url("shop.imgix.net", "a.jpg", token="")

    def test_do_not_count_if_they_end_another_parameter(self) -> None:
        query = f"colors={url_signature('tok123', '/a.jpg', 'color')}"
        assert not is_signed(f"https://shop.imgix.net/a.jpg?{query}", "tok123")


class TestBuilding:
    @pytest.mark.parametrize(
        ("path", "params", "url"),
        [
            ("products/desk.jpg", {"w": 600}, COMPLETE[0]["url"]),
            ("/products/desk.jpg", {}, COMPLETE[1]["url"]),
            (
                "products/desk ä.jpg",
                {"ixlib": "js-3.8.0", "w": 600, "h": 400, "fit": "crop"},
                COMPLETE[2]["url"],
            ),
            ("https://images.example.com/a b/c.jpg?v=2", {"w": 300}, COMPLETE[3]["url"]),
            ("p/1.jpg", {"txt64": "Größe: 50 %", "w": 400, "expires": 1893456000}, COMPLETE[4]["url"]),
            (
                "p/2.jpg",
                {"mark64": "https://shop.imgix.net/logo.png?w=40", "mark-align": ["top", "left"]},
                COMPLETE[5]["url"],
            ),
        ],
    )
    def test_builds_the_url_of_the_official_builder(
        self, path: str, params: dict[str, str | int], url: str
    ) -> None:
        assert imgix_url("shop.imgix.net", path, params, token="tok123") == url

    def test_omits_none_and_writes_booleans_in_lower_case(self) -> None:
        assert (
            imgix_url("shop.imgix.net", "a.jpg", {"w": None, "invert": True, "q": 0.5})
            == "https://shop.imgix.net/a.jpg?invert=true&q=0.5"
        )

    @pytest.mark.parametrize(
        ("value", "written"),
        [
            (2.0, "2"),
            (0.25, "0.25"),
            ([0.5, 1.0], "0.5%2C1"),
            ([True, False], "true%2Cfalse"),
            (-0.0, "0"),
            (1e-6, "0.000001"),
            (1.5e-7, "1.5e-7"),
            (1e17, "100000000000000000"),
            (1e22, "1e%2B22"),
        ],
    )
    def test_writes_numbers_and_booleans_as_javascript_does(
        self, value: float | list[float], written: str
    ) -> None:
        assert imgix_url("shop.imgix.net", "a.jpg", {"x": value}).endswith(f"?x={written}")

    @pytest.mark.parametrize(
        ("path", "encoded"),
        [
            ("a b.jpg", "/a%20b.jpg"),
            ("a+b?c#d:e.jpg", "/a%2Bb%3Fc%23d%3Ae.jpg"),
            ("50%25.jpg", "/50%2525.jpg"),
            ("a@b&c=d$e,f;g.jpg", "/a@b&c=d$e,f;g.jpg"),
            ("//double.jpg", "//double.jpg"),
            ("...jpg/..a/a..", "/...jpg/..a/a.."),
            ("\n\t\0\\", "/%0A%09%00%5C"),
            ("https://e.com/../a?b=c&d#e", "/https%3A%2F%2Fe.com%2F..%2Fa%3Fb%3Dc%26d%23e"),
            ("/http://e.com/ü", "/http%3A%2F%2Fe.com%2F%C3%BC"),
        ],
    )
    def test_encodes_the_path_once(self, path: str, encoded: str) -> None:
        assert imgix_url("shop.imgix.net", path) == f"https://shop.imgix.net{encoded}"

    @pytest.mark.parametrize(
        "host",
        [
            *("", "https://shop.imgix.net", "shop.imgix.net/x", "a b", "ä.example", "-", "..", "a..b", ":80"),
            *(
                "a:b",
                "a:",
                "user@a",
                "a\n",
                "a.example:123456",
                f"{'a.' * 130}net",
                None,
                5,
                b"shop.imgix.net",
            ),
        ],
    )
    def test_rejects_a_host_that_is_not_a_bare_name(self, host: Any) -> None:
        with pytest.raises(InvalidArgumentError, match="bare host name"):
            imgix_url(host, "a.jpg")

    @pytest.mark.parametrize(
        ("path", "params", "problem"),
        [
            ("", {}, "must not be empty"),
            ("/", {}, "must not be empty"),
            ("\ud800.jpg", {}, "lone surrogate"),
            ("a.jpg", {"txt": "\ud800"}, "lone surrogate"),
            ("a.jpg", {"s": "1"}, "token="),
            ("a.jpg", {"w": {}}, "w must be"),
            ("a.jpg", {"w": b"10"}, "w must be"),
            ("a.jpg", {"w": math.nan}, "w must be"),
            ("a.jpg", {"w": [1, math.inf]}, "w must be"),
            ("a.jpg", {"w": {1}}, "w must be"),
            ("a.jpg", {"": "1"}, "name of a parameter"),
            ("a.jpg", {1: "1"}, "name of a parameter"),
            ("a.jpg", "w=1", "params must map"),
            (None, {}, "must be a string"),
            (b"a.jpg", {}, "must be a string"),
            ("a/../b.jpg", {}, "'.' or '..'"),
            ("./b.jpg", {}, "'.' or '..'"),
            ("a/..", {}, "'.' or '..'"),
        ],
    )
    def test_says_what_cannot_be_written(self, path: Any, params: Any, problem: str) -> None:
        with pytest.raises(InvalidArgumentError, match=problem):
            imgix_url("shop.imgix.net", path, params)

    @given(texts.filter(lambda path: path.strip("/")), st.dictionaries(names, texts, max_size=4), texts)
    def test_whatever_is_signed_is_recognised_and_reads_back(
        self, path: str, params: dict[str, str], token: str
    ) -> None:
        params = {f"{name}-x": value for name, value in params.items()}
        url = imgix_url("shop.imgix.net", path, params, token=token)

        assert is_signed(url, token)
        pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
        assert dict(pairs[:-1]) == params


class TestSrcset:
    def test_is_fluid_without_a_size(self) -> None:
        candidates = imgix_srcset("shop.imgix.net", "a.jpg", {"auto": "format"}).split(", ")

        assert len(candidates) == len(SRCSET_WIDTHS)
        assert candidates[0] == "https://shop.imgix.net/a.jpg?auto=format&w=100 100w"
        assert candidates[-1].endswith("w=8192 8192w")

    def test_accepts_widths(self) -> None:
        assert (
            imgix_srcset("shop.imgix.net", "a.jpg", widths=[320, 640])
            == "https://shop.imgix.net/a.jpg?w=320 320w, https://shop.imgix.net/a.jpg?w=640 640w"
        )

    def test_names_densities_and_lower_qualities_at_a_fixed_size(self) -> None:
        candidates = imgix_srcset("shop.imgix.net", "a.jpg", {"w": 300}).split(", ")

        assert candidates == [
            f"https://shop.imgix.net/a.jpg?w=300&q={quality}&dpr={dpr} {dpr}x"
            for dpr, quality in DENSITY_QUALITIES.items()
        ]

    def test_keeps_a_quality_that_is_passed(self) -> None:
        candidates = imgix_srcset("shop.imgix.net", "a.jpg", {"h": 300, "q": 60}).split(", ")
        assert candidates[1] == "https://shop.imgix.net/a.jpg?h=300&q=60&dpr=2 2x"

    def test_signs_every_candidate(self) -> None:
        for candidate in imgix_srcset("shop.imgix.net", "a.jpg", token="tok123").split(", "):
            assert is_signed(candidate.split(" ")[0], "tok123")

    def test_is_fixed_by_other_names_of_a_size_too(self) -> None:
        assert imgix_srcset("shop.imgix.net", "a.jpg", {"width": 300}).endswith("width=300&q=20&dpr=5 5x")
        assert imgix_srcset("shop.imgix.net", "a.jpg", {"w": 0}, widths=[1]).endswith("?w=1 1w")

    def test_names_no_width_twice(self) -> None:
        assert imgix_srcset("shop.imgix.net", "a.jpg", widths=[1, 1]).count("1w") == 1

    @pytest.mark.parametrize(
        "widths", [[], [0], [-1], [True], [1.5], ["a"], [None], "12", 5, {100}, iter([1])]
    )
    def test_rejects_invalid_widths(self, widths: Any) -> None:
        with pytest.raises(InvalidArgumentError, match="widths"):
            imgix_srcset("shop.imgix.net", "a.jpg", widths=widths)

    def test_rejects_widths_beside_a_fixed_size(self) -> None:
        with pytest.raises(InvalidArgumentError, match="fix the size"):
            imgix_srcset("shop.imgix.net", "a.jpg", {"w": 10}, widths=[20])
