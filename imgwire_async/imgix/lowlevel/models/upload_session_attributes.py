"""Attributes of an upload session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import UNSET, Unset, fields_of, misfit, parse_int, parse_str, to_object
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
        return cls._take(fields_of("UploadSessionAttributes", src_dict))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("UploadSessionAttributes", rest)
        take = rest.pop
        at, value = "", None
        try:
            id_ = value = take(at := "id", UNSET)
            if id_.__class__ is not str and id_ is not None and id_ is not UNSET:
                id_ = parse_str(id_)
            date_created_ = value = take(at := "date_created", UNSET)
            if (
                date_created_.__class__ is not int
                and date_created_ is not None
                and date_created_ is not UNSET
            ):
                date_created_ = parse_int(date_created_)
            date_expires_ = value = take(at := "date_expires", UNSET)
            if (
                date_expires_.__class__ is not int
                and date_expires_ is not None
                and date_expires_ is not UNSET
            ):
                date_expires_ = parse_int(date_expires_)
            date_modified_ = value = take(at := "date_modified", UNSET)
            if (
                date_modified_.__class__ is not int
                and date_modified_ is not None
                and date_modified_ is not UNSET
            ):
                date_modified_ = parse_int(date_modified_)
            origin_path_ = value = take(at := "origin_path", UNSET)
            if origin_path_.__class__ is not str and origin_path_ is not None and origin_path_ is not UNSET:
                origin_path_ = parse_str(origin_path_)
            source_id_ = value = take(at := "source_id", UNSET)
            if source_id_.__class__ is not str and source_id_ is not None and source_id_ is not UNSET:
                source_id_ = parse_str(source_id_)
            status_ = value = take(at := "status", UNSET)
            if status_ is not None and status_ is not UNSET:
                status_ = UploadSessionStatus._value2member_map_.get(status_) or UploadSessionStatus(status_)
            url_ = value = take(at := "url", UNSET)
            if url_.__class__ is not str and url_ is not None and url_ is not UNSET:
                url_ = parse_str(url_)
        except (TypeError, ValueError) as error:
            raise misfit("UploadSessionAttributes", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(
            id=id_,
            date_created=date_created_,
            date_expires=date_expires_,
            date_modified=date_modified_,
            origin_path=origin_path_,
            source_id=source_id_,
            status=status_,
            url=url_,
            additional_properties=rest,
        )
