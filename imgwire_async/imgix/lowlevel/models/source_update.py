"""Changes of a source. A `deployment` replaces the former one as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import FieldReader, to_object
from .source_update_data import SourceUpdateData


@define(kw_only=True)
class SourceUpdate:
    """Changes of a source. A `deployment` replaces the former one as a whole.

    Attributes:
        data: The resource.
    """

    data: SourceUpdateData
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
        fields = FieldReader("SourceUpdate", src_dict)
        return cls(
            data=fields.essential("data", SourceUpdateData.from_dict), additional_properties=fields.rest
        )
