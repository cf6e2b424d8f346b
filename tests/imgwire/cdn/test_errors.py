"""The error names the rejected value, the allowed values and the likely intended one; it is plain data."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from imgwire_async.imgwire.cdn import InvalidTransformationError, cdn_url

BASE = "https://cdn.example.com/image"


def refusal(**transformations: Any) -> InvalidTransformationError:
    with pytest.raises(InvalidTransformationError) as caught:
        cdn_url(BASE, **transformations)
    return caught.value


def test_out_of_range_number_names_the_range_and_its_nearest_end() -> None:
    error = refusal(w=9000)

    assert (error.transformation, error.value) == ("width", 9000)
    assert (error.allowed, error.suggestion) == ("an integer from 1 to 8192", "8192")
    assert str(error) == "width=9000 is not allowed. Did you mean '8192'? Allowed: an integer from 1 to 8192."


def test_misspelt_word_names_the_closest_one() -> None:
    assert refusal(format="jpgg").suggestion == "jpg"
    assert refusal(format="bmp").suggestion == "webp"
    assert refusal(gravity="nrth").suggestion == "north"
    assert refusal(crop="300:200:nrtheast").suggestion == "northeast"
    assert refusal(preset="smal").suggestion == "small"


def test_unknown_name_names_the_closest_one() -> None:
    error = refusal(widht=800)

    assert (error.transformation, error.value, error.suggestion) == ("widht", 800, "width")
    assert "width" in error.allowed


def test_duplicate_through_an_alias_names_every_spelling() -> None:
    error = refusal(w=1, width=None)

    assert error.transformation == "width"
    assert error.allowed == "one of width, w, given once"


def test_wrong_part_of_an_object_or_a_colon_form_is_named() -> None:
    assert (
        refusal(crop={"width": 0, "height": 5}).allowed
        == "an object with width being an integer from 1 to 8192"
    )
    assert refusal(crop={"widht": 1, "height": 5}).suggestion == "width"
    assert refusal(extend="1:2:x").allowed.endswith("with bottom being an integer from 0 to 8192")


def test_alternatives_are_all_named() -> None:
    assert refusal(quality="best").allowed == "an integer from 1 to 100; or `auto`"


@pytest.mark.parametrize(
    "refused",
    [object(), b"x", {"a": object()}, "x" * 10_000, 10**5000, "\ud800", [[[[[]]]]], lambda: 0],
    ids=lambda refused: type(refused).__name__,
)
def test_error_is_plain_bounded_data_whatever_was_rejected(refused: Any) -> None:
    error = refusal(width=refused)

    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert vars(twin) == vars(error)
        assert str(twin) == str(error)
    assert len(str(error).encode()) < 300
    assert isinstance(error, ValueError)


def test_recursive_value_is_described() -> None:
    recursive: dict[str, Any] = {"width": 1, "height": 1}
    recursive["gravity"] = recursive

    assert "crop={'width': 1" in str(refusal(crop=recursive))
