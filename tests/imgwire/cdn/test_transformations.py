"""Accepted values of each transformation and their text form, beyond those in the vendor's clients."""

from __future__ import annotations

import enum
from collections import UserDict
from types import MappingProxyType
from typing import Any

import pytest

from imgwire_async.imgwire.cdn import InvalidTransformationError, cdn_url, parse_cdn_url

BASE = "https://cdn.example.com/org/env/image"


REFUSED: dict[str, list[Any]] = {
    "width": ["8e2", 800.5, True, "1_000", "٣", b"800"],
    "hue": [float("nan"), float("inf"), "1e400", 10**400, "0x10"],
    "background": ["#ffff", "red", "256:0:0", {"r": 1, "g": 2}],
    "blur": [False, 0.2],
    "sharpen": [0],
    "progressive": ["yes"],
    "enlarge": ["on"],
    "crop": [
        {"width": 1, "height": 1, "x": 0},
        {"width": 1},
        "300:200:",
        "300",
        {"width": 1, "height": 1, "mode": "zoom"},
        "300:200:ce:sm",
    ],
    "gravity": ["red:sm"],
    "duotone": ["1:2:3:4"],
    "gradient": ["f00:90:1:", {"angle": 90}, {"colors": []}],
    "extend_aspect_ratio": [{"width": 16}, {"ratio": 1, "width": 16, "height": 9}],
    "extend": [{}],
    "padding": ["1:2:3:4:5"],
    "normalize": ["50:50", {"lower": 9, "upper": 1}],
    "watermark": ["a/b", "", {"image_id": "a", "imageId": "b"}],
    "watermark_size": ["::"],
    "watermark_text": ["", "x" * 2049, "{x", "\ud800"],
    "watermark_url": ["http://example.com/a", "https://", "aHR0cHM6Ly9leGFtcGxlLmNvbQ"],
    "zoom": [11],
    "rotate": [1.5, '{"angle":', "[1]"],
    "flip": [{}],
    "dpi": [0],
}


def value(**transformation: Any) -> str | None:
    """Canonical text of the only transformation; None if the URL has none."""
    values = parse_cdn_url(cdn_url(BASE, **transformation)).transformation.values
    return next(iter(values.values()), None)


@pytest.mark.parametrize(
    ("transformation", "canonical"),
    [
        # Empty slots stay: without them the next slot would change its meaning.
        ({"watermark": "abc::1:2"}, "abc::1:2"),
        ({"watermark_position": "se::-24"}, "southeast::-24"),
        ({"watermark_shadow": "#000::1:2"}, "000::1:2"),
        ({"adjust": "1.1::1.2"}, "1.1::1.2"),
        ({"gradient": "#F00,0f0::0.5"}, "f00,0f0::0.5"),
        ({"watermark_size": ":200"}, ":200"),
        # 1 stays a number where a number is accepted.
        ({"blur": 1}, "1"),
        ({"sharpen": "1"}, "1"),
        ({"blur": True}, "true"),
        ({"normalize": 1}, "true"),
        ({"negate": 1}, "true"),
        # Numbers.
        ({"hue": 1e21}, "1" + "0" * 21),
        ({"hue": 1e-7}, "0.0000001"),
        ({"hue": -0.0}, "0"),
        ({"hue": "+.50"}, "0.5"),
        ({"width": 800.0}, "800"),
        ({"width": " 0800 "}, "800"),
        # Colours.
        ({"background": "#ABCDEF80"}, "abcdef80"),
        ({"background": "007:08:9:0.50"}, "7:8:9:0.5"),
        ({"background": {"r": 1, "g": 2, "b": 3, "alpha": 1.0}}, "1:2:3:1"),
        ({"background": '{"r":1,"g":2,"b":3}'}, "1:2:3"),
        ({"monochrome": {"r": 1, "g": 2, "b": 3}}, "1:2:3"),
        # Objects that are written as JSON: sorted keys, hex colours with `#`, other colours as objects.
        (
            {"extend": {"top": 1, "background": "1:2:3:0.5"}},
            '{"background":{"alpha":0.5,"b":3,"g":2,"r":1},"top":1}',
        ),
        ({"duotone": {"shadow_color": "#F00", "highlightColor": "00ff00"}},
         '{"highlightColor":"#00ff00","shadowColor":"#f00"}'),
        ({"gradient": {"colors": ["f00", {"r": 1, "g": 2, "b": 3}], "angle": 90.0}},
         '{"angle":90,"colors":["#f00",{"b":3,"g":2,"r":1}]}'),
        ({"crop": {"width": 4, "height": "3", "gravity": "NE"}},
         '{"gravity":"northeast","height":3,"width":4}'),
        ({"watermark": {"imageId": "abc", "opacity": 0.5}}, '{"image_id":"abc","opacity":0.5}'),
        ({"watermark_text": {"text": "é {x}", "size": 20}}, '{"size":20,"text":"é {x}"}'),
        ({"rotate": '{"angle": 45, "background": null}'}, '{"angle":45}'),
        ({"sharpen": {"sigma": 1.5, "m1": 0}}, '{"m1":0,"sigma":1.5}'),
        # Objects with an equivalent text form.
        ({"extend_aspect_ratio": {"aspectRatio": 1.5}}, "1.5"),
        ({"extend_aspect_ratio": {"height": 9, "width": 16}}, "16:9"),
        ({"flip": {"horizontal": True}}, "horizontal"),
        ({"flip": {"horizontal": True, "vertical": "t"}}, "both"),
        ({"flip": "f:t"}, "vertical"),
        ({"normalize": {"upper": 99, "lower": 1}}, "1:99"),
        ({"negate": "alpha:f"}, "alpha:false"),
        ({"zoom": {"gravity": "se", "factor": 2.5}}, "2.5:southeast"),
        # Words.
        ({"resizing_type": "fit"}, "inside"),
        ({"format": "JPEG"}, "jpg"),
        ({"gravity": "nowe"}, "northwest"),
        ({"gravity": "so:sm"}, "attention"),
        ({"chroma_subsampling": "4:2:2"}, "4:2:2"),
        ({"crop": "1:2:300:200:ne"}, "1:2:300:200:northeast"),
        # Transformations without effect.
        ({"flip": {"horizontal": False, "vertical": False}}, None),
        ({"monochrome": False}, None),
        ({"negate": "false"}, None),
        ({"width": None}, None),
    ],
    ids=repr,
)  # fmt: skip
def test_value_becomes_canonical(transformation: dict[str, Any], canonical: str | None) -> None:
    assert value(**transformation) == canonical


@pytest.mark.parametrize(
    ("name", "refused"), [(name, refused) for name, values in REFUSED.items() for refused in values], ids=repr
)
def test_invalid_value_raises_in_strict_mode_and_is_dropped_in_lenient_mode(name: str, refused: Any) -> None:
    with pytest.raises(InvalidTransformationError) as caught:
        cdn_url(BASE, **{name: refused})
    assert caught.value.transformation == name
    assert cdn_url(BASE, strict=False, height=1, **{name: refused}) == f"{BASE}?height=1"


@pytest.mark.parametrize("name", ["blur", "bl", "sharpen", "sh", "watermark_shadow", "wmsh"])
@pytest.mark.parametrize("text", ["1", " 1 ", "t", "TRUE"])
def test_text_that_means_true_to_the_vendors_clients_is_true_in_lenient_mode(name: str, text: str) -> None:
    assert cdn_url(BASE, strict=False, **{name: text}).endswith("=true")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["blur", "sharpen"])
def test_the_value_1_stays_a_sigma_as_a_number_as_a_decimal_and_in_strict_mode(name: str) -> None:
    options: list[tuple[Any, bool]] = [(1, False), (1.0, False), ("1.0", False), (1, True), ("1", True)]
    for sigma, strict in options:
        assert cdn_url(BASE, strict=strict, **{name: sigma}) == f"{BASE}?{name}=1"


def test_lenient_mode_drops_unknown_names_and_unknown_keys() -> None:
    options: dict[str, Any] = {"widht": 1, "rotate": {"angle": 90, "colour": "red"}}

    assert cdn_url(BASE, strict=False, **options) == f"{BASE}?rotate=%7B%22angle%22%3A90%7D"


@pytest.mark.parametrize("mapping", [MappingProxyType({"angle": 90}), UserDict(angle=90)])
def test_any_mapping_is_accepted_as_an_object(mapping: Any) -> None:
    assert value(rotate=mapping) == '{"angle":90}'


def test_members_of_enumerations_count_as_their_values() -> None:
    class Choice(enum.StrEnum):
        WEBP = "webp"

    class Width(enum.IntEnum):
        CARD = 300

    assert cdn_url(BASE, format=Choice.WEBP, width=Width.CARD) == f"{BASE}?format=webp&width=300"  # type: ignore[arg-type]


def test_values_that_are_equal_in_python_are_distinguished() -> None:
    assert [value(blur=1), value(blur=True), value(blur=1.0)] == ["1", "true", "1"]
    with pytest.raises(InvalidTransformationError):
        cdn_url(BASE, width=True)
    assert value(width=1) == "1"


def test_only_the_characters_of_the_form_encoding_are_raw() -> None:
    assert cdn_url(BASE, watermark_text="a~b*c d+e/f-g_h.i") == (
        f"{BASE}?watermark_text=a%7Eb%2Ac+d%2Be%2Ff-g_h.i"
    )


def test_query_of_the_base_is_dropped_and_its_fragment_kept() -> None:
    assert cdn_url(f"{BASE}?height=1#top", width=2) == f"{BASE}?width=2#top"
    assert cdn_url(f"{BASE}?height=1", "small") == f"{BASE}@small"


def test_preset_replaces_the_one_of_the_base() -> None:
    assert cdn_url(f"{BASE}@small", "large") == f"{BASE}@large"


@pytest.mark.parametrize(
    "base", ["https://cdn.example.com", "https://cdn.example.com/", "https://c.example/a/"]
)
def test_preset_needs_a_path_that_ends_in_an_image_id(base: str) -> None:
    assert cdn_url(base, width=1) == f"{base}?width=1"
    with pytest.raises(InvalidTransformationError, match="ends in an image id"):
        cdn_url(base, "small")


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("preset", ["", "Small", "huge", 1])
def test_unknown_preset_is_an_error_in_both_modes(preset: Any, strict: bool) -> None:
    with pytest.raises(InvalidTransformationError, match="thumbnail, small, medium, large"):
        cdn_url(BASE, preset, strict=strict)


@pytest.mark.parametrize("base", ["", "https://c.example/a b", "https://c.example/\n", "\ud800", None, b"x"])
def test_base_must_be_a_url(base: Any) -> None:
    with pytest.raises(InvalidTransformationError, match="cdn_url="):
        cdn_url(base, width=1)
