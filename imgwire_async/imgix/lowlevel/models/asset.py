"""An asset: a file of a source that is indexed in the Asset Manager. Its id is the source's id, a
slash, and the path.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import UNSET, FieldReader, Unset, parse_map, parse_str, to_object
from .asset_attributes import AssetAttributes
from .maps import Relationships


@define(kw_only=True)
class Asset:
    """An asset: a file of a source that is indexed in the Asset Manager. Its id is the source's id, a
    slash, and the path.

    Attributes:
        id: Id of the resource.
        attributes: Its attributes.
        relationships: Related resources, such as the account.
        type_: Type of the resource.
    """

    id: str | Unset = UNSET
    attributes: AssetAttributes | Unset = UNSET
    relationships: Relationships | Unset = UNSET
    type_: str | Unset = UNSET
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties,
            {
                "id": self.id,
                "attributes": self.attributes,
                "relationships": self.relationships,
                "type": self.type_,
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
        fields = FieldReader("Asset", src_dict)
        return cls(
            id=fields.optional("id", parse_str),
            attributes=fields.optional("attributes", AssetAttributes.from_dict),
            relationships=fields.optional("relationships", parse_map),
            type_=fields.optional("type", parse_str),
            additional_properties=fields.rest,
        )
