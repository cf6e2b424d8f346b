"""The version of JSON:API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import UNSET, Unset, fields_of, misfit, parse_str, to_object


@define(kw_only=True)
class JsonApi:
    """The version of JSON:API.

    Attributes:
        version: Always `1.0`.
    """

    version: str | Unset = UNSET
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(self.additional_properties, {"version": self.version})

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the JSON object.

        Raises:
            KeyError: a required field is missing; the message is its name.
            TypeError: a value has the wrong JSON type.
            ValueError: a text is not the date, time or UUID that it should be.
        """
        return cls._take(fields_of("JsonApi", src_dict))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("JsonApi", rest)
        take = rest.pop
        at, value = "", None
        try:
            version_ = value = take(at := "version", None)
            if version_ is None:
                version_ = UNSET
            elif version_.__class__ is not str:
                version_ = parse_str(version_)
        except (TypeError, ValueError) as error:
            raise misfit("JsonApi", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(version=version_, additional_properties=rest)
