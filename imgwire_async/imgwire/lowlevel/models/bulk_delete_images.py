"""The images to delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

from attrs import define, field

from imgwire_async.core.operation import list_of

from ..types import fields_of, misfit, parse_uuid, to_object


@define(kw_only=True)
class BulkDeleteImages:
    """The images to delete.

    Attributes:
        image_ids: Ids of the images, at least one.
    """

    image_ids: list[UUID]
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(self.additional_properties, {"image_ids": self.image_ids})

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the JSON object.

        Raises:
            KeyError: a required field is missing; the message is its name.
            TypeError: a value has the wrong JSON type.
            ValueError: a text is not the date, time or UUID that it should be.
        """
        return cls._take(fields_of("BulkDeleteImages", src_dict))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("BulkDeleteImages", rest)
        take = rest.pop
        at, value = "", None
        try:
            image_ids_ = value = take(at := "image_ids")
            if image_ids_ is None:
                image_ids_ = []
            image_ids_ = list_of(parse_uuid)(image_ids_)
        except (TypeError, ValueError) as error:
            raise misfit("BulkDeleteImages", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(image_ids=image_ids_, additional_properties=rest)
