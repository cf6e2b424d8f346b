"""A token that lets a frontend create one upload."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

from attrs import define, field

from ..types import FieldReader, parse_datetime, parse_str, parse_uuid, to_object


@define(kw_only=True)
class UploadToken:
    """A token that lets a frontend create one upload.

    Attributes:
        id: Id of the token.
        created_at: When it was created.
        environment_id: Environment that the token belongs to.
        expires_at: When it stops working.
        token: The token itself: a credential, keep it out of logs.
        updated_at: When it last changed.
        used_at: When it was used; null while it is fresh.
    """

    id: UUID
    created_at: datetime.datetime
    environment_id: UUID
    expires_at: datetime.datetime
    token: str = field(repr=False)
    updated_at: datetime.datetime
    used_at: datetime.datetime | None
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties,
            {
                "id": self.id,
                "created_at": self.created_at,
                "environment_id": self.environment_id,
                "expires_at": self.expires_at,
                "token": self.token,
                "updated_at": self.updated_at,
                "used_at": self.used_at,
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
        fields = FieldReader("UploadToken", src_dict)
        return cls(
            id=fields.essential("id", parse_uuid),
            created_at=fields.required("created_at", parse_datetime),
            environment_id=fields.required("environment_id", parse_uuid),
            expires_at=fields.required("expires_at", parse_datetime),
            token=fields.essential("token", parse_str),
            updated_at=fields.required("updated_at", parse_datetime),
            used_at=fields.nullable("used_at", parse_datetime),
            additional_properties=fields.rest,
        )
