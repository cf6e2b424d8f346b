"""Attributes of an accepted purge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import UNSET, Unset, fields_of, misfit, parse_str, to_object


@define(kw_only=True)
class PurgeReceiptAttributes:
    """Attributes of an accepted purge.

    Attributes:
        purge_id: Id of the purge; equals the id of the resource.
    """

    purge_id: str | None | Unset = UNSET
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(self.additional_properties, {"purge_id": self.purge_id})

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the JSON object.

        Raises:
            KeyError: a required field is missing; the message is its name.
            TypeError: a value has the wrong JSON type.
            ValueError: a text is not the date, time or UUID that it should be.
        """
        return cls._take(fields_of("PurgeReceiptAttributes", src_dict))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("PurgeReceiptAttributes", rest)
        take = rest.pop
        at, value = "", None
        try:
            purge_id_ = value = take(at := "purge_id", UNSET)
            if purge_id_.__class__ is not str and purge_id_ is not None and purge_id_ is not UNSET:
                purge_id_ = parse_str(purge_id_)
        except (TypeError, ValueError) as error:
            raise misfit("PurgeReceiptAttributes", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(purge_id=purge_id_, additional_properties=rest)
