"""Parsing a CDN URL, and applying one transformation to many images."""

from __future__ import annotations

import copy
import pickle

import pytest

from imgwire_async.imgwire.cdn import InvalidTransformationError, Transformation, cdn_url, parse_cdn_url

BASE = "https://cdn.example.com/org/env/3f2a"


def test_parts_are_base_preset_and_canonical_transformations() -> None:
    parts = parse_cdn_url(f"{BASE}@thumbnail?w=0150&bg=%23FFF&wmt=a+b%26c#top")

    assert parts.base == f"{BASE}#top"
    assert parts.image_id == "3f2a"
    assert parts.transformation.preset == "thumbnail"
    assert parts.transformation.values == {"background": "fff", "watermark_text": "a b&c", "width": "150"}
    assert parts.transformation.url(parts.base) == (
        f"{BASE}@thumbnail?background=fff&watermark_text=a+b%26c&width=150#top"
    )


def test_plain_url_has_no_transformation() -> None:
    assert parse_cdn_url(BASE) == (BASE, Transformation())


@pytest.mark.parametrize(
    "url",
    [
        f"{BASE}?width=1&w=2", f"{BASE}?width=1&width=1", f"{BASE}?widht=1",
        f"{BASE}?width=", f"{BASE}?width",
        f"{BASE}@huge", f"{BASE}@small@large", "https://c.example/@small", f"{BASE}?wmt=%FF", "", "a b",
    ],
)  # fmt: skip
def test_url_that_the_service_would_reject_is_an_error(url: str) -> None:
    with pytest.raises(InvalidTransformationError):
        parse_cdn_url(url)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    "url",
    ["data:image/png;base64,AAAA", "javascript:alert(1)", "mailto:a@small", "ftp://h/x", "localhost:80/x"],
)
def test_url_of_another_scheme_is_not_a_cdn_url(url: str, strict: bool) -> None:
    with pytest.raises(InvalidTransformationError, match="http"):
        parse_cdn_url(url, strict=strict)
    with pytest.raises(InvalidTransformationError, match="http"):
        cdn_url(url, width=1, strict=strict)


@pytest.mark.parametrize(
    "url", ["HTTP://127.0.0.1:8000/o/e/3f2a", "//cdn.example.com/3f2a", "/o/e/3f2a", "3f2a", "o/e:1/3f2a"]
)
def test_relative_and_http_urls_are_cdn_urls(url: str) -> None:
    parts = parse_cdn_url(f"{url}@small?w=1")

    assert (parts.base, parts.image_id, parts.transformation) == (
        url,
        "3f2a",
        Transformation("small", width=1),
    )


@pytest.mark.parametrize(
    "url", ["https://cdn.example.com", "https://cdn.example.com/", "https://a:b@cdn.example.com"]
)
def test_url_without_a_path_has_no_image_id(url: str) -> None:
    assert parse_cdn_url(url).image_id == ""


def test_lenient_parsing_drops_what_is_invalid() -> None:
    parts = parse_cdn_url(f"{BASE}@huge?width=0&height=5&x=1", strict=False)

    assert parts == (f"{BASE}@huge", Transformation(height=5))


@pytest.mark.parametrize("strict", [True, False])
def test_the_value_1_in_a_url_is_a_sigma(strict: bool) -> None:
    url = cdn_url(BASE, strict=strict, blur=1, sharpen=1)

    assert parse_cdn_url(url, strict=strict).transformation == Transformation(blur=1, sharpen=1)


@pytest.mark.parametrize("path", ["a@small@large", "@small", "a@", "@"])
def test_lenient_parsing_keeps_an_unknown_preset_as_part_of_the_path(path: str) -> None:
    assert parse_cdn_url(f"https://c.example/{path}", strict=False).base == f"https://c.example/{path}"


def test_at_sign_before_the_last_segment_is_not_a_preset() -> None:
    assert parse_cdn_url("https://user@cdn.example.com").base == "https://user@cdn.example.com"
    assert parse_cdn_url("https://user@cdn.example.com/a@small").transformation.preset == "small"


def test_transformation_is_built_once_and_applies_to_any_image() -> None:
    card = Transformation("small", w=300, format="webp")

    assert [card.url(base) for base in (BASE, "https://c.example/y")] == [
        cdn_url(BASE, "small", width=300, format="webp"),
        "https://c.example/y@small?format=webp&width=300",
    ]


def test_transformation_is_a_value() -> None:
    card = Transformation("small", w=300)

    assert {card, Transformation("small", width=300)} == {card}
    assert card != Transformation("small", width=301)
    assert pickle.loads(pickle.dumps(card)) == copy.deepcopy(card) == card
    assert repr(card) == "Transformation(preset='small', query='width=300')"
    with pytest.raises(AttributeError):
        card.query = "width=1"  # type: ignore[misc]


def test_transformation_rejects_what_a_url_rejects() -> None:
    with pytest.raises(InvalidTransformationError, match="width=0"):
        Transformation(width=0)
    assert Transformation(strict=False, width=0) == Transformation()
