"""An image record."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

from attrs import define, field

from imgwire_async.imgwire.image_urls import CdnUrls

from ..types import (
    fields_of,
    misfit,
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
        return cls._take(fields_of("Image", src_dict, ("custom_metadata", "exif_data")))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("Image", rest)
        take = rest.pop
        at, value = "", None
        try:
            id_ = value = take(at := "id")
            id_ = parse_uuid(id_)
            can_upload_ = value = take(at := "can_upload", None)
            if can_upload_ is None:
                can_upload_ = False
            if can_upload_.__class__ is not bool:
                can_upload_ = parse_bool(can_upload_)
            cdn_url_ = value = take(at := "cdn_url")
            if cdn_url_.__class__ is not str and cdn_url_ is not None:
                cdn_url_ = parse_str(cdn_url_)
            created_at_ = value = take(at := "created_at")
            if created_at_ is not None:
                created_at_ = parse_datetime(created_at_)
            custom_metadata_ = value = take(at := "custom_metadata", None)
            if custom_metadata_ is None:
                custom_metadata_ = {}
            if custom_metadata_.__class__ is not dict:
                custom_metadata_ = parse_map(custom_metadata_)
            deleted_at_ = value = take(at := "deleted_at", None)
            if deleted_at_ is not None:
                deleted_at_ = parse_datetime(deleted_at_)
            environment_id_ = value = take(at := "environment_id", None)
            if environment_id_ is not None:
                environment_id_ = parse_uuid(environment_id_)
            exif_data_ = value = take(at := "exif_data", None)
            if exif_data_ is None:
                exif_data_ = {}
            if exif_data_.__class__ is not dict:
                exif_data_ = parse_map(exif_data_)
            extension_ = value = take(at := "extension")
            if extension_.__class__ is not str and extension_ is not None:
                extension_ = parse_str(extension_)
            hash_sha256_ = value = take(at := "hash_sha256", None)
            if hash_sha256_.__class__ is not str and hash_sha256_ is not None:
                hash_sha256_ = parse_str(hash_sha256_)
            height_ = value = take(at := "height")
            if height_.__class__ is not int and height_ is not None:
                height_ = parse_int(height_)
            idempotency_key_ = value = take(at := "idempotency_key", None)
            if idempotency_key_.__class__ is not str and idempotency_key_ is not None:
                idempotency_key_ = parse_str(idempotency_key_)
            is_directly_deliverable_ = value = take(at := "is_directly_deliverable", None)
            if is_directly_deliverable_ is None:
                is_directly_deliverable_ = False
            if is_directly_deliverable_.__class__ is not bool:
                is_directly_deliverable_ = parse_bool(is_directly_deliverable_)
            mime_type_ = value = take(at := "mime_type")
            if mime_type_ is not None:
                mime_type_ = SupportedMimeType._value2member_map_.get(mime_type_) or SupportedMimeType(
                    mime_type_
                )
            original_filename_ = value = take(at := "original_filename")
            if original_filename_.__class__ is not str and original_filename_ is not None:
                original_filename_ = parse_str(original_filename_)
            processed_metadata_at_ = value = take(at := "processed_metadata_at", None)
            if processed_metadata_at_ is not None:
                processed_metadata_at_ = parse_datetime(processed_metadata_at_)
            purpose_ = value = take(at := "purpose", None)
            if purpose_.__class__ is not str and purpose_ is not None:
                purpose_ = parse_str(purpose_)
            size_bytes_ = value = take(at := "size_bytes")
            if size_bytes_.__class__ is not int and size_bytes_ is not None:
                size_bytes_ = parse_int(size_bytes_)
            status_ = value = take(at := "status")
            if status_ is not None:
                status_ = ImageStatus._value2member_map_.get(status_) or ImageStatus(status_)
            updated_at_ = value = take(at := "updated_at")
            if updated_at_ is not None:
                updated_at_ = parse_datetime(updated_at_)
            upload_token_id_ = value = take(at := "upload_token_id", None)
            if upload_token_id_ is not None:
                upload_token_id_ = parse_uuid(upload_token_id_)
            width_ = value = take(at := "width")
            if width_.__class__ is not int and width_ is not None:
                width_ = parse_int(width_)
        except (TypeError, ValueError) as error:
            raise misfit("Image", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(
            id=id_,
            can_upload=can_upload_,
            cdn_url=cdn_url_,
            created_at=created_at_,
            custom_metadata=custom_metadata_,
            deleted_at=deleted_at_,
            environment_id=environment_id_,
            exif_data=exif_data_,
            extension=extension_,
            hash_sha256=hash_sha256_,
            height=height_,
            idempotency_key=idempotency_key_,
            is_directly_deliverable=is_directly_deliverable_,
            mime_type=mime_type_,
            original_filename=original_filename_,
            processed_metadata_at=processed_metadata_at_,
            purpose=purpose_,
            size_bytes=size_bytes_,
            status=status_,
            updated_at=updated_at_,
            upload_token_id=upload_token_id_,
            width=width_,
            additional_properties=rest,
        )
