"""A total beside that of the previous comparable range."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import fields_of, misfit, parse_float, to_object


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
        return cls._take(fields_of("MetricsStatValue", src_dict))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("MetricsStatValue", rest)
        take = rest.pop
        at, value = "", None
        try:
            pct_change_ = value = take(at := "pct_change", None)
            if pct_change_.__class__ is not float and pct_change_ is not None:
                pct_change_ = parse_float(pct_change_)
            prev_ = value = take(at := "prev")
            if prev_.__class__ is not float and prev_ is not None:
                prev_ = parse_float(prev_)
            value_ = value = take(at := "value")
            if value_.__class__ is not float and value_ is not None:
                value_ = parse_float(value_)
        except (TypeError, ValueError) as error:
            raise misfit("MetricsStatValue", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(pct_change=pct_change_, prev=prev_, value=value_, additional_properties=rest)
