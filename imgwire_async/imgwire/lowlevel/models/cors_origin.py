"""A browser origin that may upload with a Client Key."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

from attrs import define, field

from ..types import fields_of, misfit, parse_datetime, parse_str, parse_uuid, to_object


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
        rest = fields_of("CorsOrigin", src_dict)
        take = rest.pop
        at = ""
        try:
            id_ = take(at := "id")
            id_ = parse_uuid(id_)
            created_at_ = take(at := "created_at")
            if created_at_ is not None:
                created_at_ = parse_datetime(created_at_)
            environment_id_ = take(at := "environment_id")
            if environment_id_ is not None:
                environment_id_ = parse_uuid(environment_id_)
            pattern_ = take(at := "pattern")
            if pattern_.__class__ is not str and pattern_ is not None:
                pattern_ = parse_str(pattern_)
            updated_at_ = take(at := "updated_at")
            if updated_at_ is not None:
                updated_at_ = parse_datetime(updated_at_)
        except (TypeError, ValueError) as error:
            raise misfit("CorsOrigin", at, src_dict[at], error) from error
        return cls(
            id=id_,
            created_at=created_at_,
            environment_id=environment_id_,
            pattern=pattern_,
            updated_at=updated_at_,
            additional_properties=rest,
        )
