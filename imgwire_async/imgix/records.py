"""Flat records returned by the resources. The JSON:API document is available as `raw`.

A field that is missing or null is None, because responses may be sparse and plans differ. Timestamps are
aware. Members and fields that this version does not know are kept in `raw`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Final, Self

from imgwire_async.core.values.redaction import HiddenText
from imgwire_async.imgix.deployment import Deployment
from imgwire_async.imgix.lowlevel import models
from imgwire_async.imgix.lowlevel.types import Unset

_SECRET: Final = frozenset({"secure_url_token", "url"})
_MAPPINGS: Final = frozenset({"colors", "custom_fields", "tags"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source: an origin of files, and the hosts that serve them."""

    id: str
    """Id, 24 characters."""
    name: str | None
    """Display name."""
    enabled: bool | None
    """Whether it serves images. A disabled one responds with 410 to what is not cached."""
    deployment: Deployment
    """How it is served; all fields are None if they were not requested."""
    deployment_status: str | None
    """`deploying`, `deployed`, `disabled` or `deleted`."""
    date_deployed: datetime | None
    """When the latest deployment was made."""
    secure_url_token: str | None = field(repr=False)
    """Token that signs URLs, see `imgix_url`; only set with `deployment.secure_url_enabled`. A secret."""
    raw: models.Source = field(repr=False, compare=False)
    """The JSON:API resource."""

    @classmethod
    def of(cls, raw: models.Source) -> Self:
        """The record of a resource."""
        attributes = _attributes(raw.attributes, models.SourceAttributes)
        values = _values(attributes, _SOURCE)
        deployment = values.pop("deployment") or models.Deployment.from_dict({})
        return cls(id=_known(raw.id) or "", deployment=Deployment.of(deployment), raw=raw, **values)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Its host names: the imgix subdomains first, then the custom domains."""
        labels = self.deployment.imgix_subdomains or ()
        return (*(f"{label}.imgix.net" for label in labels), *(self.deployment.custom_domains or ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """An asset: a file of a source that the Asset Manager knows. Nearly every field may be None."""

    id: str
    """Source id, a slash, and the origin path without its leading slash."""
    source_id: str | None
    """The source that it belongs to."""
    origin_path: str | None
    """Path of the file at the origin, with a leading slash."""
    name: str | None
    """Title."""
    description: str | None
    """Description."""
    categories: Sequence[str] | None
    """Categories."""
    tags: Mapping[str, object] | None
    """Detected or given tags, each with its confidence from 0 to 1, or None if imgix gives only names."""
    custom_fields: Mapping[str, object] | None
    """Your own fields by name."""
    colors: Mapping[str, object] | None
    """Detected colours, with `dominant_colors` among them."""
    content_type: str | None
    """MIME type, such as `image/jpeg`. Assets can also be videos and documents."""
    media_kind: str | None
    """`IMAGE`, `ANIMATION`, `DOCUMENT` or `VECTOR`."""
    media_width: int | None
    """Width in pixels."""
    media_height: int | None
    """Height in pixels."""
    file_size: int | None
    """Size of the origin file in bytes."""
    color_model: str | None
    """Colour model, such as `RGB`."""
    color_profile: str | None
    """Name of the embedded colour profile."""
    dpi_width: int | None
    """Horizontal resolution in dots per inch."""
    dpi_height: int | None
    """Vertical resolution in dots per inch."""
    face_count: int | None
    """How many faces were detected."""
    has_frames: bool | None
    """Whether the file is animated."""
    analyzed_content_warnings: bool | None
    """Whether content warnings have been analysed."""
    analyzed_faces: bool | None
    """Whether faces have been analysed."""
    analyzed_tags: bool | None
    """Whether tags have been analysed."""
    warning_adult: int | None
    """Content warning level for adult content."""
    warning_medical: int | None
    """Content warning level for medical content."""
    warning_racy: int | None
    """Content warning level for racy content."""
    warning_spoof: int | None
    """Content warning level for spoofs."""
    warning_violence: int | None
    """Content warning level for violence."""
    date_created: datetime | None
    """When it was indexed."""
    date_modified: datetime | None
    """When it was last changed."""
    uploaded_by: str | None
    """Who uploaded the file."""
    uploaded_by_api: bool | None
    """Whether the file was uploaded through the API."""
    raw: models.Asset = field(repr=False, compare=False)
    """The JSON:API resource."""

    @classmethod
    def of(cls, raw: models.Asset) -> Self:
        """The record of a resource."""
        attributes = _attributes(raw.attributes, models.AssetAttributes)
        return cls(id=_known(raw.id) or "", raw=raw, **_values(attributes, _ASSET))


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadSession:
    """A session that takes one large file."""

    id: str
    """Id of the session."""
    source_id: str | None
    """The source that receives the file."""
    origin_path: str | None
    """Path of the file at the origin."""
    status: str | None
    """`PENDING`, `CLOSED` or `COMPLETE`; further ones are undocumented."""
    url: str | None = field(repr=False)
    """Presigned URL for the PUT of the bytes; only set when the session was just opened. A secret."""
    date_created: datetime | None
    """When it was opened."""
    date_modified: datetime | None
    """When it last changed."""
    date_expires: datetime | None
    """When it and its URL expire, eight hours after opening."""
    raw: models.UploadSession = field(repr=False, compare=False)
    """The JSON:API resource."""

    @classmethod
    def of(cls, raw: models.UploadSession) -> Self:
        """The record of a resource."""
        attributes = _attributes(raw.attributes, models.UploadSessionAttributes)
        identity = _known(raw.id) or _known(attributes.id) or ""
        return cls(id=identity, raw=raw, **_values(attributes, _SESSION))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report: files to download. Kept for 90 days."""

    id: str
    """Id of the report."""
    completed: bool | None
    """Whether it is final."""
    files: Sequence[str] | None = field(repr=False)
    """URLs to download, which may be signed; a report of more than 64 MB is split."""
    period_start: datetime | None
    """Start of the period."""
    period_end: datetime | None
    """End of the period."""
    report_key: str | None
    """Name, such as `source_analytics_20201130`."""
    report_type: str | None
    """`cdn_logs`, `image_analytics`, `mild_errors`, `source_analytics`, `credit_analytics_daily`, …"""
    raw: models.Report = field(repr=False, compare=False)
    """The JSON:API resource."""

    @classmethod
    def of(cls, raw: models.Report) -> Self:
        """The record of a resource."""
        values = _values(_attributes(raw.attributes, models.ReportAttributes), _REPORT)
        if values["files"] is not None:
            values["files"] = tuple(map(HiddenText, values["files"]))
        return cls(id=_known(raw.id) or "", raw=raw, **values)


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeReceipt:
    """An accepted purge. It may not be finished yet, and there is no way to check."""

    purge_id: str | None
    """Id of the purge, or None if the service named none."""
    duplicate: bool = False
    """Whether the same URL was already purged within the last 10 seconds."""
    raw: models.PurgeReceipt | None = field(default=None, repr=False, compare=False)
    """The JSON:API resource; None for a duplicate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishReceipt:
    """An accepted publication."""

    publish_id: str | None
    """Id of the publication."""
    raw: models.PublishReceipt = field(repr=False, compare=False)
    """The JSON:API resource."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpublishReceipt:
    """An accepted withdrawal from publication."""

    unpublish_id: str | None
    """Id of the withdrawal."""
    raw: models.UnpublishReceipt = field(repr=False, compare=False)
    """The JSON:API resource."""


def _names(record: type[Source | Asset | UploadSession | Report]) -> tuple[str, ...]:
    return tuple(one.name for one in fields(record) if one.name not in {"id", "raw"})


_SOURCE: Final = _names(Source)
_ASSET: Final = _names(Asset)
_SESSION: Final = _names(UploadSession)
_REPORT: Final = _names(Report)


def _known(value: Any) -> Any:  # noqa: ANN401 - the field's own type
    return None if isinstance(value, Unset) else value


def _attributes(given: Any, kind: Any) -> Any:  # noqa: ANN401 - one of the generated models
    return kind.from_dict({}) if given is None or isinstance(given, Unset) else given


def _values(attributes: object, names: Iterable[str]) -> dict[str, Any]:
    values = {}
    for name in names:
        value = _known(getattr(attributes, name))
        if name.startswith(("date_", "period_")):
            value = _moment(value)
        elif name in _SECRET and value is not None:
            value = HiddenText(value)
        elif name in _MAPPINGS:
            value = _mapping(value)
        values[name] = value
    return values


def _mapping(value: object) -> Mapping[str, object] | None:
    """An object in any form that imgix uses: an empty one may be "", and tags may be a list."""
    if isinstance(value, list):
        return {str(name): None for name in value}
    return value if isinstance(value, Mapping) else None


def _moment(seconds: int | None) -> datetime | None:
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None  # not a valid date; `raw` has the number
