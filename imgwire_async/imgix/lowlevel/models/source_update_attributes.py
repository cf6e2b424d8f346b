"""Fields to change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import UNSET, Unset, fields_of, misfit, parse_bool, parse_str, to_object
from .deployment import Deployment


@define(kw_only=True)
class SourceUpdateAttributes:
    """Fields to change.

    Attributes:
        deployment: How the source is served.
        enabled: Whether the source serves images.
        name: Display name.
    """

    deployment: Deployment | Unset = UNSET
    enabled: bool | Unset = UNSET
    name: str | Unset = UNSET
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties,
            {"deployment": self.deployment, "enabled": self.enabled, "name": self.name},
        )

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the JSON object.

        Raises:
            KeyError: a required field is missing; the message is its name.
            TypeError: a value has the wrong JSON type.
            ValueError: a text is not the date, time or UUID that it should be.
        """
        return cls._take(fields_of("SourceUpdateAttributes", src_dict, ("deployment",)))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("SourceUpdateAttributes", rest)
        take = rest.pop
        at, value = "", None
        try:
            deployment_ = value = take(at := "deployment", None)
            if deployment_ is None:
                deployment_ = UNSET
            else:
                deployment_ = Deployment._take(deployment_)
            enabled_ = value = take(at := "enabled", None)
            if enabled_ is None:
                enabled_ = UNSET
            elif enabled_.__class__ is not bool:
                enabled_ = parse_bool(enabled_)
            name_ = value = take(at := "name", None)
            if name_ is None:
                name_ = UNSET
            elif name_.__class__ is not str:
                name_ = parse_str(name_)
        except (TypeError, ValueError) as error:
            raise misfit("SourceUpdateAttributes", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(deployment=deployment_, enabled=enabled_, name=name_, additional_properties=rest)
