"""Fields to change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from imgwire_async.core.operation import list_of

from ..types import UNSET, Unset, fields_of, misfit, one_of, parse_map, parse_str, to_object
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
        return cls._take(fields_of("AssetUpdateAttributes", src_dict, ("custom_fields",)))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("AssetUpdateAttributes", rest)
        take = rest.pop
        at, value = "", None
        try:
            categories_ = value = take(at := "categories", UNSET)
            if categories_ is not None and categories_ is not UNSET:
                categories_ = list_of(parse_str)(categories_)
            custom_fields_ = value = take(at := "custom_fields", UNSET)
            if (
                custom_fields_.__class__ is not dict
                and custom_fields_ is not None
                and custom_fields_ is not UNSET
            ):
                custom_fields_ = parse_map(custom_fields_)
            description_ = value = take(at := "description", UNSET)
            if description_.__class__ is not str and description_ is not None and description_ is not UNSET:
                description_ = parse_str(description_)
            name_ = value = take(at := "name", UNSET)
            if name_.__class__ is not str and name_ is not None and name_ is not UNSET:
                name_ = parse_str(name_)
            tags_ = value = take(at := "tags", UNSET)
            if tags_ is not None and tags_ is not UNSET:
                tags_ = one_of(list_of(parse_str), parse_map)(tags_)
        except (TypeError, ValueError) as error:
            raise misfit("AssetUpdateAttributes", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(
            categories=categories_,
            custom_fields=custom_fields_,
            description=description_,
            name=name_,
            tags=tags_,
            additional_properties=rest,
        )
