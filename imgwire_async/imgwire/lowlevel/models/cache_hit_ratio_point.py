"""One labelled share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import FieldReader, parse_int, parse_str, to_object


@define(kw_only=True)
class CacheHitRatioPoint:
    """One labelled share.

    Attributes:
        label: What is counted, such as `hit`.
        value: How much of it.
    """

    label: str
    value: int
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(self.additional_properties, {"label": self.label, "value": self.value})

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the JSON object.

        Raises:
            KeyError: a required field is missing; the message is its name.
            TypeError: a value has the wrong JSON type.
            ValueError: a text is not the date, time or UUID that it should be.
        """
        fields = FieldReader("CacheHitRatioPoint", src_dict)
        return cls(
            label=fields.required("label", parse_str),
            value=fields.required("value", parse_int),
            additional_properties=fields.rest,
        )
