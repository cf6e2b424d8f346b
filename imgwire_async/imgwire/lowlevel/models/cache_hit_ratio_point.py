"""One labelled share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import fields_of, misfit, parse_int, parse_str, to_object


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
        return cls._take(fields_of("CacheHitRatioPoint", src_dict))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("CacheHitRatioPoint", rest)
        take = rest.pop
        at, value = "", None
        try:
            label_ = value = take(at := "label")
            if label_.__class__ is not str and label_ is not None:
                label_ = parse_str(label_)
            value_ = value = take(at := "value")
            if value_.__class__ is not int and value_ is not None:
                value_ = parse_int(value_)
        except (TypeError, ValueError) as error:
            raise misfit("CacheHitRatioPoint", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(label=label_, value=value_, additional_properties=rest)
