"""Position of a page in a list with numbered pages, counted from 0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import UNSET, Unset, fields_of, misfit, parse_bool, parse_int, to_object


@define(kw_only=True)
class PageOfNumber:
    """Position of a page in a list with numbered pages, counted from 0.

    Attributes:
        current_page: This page.
        has_next_page: Whether another page follows.
        has_previous_page: Whether a page precedes.
        next_page: The next page, or null.
        page_size: Maximum number of items per page.
        previous_page: The previous page, or null.
        total_pages: Number of pages.
        total_records: Number of items on all pages.
    """

    current_page: int | Unset = UNSET
    has_next_page: bool | Unset = UNSET
    has_previous_page: bool | Unset = UNSET
    next_page: int | None | Unset = UNSET
    page_size: int | Unset = UNSET
    previous_page: int | None | Unset = UNSET
    total_pages: int | Unset = UNSET
    total_records: int | Unset = UNSET
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties,
            {
                "currentPage": self.current_page,
                "hasNextPage": self.has_next_page,
                "hasPreviousPage": self.has_previous_page,
                "nextPage": self.next_page,
                "pageSize": self.page_size,
                "previousPage": self.previous_page,
                "totalPages": self.total_pages,
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
        return cls._take(fields_of("PageOfNumber", src_dict))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("PageOfNumber", rest)
        take = rest.pop
        at, value = "", None
        try:
            current_page_ = value = take(at := "currentPage", None)
            if current_page_ is None:
                current_page_ = UNSET
            elif current_page_.__class__ is not int:
                current_page_ = parse_int(current_page_)
            has_next_page_ = value = take(at := "hasNextPage", None)
            if has_next_page_ is None:
                has_next_page_ = UNSET
            elif has_next_page_.__class__ is not bool:
                has_next_page_ = parse_bool(has_next_page_)
            has_previous_page_ = value = take(at := "hasPreviousPage", None)
            if has_previous_page_ is None:
                has_previous_page_ = UNSET
            elif has_previous_page_.__class__ is not bool:
                has_previous_page_ = parse_bool(has_previous_page_)
            next_page_ = value = take(at := "nextPage", UNSET)
            if next_page_.__class__ is not int and next_page_ is not None and next_page_ is not UNSET:
                next_page_ = parse_int(next_page_)
            page_size_ = value = take(at := "pageSize", None)
            if page_size_ is None:
                page_size_ = UNSET
            elif page_size_.__class__ is not int:
                page_size_ = parse_int(page_size_)
            previous_page_ = value = take(at := "previousPage", UNSET)
            if (
                previous_page_.__class__ is not int
                and previous_page_ is not None
                and previous_page_ is not UNSET
            ):
                previous_page_ = parse_int(previous_page_)
            total_pages_ = value = take(at := "totalPages", None)
            if total_pages_ is None:
                total_pages_ = UNSET
            elif total_pages_.__class__ is not int:
                total_pages_ = parse_int(total_pages_)
            total_records_ = value = take(at := "totalRecords", None)
            if total_records_ is None:
                total_records_ = UNSET
            elif total_records_.__class__ is not int:
                total_records_ = parse_int(total_records_)
        except (TypeError, ValueError) as error:
            raise misfit("PageOfNumber", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(
            current_page=current_page_,
            has_next_page=has_next_page_,
            has_previous_page=has_previous_page_,
            next_page=next_page_,
            page_size=page_size_,
            previous_page=previous_page_,
            total_pages=total_pages_,
            total_records=total_records_,
            additional_properties=rest,
        )
