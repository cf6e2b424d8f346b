"""Attributes of an asset. Nearly every field may be null or absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from imgwire_async.core.operation import list_of

from ..types import (
    UNSET,
    FieldReader,
    Unset,
    one_of,
    parse_any,
    parse_bool,
    parse_int,
    parse_map,
    parse_str,
    to_object,
)
from .maps import Colors, CustomFields, Tags
from .media_kind import MediaKind


@define(kw_only=True)
class AssetAttributes:
    """Attributes of an asset. Nearly every field may be null or absent.

    Attributes:
        analyzed_content_warnings: Whether content warnings have been analysed.
        analyzed_faces: Whether faces have been analysed.
        analyzed_tags: Whether tags have been analysed.
        categories: Categories.
        color_model: Color model, such as `RGB`.
        color_profile: Name of the embedded color profile.
        colors: Detected colors, among them `dominant_colors`; may be empty.
        content_type: MIME type, such as `image/jpeg`.
        custom_fields: Custom fields by name. Empty text occurs instead of an empty object.
        date_created: When the asset was indexed. Unix time in seconds.
        date_modified: When the asset was last changed. Unix time in seconds.
        description: Description.
        dpi_height: Vertical resolution in dots per inch.
        dpi_width: Horizontal resolution in dots per inch.
        face_count: How many faces were detected.
        file_size: Size of the origin file in bytes.
        has_frames: Whether the file is animated.
        media_height: Height in pixels.
        media_kind: Kind of media.
        media_width: Width in pixels.
        name: Title.
        origin_path: Path of the file at the origin, with a leading slash.
        source_id: The source that the asset belongs to.
        tags: Detected or assigned tags, each with its confidence from 0 to 1. A list of names and
            empty text also occur.
        uploaded_by: Who uploaded the file.
        uploaded_by_api: Whether the file was uploaded through the API.
        warning_adult: Content warning level for adult content.
        warning_medical: Content warning level for medical content.
        warning_racy: Content warning level for racy content.
        warning_spoof: Content warning level for spoofs.
        warning_violence: Content warning level for violence.
    """

    analyzed_content_warnings: bool | None | Unset = UNSET
    analyzed_faces: bool | None | Unset = UNSET
    analyzed_tags: bool | None | Unset = UNSET
    categories: list[str] | None | Unset = UNSET
    color_model: str | None | Unset = UNSET
    color_profile: str | None | Unset = UNSET
    colors: Colors | list[Any] | str | None | Unset = UNSET
    content_type: str | None | Unset = UNSET
    custom_fields: CustomFields | list[Any] | str | None | Unset = UNSET
    date_created: int | None | Unset = UNSET
    date_modified: int | None | Unset = UNSET
    description: str | None | Unset = UNSET
    dpi_height: int | None | Unset = UNSET
    dpi_width: int | None | Unset = UNSET
    face_count: int | None | Unset = UNSET
    file_size: int | None | Unset = UNSET
    has_frames: bool | None | Unset = UNSET
    media_height: int | None | Unset = UNSET
    media_kind: MediaKind | None | Unset = UNSET
    media_width: int | None | Unset = UNSET
    name: str | None | Unset = UNSET
    origin_path: str | None | Unset = UNSET
    source_id: str | None | Unset = UNSET
    tags: Tags | list[Any] | str | None | Unset = UNSET
    uploaded_by: str | None | Unset = UNSET
    uploaded_by_api: bool | None | Unset = UNSET
    warning_adult: int | None | Unset = UNSET
    warning_medical: int | None | Unset = UNSET
    warning_racy: int | None | Unset = UNSET
    warning_spoof: int | None | Unset = UNSET
    warning_violence: int | None | Unset = UNSET
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties,
            {
                "analyzed_content_warnings": self.analyzed_content_warnings,
                "analyzed_faces": self.analyzed_faces,
                "analyzed_tags": self.analyzed_tags,
                "categories": self.categories,
                "color_model": self.color_model,
                "color_profile": self.color_profile,
                "colors": self.colors,
                "content_type": self.content_type,
                "custom_fields": self.custom_fields,
                "date_created": self.date_created,
                "date_modified": self.date_modified,
                "description": self.description,
                "dpi_height": self.dpi_height,
                "dpi_width": self.dpi_width,
                "face_count": self.face_count,
                "file_size": self.file_size,
                "has_frames": self.has_frames,
                "media_height": self.media_height,
                "media_kind": self.media_kind,
                "media_width": self.media_width,
                "name": self.name,
                "origin_path": self.origin_path,
                "source_id": self.source_id,
                "tags": self.tags,
                "uploaded_by": self.uploaded_by,
                "uploaded_by_api": self.uploaded_by_api,
                "warning_adult": self.warning_adult,
                "warning_medical": self.warning_medical,
                "warning_racy": self.warning_racy,
                "warning_spoof": self.warning_spoof,
                "warning_violence": self.warning_violence,
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
        fields = FieldReader("AssetAttributes", src_dict)
        return cls(
            analyzed_content_warnings=fields.optional_nullable("analyzed_content_warnings", parse_bool),
            analyzed_faces=fields.optional_nullable("analyzed_faces", parse_bool),
            analyzed_tags=fields.optional_nullable("analyzed_tags", parse_bool),
            categories=fields.optional_nullable("categories", list_of(parse_str)),
            color_model=fields.optional_nullable("color_model", parse_str),
            color_profile=fields.optional_nullable("color_profile", parse_str),
            colors=fields.optional_nullable("colors", one_of(parse_str, list_of(parse_any), parse_map)),
            content_type=fields.optional_nullable("content_type", parse_str),
            custom_fields=fields.optional_nullable(
                "custom_fields", one_of(parse_str, list_of(parse_any), parse_map)
            ),
            date_created=fields.optional_nullable("date_created", parse_int),
            date_modified=fields.optional_nullable("date_modified", parse_int),
            description=fields.optional_nullable("description", parse_str),
            dpi_height=fields.optional_nullable("dpi_height", parse_int),
            dpi_width=fields.optional_nullable("dpi_width", parse_int),
            face_count=fields.optional_nullable("face_count", parse_int),
            file_size=fields.optional_nullable("file_size", parse_int),
            has_frames=fields.optional_nullable("has_frames", parse_bool),
            media_height=fields.optional_nullable("media_height", parse_int),
            media_kind=fields.optional_nullable("media_kind", MediaKind),
            media_width=fields.optional_nullable("media_width", parse_int),
            name=fields.optional_nullable("name", parse_str),
            origin_path=fields.optional_nullable("origin_path", parse_str),
            source_id=fields.optional_nullable("source_id", parse_str),
            tags=fields.optional_nullable("tags", one_of(parse_str, list_of(parse_any), parse_map)),
            uploaded_by=fields.optional_nullable("uploaded_by", parse_str),
            uploaded_by_api=fields.optional_nullable("uploaded_by_api", parse_bool),
            warning_adult=fields.optional_nullable("warning_adult", parse_int),
            warning_medical=fields.optional_nullable("warning_medical", parse_int),
            warning_racy=fields.optional_nullable("warning_racy", parse_int),
            warning_spoof=fields.optional_nullable("warning_spoof", parse_int),
            warning_violence=fields.optional_nullable("warning_violence", parse_int),
            additional_properties=fields.rest,
        )
