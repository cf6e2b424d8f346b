"""Request bodies of the Resource API, written by hand: nothing here comes from what generates the client."""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field, StrictBool, StrictFloat, StrictInt, StrictStr

from imgwire_async.sandbox.pictures.types import SupportedMimeType

EXTENSIONS: dict[str, tuple[str, ...]] = {
    SupportedMimeType.JPEG: ("jpg", "jpeg"),
    SupportedMimeType.JXL: ("jxl",),
    SupportedMimeType.PNG: ("png",),
    SupportedMimeType.WEBP: ("webp",),
    SupportedMimeType.AVIF: ("avif",),
    SupportedMimeType.GIF: ("gif",),
    SupportedMimeType.ICO: ("ico",),
    SupportedMimeType.HEIC: ("heic",),
    SupportedMimeType.BMP: ("bmp",),
    SupportedMimeType.TIFF: ("tiff", "tif"),
}
"""File name extensions by type, the usual one first."""

DIRECTLY_DELIVERABLE = frozenset(
    {
        SupportedMimeType.JPEG,
        SupportedMimeType.PNG,
        SupportedMimeType.WEBP,
        SupportedMimeType.AVIF,
        SupportedMimeType.GIF,
    }
)
"""Types that every browser supports."""


def mime_type_of_name(file_name: str) -> SupportedMimeType | None:
    """The type for a file name's extension, if it is supported."""
    extension = _extension(file_name)
    for mime_type, extensions in EXTENSIONS.items():
        if extension in extensions:
            return SupportedMimeType(mime_type)
    return None


def extension_of(file_name: str, mime_type: str) -> str:
    """The name's own extension where it fits the type, else the usual one of the type."""
    extension = _extension(file_name)
    return extension if extension in EXTENSIONS[mime_type] else EXTENSIONS[mime_type][0]


def _extension(file_name: str) -> str:
    _, dot, extension = file_name.rpartition(".")
    return extension.lower() if dot else ""


def _web_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        valid = (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        valid = False
    if not valid or any(character.isspace() for character in url):
        raise ValueError("must be an http or https URL with a host")
    return url


def _unicode(text: str) -> str:
    """Reject a lone surrogate, which JSON can escape but nothing can store."""
    text.encode()
    return text


ShortText = Annotated[StrictStr, Field(min_length=1, max_length=255)]
Name = Annotated[StrictStr, Field(min_length=1)]
MetadataText = Annotated[StrictStr, AfterValidator(_unicode)]
MetadataValue = StrictBool | StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)] | MetadataText
CustomMetadata = dict[StrictStr, MetadataValue]


class StandardUploadCreate(BaseModel):
    """`StandardUploadCreateSchema`."""

    file_name: Name
    mime_type: SupportedMimeType | None = None
    content_length: Annotated[StrictInt, Field(ge=0)] | None = None
    hash_sha256: ShortText | None = None
    idempotency_key: ShortText | None = None
    purpose: ShortText | None = None
    custom_metadata: CustomMetadata = Field(default_factory=dict)


class UploadViaUrlCreate(BaseModel):
    """`UploadViaUrlCreateSchema`."""

    url: Annotated[Name, AfterValidator(_web_url)]
    file_name: Name | None = None
    mime_type: SupportedMimeType | None = None
    idempotency_key: ShortText | None = None
    purpose: ShortText | None = None
    custom_metadata: CustomMetadata = Field(default_factory=dict)


class ImageIds(BaseModel):
    """`BulkDeleteImagesSchema` and `ImageDownloadJobCreateSchema`."""

    image_ids: Annotated[list[uuid.UUID], Field(min_length=1)]


class CorsOriginBody(BaseModel):
    """`CorsOriginCreateSchema` and `CorsOriginUpdateSchema`."""

    pattern: Name


class CustomDomainCreate(BaseModel):
    """`CustomDomainCreateSchema`."""

    hostname: StrictStr


class MetricsInterval(StrEnum):
    """Length of a metrics bucket."""

    HOURLY = "HOURLY"
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
