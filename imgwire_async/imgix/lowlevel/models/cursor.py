"""Position of a page in a list with cursors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import UNSET, Unset, fields_of, misfit, one_of, parse_bool, parse_int, parse_str, to_object


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
        return cls._take(fields_of("Cursor", src_dict))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("Cursor", rest)
        take = rest.pop
        at, value = "", None
        try:
            current_ = value = take(at := "current", UNSET)
            if current_.__class__ is not str and current_ is not None and current_ is not UNSET:
                current_ = parse_str(current_)
            has_more_ = value = take(at := "hasMore", None)
            if has_more_ is None:
                has_more_ = UNSET
            elif has_more_.__class__ is not bool:
                has_more_ = parse_bool(has_more_)
            next__ = value = take(at := "next", UNSET)
            if next__.__class__ is not str and next__ is not None and next__ is not UNSET:
                next__ = parse_str(next__)
            total_records_ = value = take(at := "totalRecords", UNSET)
            if total_records_ is not None and total_records_ is not UNSET:
                total_records_ = one_of(parse_int, parse_str)(total_records_)
        except (TypeError, ValueError) as error:
            raise misfit("Cursor", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(
            current=current_,
            has_more=has_more_,
            next_=next__,
            total_records=total_records_,
            additional_properties=rest,
        )
