"""Attributes of a source. A sparse response holds only the requested fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import UNSET, Unset, fields_of, misfit, parse_bool, parse_int, parse_str, to_object
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
        return cls._take(fields_of("SourceAttributes", src_dict, ("deployment",)))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("SourceAttributes", rest)
        take = rest.pop
        at, value = "", None
        try:
            date_deployed_ = value = take(at := "date_deployed", UNSET)
            if (
                date_deployed_.__class__ is not int
                and date_deployed_ is not None
                and date_deployed_ is not UNSET
            ):
                date_deployed_ = parse_int(date_deployed_)
            deployment_ = value = take(at := "deployment", UNSET)
            if deployment_ is not None and deployment_ is not UNSET:
                deployment_ = Deployment._take(deployment_)
            deployment_status_ = value = take(at := "deployment_status", UNSET)
            if deployment_status_ is not None and deployment_status_ is not UNSET:
                deployment_status_ = DeploymentStatus._value2member_map_.get(
                    deployment_status_
                ) or DeploymentStatus(deployment_status_)
            enabled_ = value = take(at := "enabled", UNSET)
            if enabled_.__class__ is not bool and enabled_ is not None and enabled_ is not UNSET:
                enabled_ = parse_bool(enabled_)
            name_ = value = take(at := "name", UNSET)
            if name_.__class__ is not str and name_ is not None and name_ is not UNSET:
                name_ = parse_str(name_)
            secure_url_token_ = value = take(at := "secure_url_token", UNSET)
            if (
                secure_url_token_.__class__ is not str
                and secure_url_token_ is not None
                and secure_url_token_ is not UNSET
            ):
                secure_url_token_ = parse_str(secure_url_token_)
        except (TypeError, ValueError) as error:
            raise misfit("SourceAttributes", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(
            date_deployed=date_deployed_,
            deployment=deployment_,
            deployment_status=deployment_status_,
            enabled=enabled_,
            name=name_,
            secure_url_token=secure_url_token_,
            additional_properties=rest,
        )
