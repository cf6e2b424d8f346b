"""One time bucket."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import FieldReader, parse_datetime, parse_int, to_object


@define(kw_only=True)
class StorageBytesPoint:
    """One time bucket.

    Attributes:
        storage_bytes_added: Bytes of originals added in the bucket.
        storage_bytes_current: Bytes of stored originals at that time.
        timestamp: Start of the time bucket.
    """

    storage_bytes_added: int
    storage_bytes_current: int
    timestamp: datetime.datetime
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties,
            {
                "storage_bytes_added": self.storage_bytes_added,
                "storage_bytes_current": self.storage_bytes_current,
                "timestamp": self.timestamp,
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
        fields = FieldReader("StorageBytesPoint", src_dict)
        return cls(
            storage_bytes_added=fields.required("storage_bytes_added", parse_int),
            storage_bytes_current=fields.required("storage_bytes_current", parse_int),
            timestamp=fields.required("timestamp", parse_datetime),
            additional_properties=fields.rest,
        )
