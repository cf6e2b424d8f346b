"""A total beside that of the previous comparable range."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import FieldReader, parse_float, to_object


@define(kw_only=True)
class MetricsStatValue:
    """A total beside that of the previous comparable range.

    Attributes:
        pct_change: Change in percent (20 means 20 %); null when it cannot be computed.
        prev: The previous comparable total.
        value: The total.
    """

    pct_change: float | None
    prev: float
    value: float
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties,
            {"pct_change": self.pct_change, "prev": self.prev, "value": self.value},
        )

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the JSON object.

        Raises:
            KeyError: a required field is missing; the message is its name.
            TypeError: a value has the wrong JSON type.
            ValueError: a text is not the date, time or UUID that it should be.
        """
        fields = FieldReader("MetricsStatValue", src_dict)
        return cls(
            pct_change=fields.nullable("pct_change", parse_float),
            prev=fields.required("prev", parse_float),
            value=fields.required("value", parse_float),
            additional_properties=fields.rest,
        )
