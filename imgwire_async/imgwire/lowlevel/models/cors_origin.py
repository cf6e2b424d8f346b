"""A browser origin that may upload with a Client Key."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

from attrs import define, field

from ..types import FieldReader, parse_datetime, parse_str, parse_uuid, to_object


@define(kw_only=True)
class CorsOrigin:
    """A browser origin that may upload with a Client Key.

    Attributes:
        id: Id of the CORS origin.
        created_at: When it was created.
        environment_id: Environment that it belongs to.
        pattern: Host pattern without scheme or path, such as `app.example.com`, `*.example.com` or
            `localhost:3000`.
        updated_at: When it last changed.
    """

    id: UUID
    created_at: datetime.datetime
    environment_id: UUID
    pattern: str
    updated_at: datetime.datetime
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties,
            {
                "id": self.id,
                "created_at": self.created_at,
                "environment_id": self.environment_id,
                "pattern": self.pattern,
                "updated_at": self.updated_at,
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
        fields = FieldReader("CorsOrigin", src_dict)
        return cls(
            id=fields.essential("id", parse_uuid),
            created_at=fields.required("created_at", parse_datetime),
            environment_id=fields.required("environment_id", parse_uuid),
            pattern=fields.required("pattern", parse_str),
            updated_at=fields.required("updated_at", parse_datetime),
            additional_properties=fields.rest,
        )
