"""A report: files to download."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import UNSET, Unset, fields_of, misfit, parse_str, to_object
from .report_attributes import ReportAttributes


@define(kw_only=True)
class Report:
    """A report: files to download.

    Attributes:
        id: Id of the resource.
        attributes: Its attributes.
        type_: Type of the resource.
    """

    id: str
    attributes: ReportAttributes | Unset = UNSET
    type_: str | Unset = UNSET
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties, {"id": self.id, "attributes": self.attributes, "type": self.type_}
        )

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the JSON object.

        Raises:
            KeyError: a required field is missing; the message is its name.
            TypeError: a value has the wrong JSON type.
            ValueError: a text is not the date, time or UUID that it should be.
        """
        return cls._take(fields_of("Report", src_dict, ("attributes",)))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("Report", rest)
        take = rest.pop
        at, value = "", None
        try:
            id_ = value = take(at := "id")
            if id_.__class__ is not str and id_ is not None:
                id_ = parse_str(id_)
            attributes_ = value = take(at := "attributes", None)
            if attributes_ is None:
                attributes_ = UNSET
            else:
                attributes_ = ReportAttributes._take(attributes_)
            type__ = value = take(at := "type", None)
            if type__ is None:
                type__ = UNSET
            elif type__.__class__ is not str:
                type__ = parse_str(type__)
        except (TypeError, ValueError) as error:
            raise misfit("Report", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(id=id_, attributes=attributes_, type_=type__, additional_properties=rest)
