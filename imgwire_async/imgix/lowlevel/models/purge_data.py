"""A URL to purge. The resource itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import fields_of, misfit, parse_str, to_object
from .purge_attributes import PurgeAttributes


@define(kw_only=True)
class PurgeData:
    """A URL to purge. The resource itself.

    Attributes:
        attributes: Its attributes.
        type_: Type of the resource.
    """

    attributes: PurgeAttributes
    type_: str = "purges"
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
        return cls._take(fields_of("PurgeData", src_dict, ("attributes",)))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("PurgeData", rest)
        take = rest.pop
        at, value = "", None
        try:
            attributes_ = value = take(at := "attributes")
            attributes_ = PurgeAttributes._take(attributes_)
            type__ = value = take(at := "type")
            if type__.__class__ is not str and type__ is not None:
                type__ = parse_str(type__)
        except (TypeError, ValueError) as error:
            raise misfit("PurgeData", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(attributes=attributes_, type_=type__, additional_properties=rest)
