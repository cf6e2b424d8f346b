"""A job that packs images into one archive."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

from attrs import define, field

from imgwire_async.core.operation import list_of

from ..types import FieldReader, parse_datetime, parse_str, parse_uuid, to_object
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
        fields = FieldReader("ImageDownloadJob", src_dict)
        return cls(
            id=fields.essential("id", parse_uuid),
            created_at=fields.required("created_at", parse_datetime),
            download_url=fields.nullable("download_url", parse_str),
            environment_id=fields.nullable("environment_id", parse_uuid),
            image_ids=fields.collection("image_ids", list_of(parse_uuid), []),
            status=fields.required("status", ImageDownloadStatus),
            updated_at=fields.required("updated_at", parse_datetime),
            additional_properties=fields.rest,
        )
