"""What to publish."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import FieldReader, parse_str, to_object


@define(kw_only=True)
class PublishAttributes:
    """What to publish.

    Attributes:
        source_id: Source of the asset.
        url: Full imgix URL.
    """

    source_id: str
    url: str
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(self.additional_properties, {"source_id": self.source_id, "url": self.url})

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the JSON object.

        Raises:
            KeyError: a required field is missing; the message is its name.
            TypeError: a value has the wrong JSON type.
            ValueError: a text is not the date, time or UUID that it should be.
        """
        fields = FieldReader("PublishAttributes", src_dict)
        return cls(
            source_id=fields.required("source_id", parse_str),
            url=fields.required("url", parse_str),
            additional_properties=fields.rest,
        )
