"""Attributes of an asset. Nearly every field may be null or absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from imgwire_async.core.operation import list_of

from ..types import (
    UNSET,
    Unset,
    fields_of,
    misfit,
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
        return cls._take(fields_of("AssetAttributes", src_dict))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("AssetAttributes", rest)
        take = rest.pop
        at, value = "", None
        try:
            analyzed_content_warnings_ = value = take(at := "analyzed_content_warnings", UNSET)
            if (
                analyzed_content_warnings_.__class__ is not bool
                and analyzed_content_warnings_ is not None
                and analyzed_content_warnings_ is not UNSET
            ):
                analyzed_content_warnings_ = parse_bool(analyzed_content_warnings_)
            analyzed_faces_ = value = take(at := "analyzed_faces", UNSET)
            if (
                analyzed_faces_.__class__ is not bool
                and analyzed_faces_ is not None
                and analyzed_faces_ is not UNSET
            ):
                analyzed_faces_ = parse_bool(analyzed_faces_)
            analyzed_tags_ = value = take(at := "analyzed_tags", UNSET)
            if (
                analyzed_tags_.__class__ is not bool
                and analyzed_tags_ is not None
                and analyzed_tags_ is not UNSET
            ):
                analyzed_tags_ = parse_bool(analyzed_tags_)
            categories_ = value = take(at := "categories", UNSET)
            if categories_ is not None and categories_ is not UNSET:
                categories_ = list_of(parse_str)(categories_)
            color_model_ = value = take(at := "color_model", UNSET)
            if color_model_.__class__ is not str and color_model_ is not None and color_model_ is not UNSET:
                color_model_ = parse_str(color_model_)
            color_profile_ = value = take(at := "color_profile", UNSET)
            if (
                color_profile_.__class__ is not str
                and color_profile_ is not None
                and color_profile_ is not UNSET
            ):
                color_profile_ = parse_str(color_profile_)
            colors_ = value = take(at := "colors", UNSET)
            if colors_ is not None and colors_ is not UNSET:
                colors_ = one_of(parse_str, list_of(parse_any), parse_map)(colors_)
            content_type_ = value = take(at := "content_type", UNSET)
            if (
                content_type_.__class__ is not str
                and content_type_ is not None
                and content_type_ is not UNSET
            ):
                content_type_ = parse_str(content_type_)
            custom_fields_ = value = take(at := "custom_fields", UNSET)
            if custom_fields_ is not None and custom_fields_ is not UNSET:
                custom_fields_ = one_of(parse_str, list_of(parse_any), parse_map)(custom_fields_)
            date_created_ = value = take(at := "date_created", UNSET)
            if (
                date_created_.__class__ is not int
                and date_created_ is not None
                and date_created_ is not UNSET
            ):
                date_created_ = parse_int(date_created_)
            date_modified_ = value = take(at := "date_modified", UNSET)
            if (
                date_modified_.__class__ is not int
                and date_modified_ is not None
                and date_modified_ is not UNSET
            ):
                date_modified_ = parse_int(date_modified_)
            description_ = value = take(at := "description", UNSET)
            if description_.__class__ is not str and description_ is not None and description_ is not UNSET:
                description_ = parse_str(description_)
            dpi_height_ = value = take(at := "dpi_height", UNSET)
            if dpi_height_.__class__ is not int and dpi_height_ is not None and dpi_height_ is not UNSET:
                dpi_height_ = parse_int(dpi_height_)
            dpi_width_ = value = take(at := "dpi_width", UNSET)
            if dpi_width_.__class__ is not int and dpi_width_ is not None and dpi_width_ is not UNSET:
                dpi_width_ = parse_int(dpi_width_)
            face_count_ = value = take(at := "face_count", UNSET)
            if face_count_.__class__ is not int and face_count_ is not None and face_count_ is not UNSET:
                face_count_ = parse_int(face_count_)
            file_size_ = value = take(at := "file_size", UNSET)
            if file_size_.__class__ is not int and file_size_ is not None and file_size_ is not UNSET:
                file_size_ = parse_int(file_size_)
            has_frames_ = value = take(at := "has_frames", UNSET)
            if has_frames_.__class__ is not bool and has_frames_ is not None and has_frames_ is not UNSET:
                has_frames_ = parse_bool(has_frames_)
            media_height_ = value = take(at := "media_height", UNSET)
            if (
                media_height_.__class__ is not int
                and media_height_ is not None
                and media_height_ is not UNSET
            ):
                media_height_ = parse_int(media_height_)
            media_kind_ = value = take(at := "media_kind", UNSET)
            if media_kind_ is not None and media_kind_ is not UNSET:
                media_kind_ = MediaKind._value2member_map_.get(media_kind_) or MediaKind(media_kind_)
            media_width_ = value = take(at := "media_width", UNSET)
            if media_width_.__class__ is not int and media_width_ is not None and media_width_ is not UNSET:
                media_width_ = parse_int(media_width_)
            name_ = value = take(at := "name", UNSET)
            if name_.__class__ is not str and name_ is not None and name_ is not UNSET:
                name_ = parse_str(name_)
            origin_path_ = value = take(at := "origin_path", UNSET)
            if origin_path_.__class__ is not str and origin_path_ is not None and origin_path_ is not UNSET:
                origin_path_ = parse_str(origin_path_)
            source_id_ = value = take(at := "source_id", UNSET)
            if source_id_.__class__ is not str and source_id_ is not None and source_id_ is not UNSET:
                source_id_ = parse_str(source_id_)
            tags_ = value = take(at := "tags", UNSET)
            if tags_ is not None and tags_ is not UNSET:
                tags_ = one_of(parse_str, list_of(parse_any), parse_map)(tags_)
            uploaded_by_ = value = take(at := "uploaded_by", UNSET)
            if uploaded_by_.__class__ is not str and uploaded_by_ is not None and uploaded_by_ is not UNSET:
                uploaded_by_ = parse_str(uploaded_by_)
            uploaded_by_api_ = value = take(at := "uploaded_by_api", UNSET)
            if (
                uploaded_by_api_.__class__ is not bool
                and uploaded_by_api_ is not None
                and uploaded_by_api_ is not UNSET
            ):
                uploaded_by_api_ = parse_bool(uploaded_by_api_)
            warning_adult_ = value = take(at := "warning_adult", UNSET)
            if (
                warning_adult_.__class__ is not int
                and warning_adult_ is not None
                and warning_adult_ is not UNSET
            ):
                warning_adult_ = parse_int(warning_adult_)
            warning_medical_ = value = take(at := "warning_medical", UNSET)
            if (
                warning_medical_.__class__ is not int
                and warning_medical_ is not None
                and warning_medical_ is not UNSET
            ):
                warning_medical_ = parse_int(warning_medical_)
            warning_racy_ = value = take(at := "warning_racy", UNSET)
            if (
                warning_racy_.__class__ is not int
                and warning_racy_ is not None
                and warning_racy_ is not UNSET
            ):
                warning_racy_ = parse_int(warning_racy_)
            warning_spoof_ = value = take(at := "warning_spoof", UNSET)
            if (
                warning_spoof_.__class__ is not int
                and warning_spoof_ is not None
                and warning_spoof_ is not UNSET
            ):
                warning_spoof_ = parse_int(warning_spoof_)
            warning_violence_ = value = take(at := "warning_violence", UNSET)
            if (
                warning_violence_.__class__ is not int
                and warning_violence_ is not None
                and warning_violence_ is not UNSET
            ):
                warning_violence_ = parse_int(warning_violence_)
        except (TypeError, ValueError) as error:
            raise misfit("AssetAttributes", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(
            analyzed_content_warnings=analyzed_content_warnings_,
            analyzed_faces=analyzed_faces_,
            analyzed_tags=analyzed_tags_,
            categories=categories_,
            color_model=color_model_,
            color_profile=color_profile_,
            colors=colors_,
            content_type=content_type_,
            custom_fields=custom_fields_,
            date_created=date_created_,
            date_modified=date_modified_,
            description=description_,
            dpi_height=dpi_height_,
            dpi_width=dpi_width_,
            face_count=face_count_,
            file_size=file_size_,
            has_frames=has_frames_,
            media_height=media_height_,
            media_kind=media_kind_,
            media_width=media_width_,
            name=name_,
            origin_path=origin_path_,
            source_id=source_id_,
            tags=tags_,
            uploaded_by=uploaded_by_,
            uploaded_by_api=uploaded_by_api_,
            warning_adult=warning_adult_,
            warning_medical=warning_medical_,
            warning_racy=warning_racy_,
            warning_spoof=warning_spoof_,
            warning_violence=warning_violence_,
            additional_properties=rest,
        )
