"""Converts the metadata of an imgix asset to Imgwire's flat custom metadata.

Imgwire cannot change metadata later, so all of it is sent with the image.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias, get_args

from imgwire_async.errors import InvalidArgumentError
from imgwire_async.imgix.records import Asset

Scalar: TypeAlias = str | int | float | bool
AssetField: TypeAlias = Literal[
    "name", "description", "categories", "tags", "custom_fields", "date_created", "uploaded_by"
]
"""Fields of an asset that can be transferred."""

FIELDS: Final[tuple[AssetField, ...]] = get_args(AssetField)
_DERIVED: Final = (
    "colors",
    "date_modified",
    "face_count",
    "warning_adult",
    "warning_medical",
    "warning_racy",
    "warning_spoof",
    "warning_violence",
)
"""Fields that imgix has found out by itself; Imgwire has no place for them. Size, type and colour space are
in the file."""
_OPERATION: Final = "migrate_from_imgix"
_FIELD_PREFIX: Final = "custom_fields."
_ALT_FIELDS: Final = frozenset({"name", "description"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataRules:
    """Rules for converting an asset's metadata to `custom_metadata`, which maps names to single values.

    `imgix_id` and `origin_path` are always written. Lists and mappings are written as JSON text, which loses
    nothing: `categories` as `["shoes", "red"]`, `tags` with their confidence as `{"beach": 0.98}`. Dates are
    ISO 8601. Null values are left out.

    Args:
        fields: the fields to transfer. Default: all except the results of imgix's own analysis.
        custom_field_prefix: prefix for the names of custom fields, so that they do not collide with other
            entries. With "" they keep their names, and an asset with a field named like another entry fails,
            so that nothing is overwritten.

    Raises:
        InvalidArgumentError: a field is unknown, or the prefix is not text.
    """

    fields: Collection[AssetField] = FIELDS
    custom_field_prefix: str = "custom_"

    def __post_init__(self) -> None:
        given: object = self.fields
        if isinstance(given, str) or not isinstance(given, Collection) or not set(given) <= set(FIELDS):
            raise InvalidArgumentError(
                f"fields must be a list of {', '.join(FIELDS)}, got {given!r:.200}", operation=_OPERATION
            )
        prefix: object = self.custom_field_prefix
        if not isinstance(prefix, str):
            raise InvalidArgumentError(
                f"custom_field_prefix must be a string, got {prefix!r:.80}", operation=_OPERATION
            )


def check_alt_text(field: object) -> None:
    """Check the name of the field that holds alternative texts.

    Raises:
        InvalidArgumentError: it is none.
    """
    if field is None or (isinstance(field, str) and (field in _ALT_FIELDS or _alt_custom_field(field))):
        return
    raise InvalidArgumentError(
        "on_alt_text must be 'name', 'description' or 'custom_fields.' and the name of a custom field, "
        f"got {field!r:.80}",
        operation=_OPERATION,
    )


def flat_metadata(asset: Asset, rules: MetadataRules, alt_text: str | None = None) -> dict[str, Scalar]:
    """The custom metadata of an asset's image.

    Args:
        asset: the asset.
        rules: what to carry over, and how.
        alt_text: the field that holds the alternative text, see `check_alt_text`.

    Raises:
        InvalidArgumentError: two entries have the same name.
    """
    found: dict[str, Scalar] = {}

    def add(name: str, value: object, what: str) -> None:
        scalar = _scalar(value)
        if scalar is None:
            return
        if name in found:
            raise InvalidArgumentError(
                f"{what} of the asset {asset.id!r} and another entry of its metadata would both be named "
                f"{name!r}; choose another custom_field_prefix, or rename the field at imgix",
                operation=_OPERATION,
            )
        found[name] = scalar

    add("imgix_id", asset.id, "the id")
    add("origin_path", asset.origin_path, "the origin path")
    add("alt", None if alt_text is None else _alt_text(asset, alt_text), "the alternative text")
    for field in FIELDS:
        if field not in rules.fields:
            continue
        value: object = getattr(asset, field)
        if field != "custom_fields":
            add(field, value or None, f"the field {field}")
        elif isinstance(value, Mapping):
            for name, one in value.items():
                add(f"{rules.custom_field_prefix}{name}", one, f"the custom field {name!r}")
    return found


def lost_metadata(asset: Asset, rules: MetadataRules) -> tuple[str, ...]:
    """The fields of an asset that hold something, and are not carried over."""
    left_out = [field for field in FIELDS if field not in rules.fields]
    return tuple(name for name in (*left_out, *_DERIVED) if getattr(asset, name))


def _alt_custom_field(field: str) -> str | None:
    return field.removeprefix(_FIELD_PREFIX) if field.startswith(_FIELD_PREFIX) else None


def _alt_text(asset: Asset, field: str) -> object:
    custom = _alt_custom_field(field)
    value: object = getattr(asset, field) if custom is None else (asset.custom_fields or {}).get(custom)
    return value or None


def _scalar(value: object) -> Scalar | None:
    """A value as Imgwire takes it; None for null, which is left out."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return json.dumps(dict(value), ensure_ascii=False)
    return json.dumps(list(value) if isinstance(value, Collection) else value, ensure_ascii=False)
