"""A source to create and deploy. The resource itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import FieldReader, parse_str, to_object
from .source_create_attributes import SourceCreateAttributes


@define(kw_only=True)
class SourceCreateData:
    """A source to create and deploy. The resource itself.

    Attributes:
        attributes: Its attributes.
        type_: Type of the resource.
    """

    attributes: SourceCreateAttributes
    type_: str = "sources"
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(self.additional_properties, {"attributes": self.attributes, "type": self.type_})

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the JSON object.

        Raises:
            KeyError: a required field is missing; the message is its name.
            TypeError: a value has the wrong JSON type.
            ValueError: a text is not the date, time or UUID that it should be.
        """
        fields = FieldReader("SourceCreateData", src_dict)
        return cls(
            attributes=fields.essential("attributes", SourceCreateAttributes.from_dict),
            type_=fields.required("type", parse_str),
            additional_properties=fields.rest,
        )
