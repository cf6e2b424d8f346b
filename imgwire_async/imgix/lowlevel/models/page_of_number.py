"""Position of a page in a list with numbered pages, counted from 0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import UNSET, FieldReader, Unset, parse_bool, parse_int, to_object


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
        fields = FieldReader("PageOfNumber", src_dict)
        return cls(
            current_page=fields.optional("currentPage", parse_int),
            has_next_page=fields.optional("hasNextPage", parse_bool),
            has_previous_page=fields.optional("hasPreviousPage", parse_bool),
            next_page=fields.optional_nullable("nextPage", parse_int),
            page_size=fields.optional("pageSize", parse_int),
            previous_page=fields.optional_nullable("previousPage", parse_int),
            total_pages=fields.optional("totalPages", parse_int),
            total_records=fields.optional("totalRecords", parse_int),
            additional_properties=fields.rest,
        )
