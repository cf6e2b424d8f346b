"""Position of a page in a list with cursors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import UNSET, FieldReader, Unset, one_of, parse_bool, parse_int, parse_str, to_object


@define(kw_only=True)
class Cursor:
    """Position of a page in a list with cursors.

    Attributes:
        current: Cursor of this page.
        has_more: Whether another page follows.
        next_: Cursor of the next page, or null.
        total_records: Number of items, as digits or as a number. Capped, so only a lower bound.
    """

    current: str | None | Unset = UNSET
    has_more: bool | Unset = UNSET
    next_: str | None | Unset = UNSET
    total_records: str | int | None | Unset = UNSET
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties,
            {
                "current": self.current,
                "hasMore": self.has_more,
                "next": self.next_,
                "totalRecords": self.total_records,
            },
        )

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the JSON object.

        Raises:
            KeyError: a required field is missing; the message is its name.
            TypeError: a value has the wrong JSON type.
            ValueError: a text is not the date, time or UUID that it should be.
        """
        fields = FieldReader("Cursor", src_dict)
        return cls(
            current=fields.optional_nullable("current", parse_str),
            has_more=fields.optional("hasMore", parse_bool),
            next_=fields.optional_nullable("next", parse_str),
            total_records=fields.optional_nullable("totalRecords", one_of(parse_int, parse_str)),
            additional_properties=fields.rest,
        )
