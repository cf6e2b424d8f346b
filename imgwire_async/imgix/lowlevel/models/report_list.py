"""One page of reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from imgwire_async.core.operation import list_of

from ..types import UNSET, FieldReader, Unset, list_or_lone, parse_map, to_object
from .cursor import Cursor
from .json_api import JsonApi
from .meta import Meta
from .report import Report


@define(kw_only=True)
class ReportList:
    """One page of reports.

    Attributes:
        cursor: Cursor of the page; used only if `meta` has none.
        data: The items of the page; a lone object means a list of one.
        included: Related resources.
        jsonapi: The version of JSON:API.
        meta: Facts about the response.
    """

    cursor: Cursor | None | Unset = UNSET
    data: list[Report]
    included: list[dict[str, Any]] | Unset = UNSET
    jsonapi: JsonApi | Unset = UNSET
    meta: Meta | Unset = UNSET
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties,
            {
                "cursor": self.cursor,
                "data": self.data,
                "included": self.included,
                "jsonapi": self.jsonapi,
                "meta": self.meta,
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
        fields = FieldReader("ReportList", src_dict)
        return cls(
            cursor=fields.optional_nullable("cursor", Cursor.from_dict),
            data=fields.collection("data", list_or_lone(Report.from_dict), []),
            included=fields.optional("included", list_of(parse_map)),
            jsonapi=fields.optional("jsonapi", JsonApi.from_dict),
            meta=fields.optional("meta", Meta.from_dict),
            additional_properties=fields.rest,
        )
