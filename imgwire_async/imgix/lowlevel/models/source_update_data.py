"""Changes of a source. A `deployment` replaces the former one as a whole. The resource itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import fields_of, misfit, parse_str, to_object
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
        rest = fields_of("SourceUpdateData", src_dict)
        take = rest.pop
        at = ""
        try:
            id_ = take(at := "id")
            if id_.__class__ is not str and id_ is not None:
                id_ = parse_str(id_)
            attributes_ = take(at := "attributes")
            attributes_ = SourceUpdateAttributes.from_dict(attributes_)
            type__ = take(at := "type")
            if type__.__class__ is not str and type__ is not None:
                type__ = parse_str(type__)
        except (TypeError, ValueError) as error:
            raise misfit("SourceUpdateData", at, src_dict[at], error) from error
        return cls(id=id_, attributes=attributes_, type_=type__, additional_properties=rest)
