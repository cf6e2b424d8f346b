"""Changes of a source. A `deployment` replaces the former one as a whole. The resource itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import FieldReader, parse_str, to_object
from .source_update_attributes import SourceUpdateAttributes


@define(kw_only=True)
class SourceUpdateData:
    """Changes of a source. A `deployment` replaces the former one as a whole. The resource itself.

    Attributes:
        id: Id of the resource.
        attributes: Its attributes.
        type_: Type of the resource.
    """

    id: str
    attributes: SourceUpdateAttributes
    type_: str = "sources"
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties, {"id": self.id, "attributes": self.attributes, "type": self.type_}
        )

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the JSON object.

        Raises:
            KeyError: a required field is missing; the message is its name.
            TypeError: a value has the wrong JSON type.
            ValueError: a text is not the date, time or UUID that it should be.
        """
        fields = FieldReader("SourceUpdateData", src_dict)
        return cls(
            id=fields.required("id", parse_str),
            attributes=fields.essential("attributes", SourceUpdateAttributes.from_dict),
            type_=fields.required("type", parse_str),
            additional_properties=fields.rest,
        )
