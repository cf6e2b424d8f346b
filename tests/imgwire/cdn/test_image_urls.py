"""The URL methods of an image record."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import attrs
import pytest

from imgwire_async.imgwire.cdn import CdnUrls, InvalidTransformationError, cdn_url

BASE = "https://cdn.example.com/org/env/image"


@attrs.define
class Image(CdnUrls):
    cdn_url: str = BASE


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def tags(markup: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(markup)
    return parser.tags


def test_mixin_keeps_slotted_classes_without_a_dict() -> None:
    assert not hasattr(Image(), "__dict__")


def test_url_is_that_of_the_free_function() -> None:
    assert Image().url("small", format="auto", w=300) == cdn_url(BASE, "small", format="auto", width=300)
    assert Image().url() == BASE
    assert Image().url(strict=False, width=0) == BASE
    with pytest.raises(InvalidTransformationError):
        Image().url(width=0)


def test_srcset_by_widths() -> None:
    assert Image().srcset(widths=[320, 640], format="webp") == (
        f"{BASE}?format=webp&width=320 320w, {BASE}?format=webp&width=640 640w"
    )


def test_srcset_by_densities_with_a_preset() -> None:
    assert (
        Image().srcset(densities=[1, 1.5], preset="small")
        == f"{BASE}@small?dpr=1 1x, {BASE}@small?dpr=1.5 1.5x"
    )


def test_srcset_names_each_candidate_once() -> None:
    assert Image().srcset(widths=[320, 320]) == f"{BASE}?width=320 320w"


@pytest.mark.parametrize(
    "arguments",
    [
        {}, {"widths": [1], "densities": [1]}, {"widths": []}, {"widths": [0]}, {"widths": [None]},
        {"widths": 320}, {"widths": [320], "w": 100}, {"densities": [2], "dpr": 1},
        {"widths": [9000], "strict": False}, {"widths": [{}]}, {"widths": "12"}, {"widths": b"12"},
    ],
)  # fmt: skip
def test_srcset_rejects_arguments_without_candidates(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidTransformationError):
        Image().srcset(**arguments)


def test_picture_offers_avif_then_webp_then_a_fallback() -> None:
    markup = Image().picture(
        "A hero", widths=[320, 640], sizes="50vw", attributes={"loading": "lazy"}, quality=70
    )

    assert tags(markup) == [
        ("picture", {}),
        ("source", {
            "type": "image/avif",
            "srcset": Image().srcset(widths=[320, 640], format="avif", quality=70),
            "sizes": "50vw",
        }),
        ("source", {
            "type": "image/webp",
            "srcset": Image().srcset(widths=[320, 640], format="webp", quality=70),
            "sizes": "50vw",
        }),
        ("img", {
            "loading": "lazy",
            "src": Image().url(format="auto", quality=70, width=640),
            "srcset": Image().srcset(widths=[320, 640], format="auto", quality=70),
            "sizes": "50vw",
            "alt": "A hero",
        }),
    ]  # fmt: skip
    assert markup.endswith("</picture>")


def test_picture_by_densities_falls_back_to_the_first_density() -> None:
    image = tags(Image().picture("", densities=[1, 2], fallback="jpg", width=100))[-1][1]

    assert image["src"] == Image().url(format="jpg", width=100, dpr=1)
    assert image["alt"] == ""
    assert "sizes" not in image


def test_picture_without_candidates_is_one_url_per_format() -> None:
    found = tags(Image().picture("x", preset="small"))

    assert [attributes.get("srcset") for _, attributes in found[1:]] == [
        f"{BASE}@small?format={name}" for name in ("avif", "webp", "auto")
    ]


def test_picture_escapes_everything() -> None:
    hostile = "\"><script>'&amp;"
    markup = Image(f'{BASE}"&<x').picture(
        hostile, widths=[320], sizes=hostile, attributes={"title": hostile}, height=5, watermark_text=hostile
    )

    image = tags(markup)[-1][1]
    assert [tag for tag, _ in tags(markup)] == ["picture", "source", "source", "img"]
    assert image["alt"] == image["title"] == image["sizes"] == hostile
    assert image["src"] == Image(f'{BASE}"&<x').url(
        format="auto", height=5, watermark_text=hostile, width=320
    )
    assert re.findall(r"&(?!amp;|quot;|lt;|gt;|#x27;)", markup) == []


@pytest.mark.parametrize("name", ["", "on load", 'a"', "a>", "a=b", "1a"])
def test_picture_rejects_invalid_attribute_names(name: str) -> None:
    with pytest.raises(InvalidTransformationError, match="names of HTML attributes"):
        Image().picture("", attributes={name: "x"})


@pytest.mark.parametrize(
    "arguments",
    [{"alt": None}, {"alt": 5}, {"alt": "", "sizes": 5}, {"alt": "", "attributes": {"width": 640}},
     {"alt": "", "attributes": {"title": None}}, {"alt": "", "attributes": {5: "x"}}],
    ids=repr,
)  # fmt: skip
def test_picture_rejects_attributes_that_are_not_strings(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidTransformationError, match=r"text|names of HTML attributes"):
        Image().picture(**arguments)


def test_attributes_that_picture_sets_are_not_repeated() -> None:
    markup = Image().picture("x", attributes={"SRC": "y", "Alt": "y", "Loading": "lazy"})

    assert re.findall(r' (\w+)="', markup.splitlines()[-2], re.IGNORECASE) == [
        "src",
        "alt",
        "loading",
        "srcset",
    ]
    assert tags(markup)[-1][1]["src"] == Image().url(format="auto")


def test_picture_sets_the_format_itself() -> None:
    with pytest.raises(InvalidTransformationError, match="given once"):
        Image().picture("", format="png")
