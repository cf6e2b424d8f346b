"""One time bucket."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import fields_of, misfit, parse_datetime, parse_int, to_object


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
        return cls._take(fields_of("TransformationsPoint", src_dict))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("TransformationsPoint", rest)
        take = rest.pop
        at, value = "", None
        try:
            timestamp_ = value = take(at := "timestamp")
            if timestamp_ is not None:
                timestamp_ = parse_datetime(timestamp_)
            transformations_ = value = take(at := "transformations")
            if transformations_.__class__ is not int and transformations_ is not None:
                transformations_ = parse_int(transformations_)
        except (TypeError, ValueError) as error:
            raise misfit("TransformationsPoint", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(timestamp=timestamp_, transformations=transformations_, additional_properties=rest)
