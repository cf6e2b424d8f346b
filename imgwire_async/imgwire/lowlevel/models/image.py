"""An image record."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

from attrs import define, field

from imgwire_async.imgwire.image_urls import CdnUrls

from ..types import (
    FieldReader,
    parse_bool,
    parse_datetime,
    parse_int,
    parse_map,
    parse_str,
    parse_uuid,
    to_object,
)
from .image_status import ImageStatus
from .maps import CustomMetadata, ExifData
from .supported_mime_type import SupportedMimeType


@define(kw_only=True)
class Image(CdnUrls):
    """An image record.

    Attributes:
        id: Id of the image.
        can_upload: Whether bytes may still be put.
        cdn_url: Public URL of the image on the CDN, without extension; transformations are appended
            to it.
        created_at: When the record was created.
        custom_metadata: Your own values by name; a value is a text, a number or a boolean.
        deleted_at: When it was deleted, if it was.
        environment_id: Environment that the image belongs to.
        exif_data: EXIF values of the original, free-form; empty until processed.
        extension: File extension without the dot, such as `jpg`.
        hash_sha256: SHA-256 given at upload or found by the service, if any.
        height: Height of the original in pixels; 0 until it is processed.
        idempotency_key: Key that made the creation repeatable, if any.
        is_directly_deliverable: Whether browsers show the original type (JPEG, PNG, WebP, AVIF,
            GIF); deliver others with `format=auto`.
        mime_type: Type of the original.
        original_filename: File name given at upload.
        processed_metadata_at: When processing of metadata ended, if it has.
        purpose: Free label given at upload, if any.
        size_bytes: Size of the original in bytes.
        status: How far processing is; deliver only `READY` images.
        updated_at: When the record last changed.
        upload_token_id: Upload token it was created with, if any.
        width: Width of the original in pixels; 0 until it is processed.
    """

    id: UUID
    can_upload: bool
    cdn_url: str
    created_at: datetime.datetime
    custom_metadata: CustomMetadata
    deleted_at: datetime.datetime | None
    environment_id: UUID | None
    exif_data: ExifData
    extension: str
    hash_sha256: str | None
    height: int
    idempotency_key: str | None
    is_directly_deliverable: bool
    mime_type: SupportedMimeType
    original_filename: str
    processed_metadata_at: datetime.datetime | None
    purpose: str | None
    size_bytes: int
    status: ImageStatus
    updated_at: datetime.datetime
    upload_token_id: UUID | None
    width: int
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties,
            {
                "id": self.id,
                "can_upload": self.can_upload,
                "cdn_url": self.cdn_url,
                "created_at": self.created_at,
                "custom_metadata": self.custom_metadata,
                "deleted_at": self.deleted_at,
                "environment_id": self.environment_id,
                "exif_data": self.exif_data,
                "extension": self.extension,
                "hash_sha256": self.hash_sha256,
                "height": self.height,
                "idempotency_key": self.idempotency_key,
                "is_directly_deliverable": self.is_directly_deliverable,
                "mime_type": self.mime_type,
                "original_filename": self.original_filename,
                "processed_metadata_at": self.processed_metadata_at,
                "purpose": self.purpose,
                "size_bytes": self.size_bytes,
                "status": self.status,
                "updated_at": self.updated_at,
                "upload_token_id": self.upload_token_id,
                "width": self.width,
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
        fields = FieldReader("Image", src_dict)
        return cls(
            id=fields.essential("id", parse_uuid),
            can_upload=fields.defaulted("can_upload", parse_bool, False),
            cdn_url=fields.required("cdn_url", parse_str),
            created_at=fields.required("created_at", parse_datetime),
            custom_metadata=fields.defaulted("custom_metadata", parse_map, {}),
            deleted_at=fields.nullable("deleted_at", parse_datetime),
            environment_id=fields.nullable("environment_id", parse_uuid),
            exif_data=fields.defaulted("exif_data", parse_map, {}),
            extension=fields.required("extension", parse_str),
            hash_sha256=fields.nullable("hash_sha256", parse_str),
            height=fields.required("height", parse_int),
            idempotency_key=fields.nullable("idempotency_key", parse_str),
            is_directly_deliverable=fields.defaulted("is_directly_deliverable", parse_bool, False),
            mime_type=fields.required("mime_type", SupportedMimeType),
            original_filename=fields.required("original_filename", parse_str),
            processed_metadata_at=fields.nullable("processed_metadata_at", parse_datetime),
            purpose=fields.nullable("purpose", parse_str),
            size_bytes=fields.required("size_bytes", parse_int),
            status=fields.required("status", ImageStatus),
            updated_at=fields.required("updated_at", parse_datetime),
            upload_token_id=fields.nullable("upload_token_id", parse_uuid),
            width=fields.required("width", parse_int),
            additional_properties=fields.rest,
        )
