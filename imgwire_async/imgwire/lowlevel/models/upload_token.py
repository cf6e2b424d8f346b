"""A token that lets a frontend create one upload."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

from attrs import define, field

from ..types import fields_of, misfit, parse_datetime, parse_str, parse_uuid, to_object


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
        return cls._take(fields_of("UploadToken", src_dict))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("UploadToken", rest)
        take = rest.pop
        at, value = "", None
        try:
            id_ = value = take(at := "id")
            id_ = parse_uuid(id_)
            created_at_ = value = take(at := "created_at")
            if created_at_ is not None:
                created_at_ = parse_datetime(created_at_)
            environment_id_ = value = take(at := "environment_id")
            if environment_id_ is not None:
                environment_id_ = parse_uuid(environment_id_)
            expires_at_ = value = take(at := "expires_at")
            if expires_at_ is not None:
                expires_at_ = parse_datetime(expires_at_)
            token_ = value = take(at := "token")
            if token_.__class__ is not str:
                token_ = parse_str(token_)
            updated_at_ = value = take(at := "updated_at")
            if updated_at_ is not None:
                updated_at_ = parse_datetime(updated_at_)
            used_at_ = value = take(at := "used_at", None)
            if used_at_ is not None:
                used_at_ = parse_datetime(used_at_)
        except (TypeError, ValueError) as error:
            raise misfit("UploadToken", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(
            id=id_,
            created_at=created_at_,
            environment_id=environment_id_,
            expires_at=expires_at_,
            token=token_,
            updated_at=updated_at_,
            used_at=used_at_,
            additional_properties=rest,
        )
