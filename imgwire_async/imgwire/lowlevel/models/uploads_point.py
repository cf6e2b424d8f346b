"""One time bucket."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import fields_of, misfit, parse_datetime, parse_int, to_object


@define(kw_only=True)
class UploadsPoint:
    """One time bucket.

    Attributes:
        timestamp: Start of the time bucket.
        uploads: Images that became `READY`.
    """

    timestamp: datetime.datetime
    uploads: int
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(self.additional_properties, {"timestamp": self.timestamp, "uploads": self.uploads})

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the JSON object.

        Raises:
            KeyError: a required field is missing; the message is its name.
            TypeError: a value has the wrong JSON type.
            ValueError: a text is not the date, time or UUID that it should be.
        """
        return cls._take(fields_of("UploadsPoint", src_dict))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("UploadsPoint", rest)
        take = rest.pop
        at, value = "", None
        try:
            timestamp_ = value = take(at := "timestamp")
            if timestamp_ is not None:
                timestamp_ = parse_datetime(timestamp_)
            uploads_ = value = take(at := "uploads")
            if uploads_.__class__ is not int and uploads_ is not None:
                uploads_ = parse_int(uploads_)
        except (TypeError, ValueError) as error:
            raise misfit("UploadsPoint", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(timestamp=timestamp_, uploads=uploads_, additional_properties=rest)
