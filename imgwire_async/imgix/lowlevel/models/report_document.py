"""A response with a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from imgwire_async.core.operation import list_of

from ..types import UNSET, Unset, fields_of, misfit, parse_map, to_object
from .json_api import JsonApi
from .meta import Meta
from .report import Report


@define(kw_only=True)
class ReportDocument:
    """A response with a report.

    Attributes:
        data: The resource.
        included: Related resources.
        jsonapi: The version of JSON:API.
        meta: Facts about the response.
    """

    data: Report
    included: list[dict[str, Any]] | Unset = UNSET
    jsonapi: JsonApi | Unset = UNSET
    meta: Meta | Unset = UNSET
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties,
            {"data": self.data, "included": self.included, "jsonapi": self.jsonapi, "meta": self.meta},
        )

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the JSON object.

        Raises:
            KeyError: a required field is missing; the message is its name.
            TypeError: a value has the wrong JSON type.
            ValueError: a text is not the date, time or UUID that it should be.
        """
        return cls._take(fields_of("ReportDocument", src_dict, ("data", "jsonapi", "meta")))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("ReportDocument", rest)
        take = rest.pop
        at, value = "", None
        try:
            data_ = value = take(at := "data")
            data_ = Report._take(data_)
            included_ = value = take(at := "included", None)
            if included_ is None:
                included_ = UNSET
            else:
                included_ = list_of(parse_map)(included_)
            jsonapi_ = value = take(at := "jsonapi", None)
            if jsonapi_ is None:
                jsonapi_ = UNSET
            else:
                jsonapi_ = JsonApi._take(jsonapi_)
            meta_ = value = take(at := "meta", None)
            if meta_ is None:
                meta_ = UNSET
            else:
                meta_ = Meta._take(meta_)
        except (TypeError, ValueError) as error:
            raise misfit("ReportDocument", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(data=data_, included=included_, jsonapi=jsonapi_, meta=meta_, additional_properties=rest)
