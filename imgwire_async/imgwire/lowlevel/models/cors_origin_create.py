"""A browser origin to allow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import fields_of, misfit, parse_str, to_object


@define(kw_only=True)
class CorsOriginCreate:
    """A browser origin to allow.

    Attributes:
        pattern: Host pattern without scheme or path, such as `app.example.com`, `*.example.com` or
            `localhost:3000`.
    """

    pattern: str
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(self.additional_properties, {"pattern": self.pattern})

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the JSON object.

        Raises:
            KeyError: a required field is missing; the message is its name.
            TypeError: a value has the wrong JSON type.
            ValueError: a text is not the date, time or UUID that it should be.
        """
        return cls._take(fields_of("CorsOriginCreate", src_dict))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("CorsOriginCreate", rest)
        take = rest.pop
        at, value = "", None
        try:
            pattern_ = value = take(at := "pattern")
            if pattern_.__class__ is not str and pattern_ is not None:
                pattern_ = parse_str(pattern_)
        except (TypeError, ValueError) as error:
            raise misfit("CorsOriginCreate", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(pattern=pattern_, additional_properties=rest)
