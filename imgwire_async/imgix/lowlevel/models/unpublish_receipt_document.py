"""A response with an accepted request to unpublish."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from imgwire_async.core.operation import list_of

from ..types import UNSET, FieldReader, Unset, parse_map, to_object
from .json_api import JsonApi
from .meta import Meta
from .unpublish_receipt import UnpublishReceipt


@define(kw_only=True)
class UnpublishReceiptDocument:
    """A response with an accepted request to unpublish.

    Attributes:
        data: The resource.
        included: Related resources.
        jsonapi: The version of JSON:API.
        meta: Facts about the response.
    """

    data: UnpublishReceipt
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
        fields = FieldReader("UnpublishReceiptDocument", src_dict)
        return cls(
            data=fields.essential("data", UnpublishReceipt.from_dict),
            included=fields.optional("included", list_of(parse_map)),
            jsonapi=fields.optional("jsonapi", JsonApi.from_dict),
            meta=fields.optional("meta", Meta.from_dict),
            additional_properties=fields.rest,
        )
