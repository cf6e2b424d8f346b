"""One time bucket."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import FieldReader, parse_datetime, parse_int, to_object


@define(kw_only=True)
class TransformationsPoint:
    """One time bucket.

    Attributes:
        timestamp: Start of the time bucket.
        transformations: Transformations made.
    """

    timestamp: datetime.datetime
    transformations: int
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties, {"timestamp": self.timestamp, "transformations": self.transformations}
        )

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the JSON object.

        Raises:
            KeyError: a required field is missing; the message is its name.
            TypeError: a value has the wrong JSON type.
            ValueError: a text is not the date, time or UUID that it should be.
        """
        fields = FieldReader("TransformationsPoint", src_dict)
        return cls(
            timestamp=fields.required("timestamp", parse_datetime),
            transformations=fields.required("transformations", parse_int),
            additional_properties=fields.rest,
        )
