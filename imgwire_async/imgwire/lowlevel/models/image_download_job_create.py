"""The images to pack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

from attrs import define, field

from imgwire_async.core.operation import list_of

from ..types import FieldReader, parse_uuid, to_object


@define(kw_only=True)
class ImageDownloadJobCreate:
    """The images to pack.

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
        fields = FieldReader("ImageDownloadJobCreate", src_dict)
        return cls(
            image_ids=fields.collection("image_ids", list_of(parse_uuid), []),
            additional_properties=fields.rest,
        )
