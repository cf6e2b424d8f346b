"""A source to create and deploy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import fields_of, misfit, to_object
from .source_create_data import SourceCreateData


@define(kw_only=True)
class SourceCreate:
    """A source to create and deploy.

    Attributes:
        data: The resource.
    """

    data: SourceCreateData
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(self.additional_properties, {"data": self.data})

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the JSON object.

        Raises:
            KeyError: a required field is missing; the message is its name.
            TypeError: a value has the wrong JSON type.
            ValueError: a text is not the date, time or UUID that it should be.
        """
        return cls._take(fields_of("SourceCreate", src_dict, ("data",)))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("SourceCreate", rest)
        take = rest.pop
        at, value = "", None
        try:
            data_ = value = take(at := "data")
            data_ = SourceCreateData._take(data_)
        except (TypeError, ValueError) as error:
            raise misfit("SourceCreate", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(data=data_, additional_properties=rest)
