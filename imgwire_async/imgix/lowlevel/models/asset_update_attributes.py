"""Fields to change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from imgwire_async.core.operation import list_of

from ..types import UNSET, FieldReader, Unset, one_of, parse_map, parse_str, to_object
from .maps import CustomFields, Tags


@define(kw_only=True)
class AssetUpdateAttributes:
    """Fields to change.

    Attributes:
        categories: Categories.
        custom_fields: Custom fields by name.
        description: Description.
        name: Title.
        tags: Tags with their confidence, or a list of names; what the service takes is
            undocumented.
    """

    categories: list[str] | None | Unset = UNSET
    custom_fields: CustomFields | None | Unset = UNSET
    description: str | None | Unset = UNSET
    name: str | None | Unset = UNSET
    tags: Tags | list[str] | None | Unset = UNSET
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties,
            {
                "categories": self.categories,
                "custom_fields": self.custom_fields,
                "description": self.description,
                "name": self.name,
                "tags": self.tags,
            },
        )

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the JSON object.

        Raises:
            KeyError: a required field is missing; the message is its name.
            TypeError: a value has the wrong JSON type.
            ValueError: a text is not the date, time or UUID that it should be.
        """
        fields = FieldReader("AssetUpdateAttributes", src_dict)
        return cls(
            categories=fields.optional_nullable("categories", list_of(parse_str)),
            custom_fields=fields.optional_nullable("custom_fields", parse_map),
            description=fields.optional_nullable("description", parse_str),
            name=fields.optional_nullable("name", parse_str),
            tags=fields.optional_nullable("tags", one_of(list_of(parse_str), parse_map)),
            additional_properties=fields.rest,
        )
