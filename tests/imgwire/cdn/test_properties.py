"""Properties of URLs for all inputs, including hostile ones."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from imgwire_async.imgwire.cdn import InvalidTransformationError, Transformation, cdn_url, parse_cdn_url
from imgwire_async.imgwire.cdn.table import ROWS

BASE = "https://cdn.example.com/org/env/image"
CANONICAL = re.compile(
    re.escape(BASE)
    + r"(@[a-z]+)?(\?[a-z_-]+=([A-Za-z0-9_.+-]|%[0-9A-F]{2})+(&[a-z_-]+=([A-Za-z0-9_.+-]|%[0-9A-F]{2})+)*)?"
)
RECURSIVE: dict[str, Any] = {"width": 1}
RECURSIVE["height"] = RECURSIVE


class Hostile:
    """Raises in every method."""

    def fail(self, *_: object) -> Any:
        raise RuntimeError("hostile")

    __str__ = __repr__ = __bool__ = __len__ = __iter__ = __int__ = __float__ = __index__ = __getattr__ = fail
    __eq__ = __lt__ = __le__ = __hash__ = fail
    __class__ = property(fail)


class HostileText(str):
    __slots__ = ()
    __str__ = __repr__ = strip = lower = __eq__ = __len__ = __getitem__ = Hostile.fail
    __hash__ = str.__hash__


class HostileNumber(int):
    __str__ = __repr__ = __int__ = __eq__ = __le__ = __hash__ = __index__ = Hostile.fail


class HostileMapping(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        raise ZeroDivisionError

    def __iter__(self) -> Iterator[str]:
        raise OSError

    def __len__(self) -> int:
        raise MemoryError


atoms = st.sampled_from(
    [
        "1",
        "300",
        "-5",
        "0",
        "",
        "#fff",
        "ff0000",
        "true",
        "f",
        "auto",
        "ne",
        "sm",
        "alpha",
        "0.5",
        "1e3",
        "over",
        "a b",
    ]
)
joined = st.builds(lambda parts, by: by.join(parts), st.lists(atoms, max_size=6), st.sampled_from([":", ","]))
numbers = st.integers() | st.floats() | st.sampled_from([10**400, 1e308, 5e-324, 2**53])
AWKWARD = [
    Hostile(),
    HostileText("8"),
    HostileNumber(8),
    HostileMapping(),
    RECURSIVE,
    -(10**5000),
    b"1",
    object,
    1j,
]


@dataclass(frozen=True)
class Awkward:
    """A placeholder for one of `AWKWARD` until the call, because hypothesis inspects the values it draws."""

    index: int


def unmasked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: unmasked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unmasked(item) for item in value]
    return AWKWARD[value.index] if isinstance(value, Awkward) else value


awkward = st.builds(Awkward, st.integers(0, len(AWKWARD) - 1))
scalars = st.none() | st.booleans() | numbers | joined | st.text(st.characters(), max_size=20)
KEYS = """
width height x y gravity mode text size color colors angle opacity blend alpha r g b factor sigma m1 ratio
imageId image_id lower upper shadowColor highlight_color bg top left all scale blur multiplier pivot unknown
"""
keys = st.sampled_from(KEYS.split())
objects = st.recursive(
    scalars | awkward,
    lambda inner: st.dictionaries(keys, inner, max_size=4) | st.lists(inner, max_size=3),
    max_leaves=6,
)
as_json = st.dictionaries(keys, joined | st.integers(-5, 400) | st.booleans(), max_size=4).map(json.dumps)
names = st.sampled_from(sorted(ROWS))
options = st.dictionaries(names, objects | as_json, max_size=4)
scraps = st.lists(
    st.sampled_from(["@", "small", "/", "a", "w=1", "&", "%C3", "#", "width=", "wmt=", "+", "?"])
).map("".join)
presets = st.sampled_from([None, "small", "large"])


def built(preset: Any, strict: bool, given_options: dict[str, Any]) -> str | None:
    """The URL, or None if the options were rejected; any other exception fails the test."""
    try:
        return cdn_url(BASE, preset, strict=strict, **unmasked(given_options))
    except InvalidTransformationError as error:
        str(error).encode()
        return None


@settings(max_examples=600, deadline=None)
@given(preset=presets, strict=st.booleans(), options=options)
def test_any_input_returns_a_canonical_url_or_raises_the_one_error(
    preset: Any, strict: bool, options: dict[str, Any]
) -> None:
    url = built(preset, strict, options)

    assert url is None or CANONICAL.fullmatch(url)


@settings(max_examples=600, deadline=None)
@given(name=names, value=joined | as_json | numbers | st.booleans())
def test_parsing_a_built_url_returns_its_parts(name: str, value: Any) -> None:
    url = cdn_url(BASE, strict=False, **{name: value})

    parts = parse_cdn_url(url)

    assert parts.base == BASE
    assert parts.transformation.url(BASE) == url
    assert Transformation(**parts.transformation.values) == parts.transformation  # type: ignore[arg-type]


@settings(max_examples=300, deadline=None)
@given(preset=presets, options=options, data=st.data())
def test_order_of_arguments_does_not_matter(
    preset: Any, options: dict[str, Any], data: st.DataObject
) -> None:
    shuffled = dict(data.draw(st.permutations(list(options.items()))))

    assert built(preset, False, options) == built(preset, False, shuffled)
    assert built(preset, True, options) == built(preset, True, shuffled)


@settings(max_examples=300, deadline=None)
@given(options=options)
def test_lenient_mode_treats_what_strict_mode_accepts_in_the_same_way(options: dict[str, Any]) -> None:
    url = built(None, True, options)

    assert url is None or built(None, False, options) == url


@settings(max_examples=300, deadline=None)
@given(strict=st.booleans(), url=st.text() | st.builds("https://h/{}?{}".format, scraps, scraps))
def test_any_text_parses_or_raises_the_one_error(strict: bool, url: str) -> None:
    try:
        parts = parse_cdn_url(url, strict=strict)
    except InvalidTransformationError:
        return
    assert parse_cdn_url(parts.transformation.url(parts.base), strict=strict) == parts
