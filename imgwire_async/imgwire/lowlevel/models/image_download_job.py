"""A job that packs images into one archive."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

from attrs import define, field

from imgwire_async.core.operation import list_of

from ..types import fields_of, misfit, parse_datetime, parse_str, parse_uuid, to_object
from .image_download_status import ImageDownloadStatus


@define(kw_only=True)
class ImageDownloadJob:
    """A job that packs images into one archive.

    Attributes:
        id: Id of the job.
        created_at: When the job was created.
        download_url: Where the archive is, once the job is `READY`. Keep it out of logs.
        environment_id: Environment that the job belongs to.
        image_ids: Ids of the images in the archive.
        status: How far the job is.
        updated_at: When the job last changed.
    """

    id: UUID
    created_at: datetime.datetime
    download_url: str | None = field(repr=False)
    environment_id: UUID | None
    image_ids: list[UUID]
    status: ImageDownloadStatus
    updated_at: datetime.datetime
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties,
            {
                "id": self.id,
                "created_at": self.created_at,
                "download_url": self.download_url,
                "environment_id": self.environment_id,
                "image_ids": self.image_ids,
                "status": self.status,
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
        return cls._take(fields_of("ImageDownloadJob", src_dict))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("ImageDownloadJob", rest)
        take = rest.pop
        at, value = "", None
        try:
            id_ = value = take(at := "id")
            id_ = parse_uuid(id_)
            created_at_ = value = take(at := "created_at")
            if created_at_ is not None:
                created_at_ = parse_datetime(created_at_)
            download_url_ = value = take(at := "download_url", None)
            if download_url_.__class__ is not str and download_url_ is not None:
                download_url_ = parse_str(download_url_)
            environment_id_ = value = take(at := "environment_id", None)
            if environment_id_ is not None:
                environment_id_ = parse_uuid(environment_id_)
            image_ids_ = value = take(at := "image_ids")
            if image_ids_ is None:
                image_ids_ = []
            image_ids_ = list_of(parse_uuid)(image_ids_)
            status_ = value = take(at := "status")
            if status_ is not None:
                status_ = ImageDownloadStatus._value2member_map_.get(status_) or ImageDownloadStatus(status_)
            updated_at_ = value = take(at := "updated_at")
            if updated_at_ is not None:
                updated_at_ = parse_datetime(updated_at_)
        except (TypeError, ValueError) as error:
            raise misfit("ImageDownloadJob", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(
            id=id_,
            created_at=created_at_,
            download_url=download_url_,
            environment_id=environment_id_,
            image_ids=image_ids_,
            status=status_,
            updated_at=updated_at_,
            additional_properties=rest,
        )
