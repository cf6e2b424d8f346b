"""Attributes of an upload session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import UNSET, FieldReader, Unset, parse_int, parse_str, to_object
from .upload_session_status import UploadSessionStatus


@define(kw_only=True)
class UploadSessionAttributes:
    """Attributes of an upload session.

    Attributes:
        id: Id of the session.
        date_created: When the session was opened. Unix time in seconds.
        date_expires: When session and URL expire, 8 hours after opening. Unix time in seconds.
        date_modified: When the session last changed. Unix time in seconds.
        origin_path: Path of the file at the origin.
        source_id: The source that receives the file.
        status: State of the session.
        url: Presigned URL that takes the bytes by PUT; only in the response that opens the session.
    """

    id: str | None | Unset = UNSET
    date_created: int | None | Unset = UNSET
    date_expires: int | None | Unset = UNSET
    date_modified: int | None | Unset = UNSET
    origin_path: str | None | Unset = UNSET
    source_id: str | None | Unset = UNSET
    status: UploadSessionStatus | None | Unset = UNSET
    url: str | None | Unset = field(default=UNSET, repr=False)
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties,
            {
                "id": self.id,
                "date_created": self.date_created,
                "date_expires": self.date_expires,
                "date_modified": self.date_modified,
                "origin_path": self.origin_path,
                "source_id": self.source_id,
                "status": self.status,
                "url": self.url,
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
        fields = FieldReader("UploadSessionAttributes", src_dict)
        return cls(
            id=fields.optional_nullable("id", parse_str),
            date_created=fields.optional_nullable("date_created", parse_int),
            date_expires=fields.optional_nullable("date_expires", parse_int),
            date_modified=fields.optional_nullable("date_modified", parse_int),
            origin_path=fields.optional_nullable("origin_path", parse_str),
            source_id=fields.optional_nullable("source_id", parse_str),
            status=fields.optional_nullable("status", UploadSessionStatus),
            url=fields.optional_nullable("url", parse_str),
            additional_properties=fields.rest,
        )
