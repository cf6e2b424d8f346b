"""Titles, tags and custom fields of an asset as the metadata of its image."""

from __future__ import annotations

import json
from typing import Any

import pytest

from imgwire_async.errors import InvalidArgumentError
from imgwire_async.imgix import Asset
from imgwire_async.imgix.lowlevel import models
from imgwire_async.migrate import MetadataRules
from imgwire_async.migrate.metadata import check_alt_text, flat_metadata, lost_metadata

RULES = MetadataRules()


def asset(**attributes: Any) -> Asset:
    given = {"origin_path": "/a/b.jpg", **attributes}
    return Asset.of(models.Asset.from_dict({"id": "s/a/b.jpg", "type": "assets", "attributes": given}))


def test_metadata_is_flattened_to_single_values_without_nulls() -> None:
    found = flat_metadata(
        asset(
            name="Title",
            description=None,
            categories=["a, b", "ü"],
            tags={"sea": 0.5},
            custom_fields={"n": 1, "f": 1.5, "b": False, "none": None, "list": ["x"], "empty": ""},
            date_created=1_700_000_000,
            uploaded_by="me@example.com",
        ),
        RULES,
    )
    assert found == {
        "imgix_id": "s/a/b.jpg",
        "origin_path": "/a/b.jpg",
        "name": "Title",
        "categories": '["a, b", "ü"]',
        "tags": '{"sea": 0.5}',
        "custom_n": 1,
        "custom_f": 1.5,
        "custom_b": False,
        "custom_list": '["x"]',
        "custom_empty": "",
        "date_created": "2023-11-14T22:13:20+00:00",
        "uploaded_by": "me@example.com",
    }
    assert json.loads(str(found["categories"])) == ["a, b", "ü"]


def test_an_asset_without_metadata_has_its_id_and_path() -> None:
    empty = asset(categories=[], tags={}, custom_fields=None, name="")
    assert flat_metadata(empty, RULES) == {"imgix_id": "s/a/b.jpg", "origin_path": "/a/b.jpg"}
    assert lost_metadata(empty, RULES) == ()


@pytest.mark.parametrize(
    ("field", "alt"),
    [("name", "N"), ("description", None), ("custom_fields.alt", "A"), ("custom_fields.other", None)],
)
def test_the_alternative_text_comes_from_the_chosen_field(field: str, alt: str | None) -> None:
    check_alt_text(field)
    found = flat_metadata(asset(name="N", custom_fields={"alt": "A"}), RULES, field)
    assert found.get("alt") == alt


@pytest.mark.parametrize("field", ["alt", "custom_fields.", "tags", "", 1])
def test_a_field_that_cannot_be_an_alternative_text_is_rejected(field: object) -> None:
    with pytest.raises(InvalidArgumentError, match="on_alt_text must be"):
        check_alt_text(field)


def test_without_a_prefix_a_custom_field_that_collides_with_another_entry_is_an_error() -> None:
    bare = MetadataRules(custom_field_prefix="")
    assert flat_metadata(asset(custom_fields={"season": "spring"}), bare)["season"] == "spring"
    for name in ("name", "imgix_id", "origin_path"):
        with pytest.raises(InvalidArgumentError, match=f"both be named '{name}'"):
            flat_metadata(asset(name="N", custom_fields={name: "mine"}), bare)
    with pytest.raises(InvalidArgumentError, match="both be named 'alt'"):
        flat_metadata(asset(name="N", custom_fields={"alt": "mine"}), bare, "name")


def test_metadata_that_is_not_carried_over_is_reported() -> None:
    one = asset(name="N", description="D", colors={"red": 1}, face_count=2, warning_adult=0, categories=["c"])
    assert lost_metadata(one, RULES) == ("colors", "face_count")
    assert lost_metadata(one, MetadataRules(fields=["name"])) == (
        "description",
        "categories",
        "colors",
        "face_count",
    )
    assert set(flat_metadata(one, MetadataRules(fields=["name"]))) == {"imgix_id", "origin_path", "name"}


@pytest.mark.parametrize(
    "wrong", [{"fields": ["colours"]}, {"fields": "name"}, {"custom_field_prefix": None}], ids=str
)
def test_impossible_rules_are_rejected(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        MetadataRules(**wrong)
