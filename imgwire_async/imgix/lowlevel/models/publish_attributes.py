"""What to publish."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import fields_of, misfit, parse_str, to_object


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
        return cls._take(fields_of("PublishAttributes", src_dict))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("PublishAttributes", rest)
        take = rest.pop
        at, value = "", None
        try:
            source_id_ = value = take(at := "source_id")
            if source_id_.__class__ is not str and source_id_ is not None:
                source_id_ = parse_str(source_id_)
            url_ = value = take(at := "url")
            if url_.__class__ is not str and url_ is not None:
                url_ = parse_str(url_)
        except (TypeError, ValueError) as error:
            raise misfit("PublishAttributes", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(source_id=source_id_, url=url_, additional_properties=rest)
