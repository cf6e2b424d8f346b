"""One time bucket."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import fields_of, misfit, parse_datetime, parse_int, to_object


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
        return cls._take(fields_of("StorageBytesPoint", src_dict))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("StorageBytesPoint", rest)
        take = rest.pop
        at, value = "", None
        try:
            storage_bytes_added_ = value = take(at := "storage_bytes_added")
            if storage_bytes_added_.__class__ is not int and storage_bytes_added_ is not None:
                storage_bytes_added_ = parse_int(storage_bytes_added_)
            storage_bytes_current_ = value = take(at := "storage_bytes_current")
            if storage_bytes_current_.__class__ is not int and storage_bytes_current_ is not None:
                storage_bytes_current_ = parse_int(storage_bytes_current_)
            timestamp_ = value = take(at := "timestamp")
            if timestamp_ is not None:
                timestamp_ = parse_datetime(timestamp_)
        except (TypeError, ValueError) as error:
            raise misfit("StorageBytesPoint", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(
            storage_bytes_added=storage_bytes_added_,
            storage_bytes_current=storage_bytes_current_,
            timestamp=timestamp_,
            additional_properties=rest,
        )
