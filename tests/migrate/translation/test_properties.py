"""Properties of the translation of all URLs, including unusual ones."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgwire_async.cdn import cdn_url, parse_cdn_url
from imgwire_async.migrate import translate_srcset, translate_text, translate_url
from imgwire_async.migrate.translation.records import Status
from imgwire_async.migrate.translation.rules.table import NAMES

BASE = "https://cdn.example.com/org/env/image"
STATUSES = get_args(Status)
ASSETS = {"/a.jpg": BASE, "/logo.png": "logo-id"}

values = st.sampled_from(
    [
        *("0", "1", "-1", "0.5", "1.0", "100", "2.00001", "8192.4", "99999", "9" * 320, "nan", "1e9", "٣"),
        *(
            "fff",
            "80ff0000",
            "red,blue",
            "top,left",
            "crop",
            "fill",
            "facearea",
            "min",
            "fillmax",
            "focalpoint",
        ),
        *(
            "16:9",
            "0:1",
            "10,20,300,400",
            "center,middle,50,50",
            "0.1,0.1,0.5,full",
            "10,f00",
            "true",
            "false",
        ),
        *(
            "solid",
            "format",
            "compress,enhance",
            "webp",
            "/logo.png",
            "https://c.example/l.png",
            "http://x/y",
        ),
        *("//shop.imgix.net/logo.png?w=40&h=x", "MTAw", "!!!", "%FF", "\ud800", "+", "%20", "1,,", "%00", ""),
    ]
)
pairs = st.lists(
    st.tuples(st.sampled_from(sorted(NAMES)), values), max_size=8, unique_by=lambda pair: NAMES[pair[0]]
)
contexts = st.fixed_dictionaries(
    {},
    optional={
        "width": st.sampled_from([1, 300, 4000, 20_000]),
        "height": st.sampled_from([1, 200, 3000, 20_000]),
        "mime_type": st.sampled_from(["image/jpeg", "image/png", "application/pdf"]),
        "exif_orientation": st.sampled_from([None, 1, 6]),
        "default_params": st.just({"auto": "format", "q": 50, "fit": "crop", "blur": 0.5, "x": None}),
    },
)
steady = settings(max_examples=300, deadline=None, derandomize=True)


def url_of(parameters: list[tuple[str, str]]) -> str:
    return "https://shop.imgix.net/a.jpg?" + "&".join(f"{name}={value}" for name, value in parameters)


@steady
@given(st.text() | st.text("https:/.imgxnet?=&%2\\<a,w1", max_size=60).map("https://a.imgix.net/".__add__))
def test_any_string_has_one_of_the_five_statuses(text: str) -> None:
    assert translate_url(text, token="token", hosts=("img.example",)).status in STATUSES
    assert all(found.translation.status in STATUSES for found in translate_srcset(text))
    assert all(found.translation.status in STATUSES for found in translate_text(text, assets=ASSETS).urls)


@steady
@given(pairs, contexts)
def test_translated_urls_are_canonical_for_the_strict_builder(
    parameters: list[tuple[str, str]], context: dict[str, Any]
) -> None:
    translation = translate_url(url_of(parameters), assets=ASSETS, **context)

    new = cdn_url(BASE, **translation.transformations)

    assert parse_cdn_url(new).transformation.values == dict(translation.transformations)
    if translation.status != "malformed":
        assert translation.url == new


@steady
@given(pairs, contexts, st.randoms(use_true_random=False))
def test_the_order_of_parameters_makes_no_difference(
    parameters: list[tuple[str, str]], context: dict[str, Any], random: Any
) -> None:
    shuffled = random.sample(parameters, len(parameters))

    one = translate_url(url_of(parameters), assets=ASSETS, **context)
    other = translate_url(url_of(shuffled), assets=ASSETS, **context)

    assert (one.status, one.transformations) == (other.status, other.transformations)
    for name in ("approximate", "unsupported", "ignored", "unknown"):
        assert sorted(getattr(one, name)) == sorted(getattr(other, name))


@pytest.mark.parametrize("value", ["1", "", "true", "0.5", "ff0000", "a,b", "-1", "zz9"])
def test_a_single_parameter_is_always_applied_or_reported(value: str) -> None:
    for name in NAMES:
        found = translate_url(url_of([(name, value)]), assets=ASSETS)
        named = (*found.approximate, *found.unsupported, *found.ignored, *found.unknown)
        assert found.transformations or named, name


@steady
@given(pairs, contexts)
def test_every_parameter_is_translated_or_reported(
    parameters: list[tuple[str, str]], context: dict[str, Any]
) -> None:
    """An exact translation without transformations comes only from parameters without effect."""
    translation = translate_url(url_of(parameters), assets=ASSETS, **context)

    if translation.status == "exact" and not translation.transformations and not context:
        silent = {"auto", "rot-type", "fit"} | {found.name for found in translation.ignored}
        assert {NAMES[name] for name, _ in parameters} <= silent | _WITHOUT_CHANGE


_WITHOUT_CHANGE = {"dpr", "crop", "flip", "orient", "fill", "bg", "duotone-alpha"}


@steady
@given(pairs, contexts)
def test_a_new_url_is_left_unchanged(parameters: list[tuple[str, str]], context: dict[str, Any]) -> None:
    found = translate_text(url_of(parameters), assets=ASSETS, **context)

    again = translate_text(found.text, assets=ASSETS, **context)

    assert again.text == found.text
    if found.text.startswith(BASE):
        assert translate_url(found.text).status == "not_imgix"
