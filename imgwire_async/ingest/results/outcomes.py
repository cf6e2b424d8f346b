"""The outcomes of a bulk job's items."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, Literal, TypeAlias

from imgwire_async.errors import ImgwireError
from imgwire_async.ingest.items import IngestItem
from imgwire_async.ingest.sink import RecordT

Changed: TypeAlias = Literal["content", "parameters"]


@dataclass(slots=True, kw_only=True)
class Stored(Generic[RecordT]):
    """The item was uploaded by this run, or by an earlier run and this one waited until it was READY.

    An image from a URL counts only when the service has fetched it and it is READY; accepted is not stored.
    """

    key: str
    item: IngestItem
    image: RecordT
    """The record: for a URL or with `wait_ready` the READY image, otherwise the state before the upload
    finished."""
    size: int
    """Bytes sent; 0 for a URL, or if the item was uploaded by an earlier run."""
    attempts: int
    """Number of attempts, not counting waits after a 429."""
    seconds: float
    """Seconds from its first request to its outcome, including waits."""
    image_id: str
    """Id of the image."""
    cdn_url: str
    """Public URL of the image on the CDN."""
    error: None = field(default=None, init=False)

    def __setstate__(self, state: tuple[None, dict[str, Any]]) -> None:
        _, values = state
        if "image_id" not in values:  # from an older pickle without this field
            image = values["image"]
            values |= {"image_id": str(image.id), "cdn_url": image.cdn_url}
        for name, value in values.items():
            setattr(self, name, value)


@dataclass(slots=True, kw_only=True)
class AlreadyStored:
    """Nothing was sent, because the image is stored already."""

    key: str
    item: IngestItem
    image_id: str
    cdn_url: str
    same_content_as: str | None = None
    """With `dedupe="content"`: key of the item whose image it shares; None if it was stored itself."""
    changed: Changed | None = None
    """What has changed since the item was stored: its purpose, custom metadata, file name or type, or with
    `on_change="skip"` its content, judged by size and time of the file or by the URL."""
    error: None = field(default=None, init=False)


class SkipReason(StrEnum):
    """Why an item was skipped."""

    NO_IMAGE = "no_image"
    """A file in a folder whose type the service does not store."""
    UNSUPPORTED_TYPE = "unsupported_type"
    """The source declares a type that is not stored, such as a video; `Skipped.detail` says which."""
    NO_ORIGINAL = "no_original"
    """The source has no usable file for it; `Skipped.detail` says why."""
    NAMED_TWICE = "named_twice"
    """The source gave the same item before."""
    DRY_RUN = "dry_run"
    """A dry run: it would have been uploaded."""


@dataclass(slots=True, kw_only=True)
class Skipped:
    """The item was skipped: nothing was sent."""

    key: str
    item: IngestItem
    reason: SkipReason
    size: int = 0
    """Bytes, where known."""
    detail: str | None = None
    """More about the reason, for display."""
    image_id: None = field(default=None, init=False)
    error: None = field(default=None, init=False)

    def __setstate__(self, state: tuple[None, dict[str, Any]]) -> None:
        for name, value in ({"detail": None} | state[1]).items():  # from an older pickle without this field
            setattr(self, name, value)


@dataclass(slots=True, kw_only=True)
class Failed:
    """The item is not stored, could not be fetched from its URL, or with `wait_ready` is not usable.

    The next run tries it again.
    """

    key: str
    item: IngestItem | None
    """None if there was nothing to upload, such as for a malformed row of a manifest."""
    error: ImgwireError
    attempts: int = 0
    image_id: None = field(default=None, init=False)


Outcome: TypeAlias = Stored[RecordT] | AlreadyStored | Skipped | Failed
