"""Attributes of a source. A sparse response holds only the requested fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import UNSET, FieldReader, Unset, parse_bool, parse_int, parse_str, to_object
from .deployment import Deployment
from .deployment_status import DeploymentStatus


@define(kw_only=True)
class SourceAttributes:
    """Attributes of a source. A sparse response holds only the requested fields.

    Attributes:
        date_deployed: When the latest deployment was made. Unix time in seconds.
        deployment: How the source is served.
        deployment_status: State of the latest deployment.
        enabled: Whether the source serves images. A disabled one responds with 410 unless the image
            is cached.
        name: Display name.
        secure_url_token: Token that signs URLs; present only with `deployment.secure_url_enabled`.
    """

    date_deployed: int | None | Unset = UNSET
    deployment: Deployment | None | Unset = UNSET
    deployment_status: DeploymentStatus | None | Unset = UNSET
    enabled: bool | None | Unset = UNSET
    name: str | None | Unset = UNSET
    secure_url_token: str | None | Unset = field(default=UNSET, repr=False)
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties,
            {
                "date_deployed": self.date_deployed,
                "deployment": self.deployment,
                "deployment_status": self.deployment_status,
                "enabled": self.enabled,
                "name": self.name,
                "secure_url_token": self.secure_url_token,
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
        fields = FieldReader("SourceAttributes", src_dict)
        return cls(
            date_deployed=fields.optional_nullable("date_deployed", parse_int),
            deployment=fields.optional_nullable("deployment", Deployment.from_dict),
            deployment_status=fields.optional_nullable("deployment_status", DeploymentStatus),
            enabled=fields.optional_nullable("enabled", parse_bool),
            name=fields.optional_nullable("name", parse_str),
            secure_url_token=fields.optional_nullable("secure_url_token", parse_str),
            additional_properties=fields.rest,
        )
