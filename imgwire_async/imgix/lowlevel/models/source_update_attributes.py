"""Fields to change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import UNSET, FieldReader, Unset, parse_bool, parse_str, to_object
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
        fields = FieldReader("SourceUpdateAttributes", src_dict)
        return cls(
            deployment=fields.optional("deployment", Deployment.from_dict),
            enabled=fields.optional("enabled", parse_bool),
            name=fields.optional("name", parse_str),
            additional_properties=fields.rest,
        )
