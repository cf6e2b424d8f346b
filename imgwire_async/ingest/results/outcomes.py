"""What becomes of the items of a bulk job."""

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
    """The item was uploaded by this run; or by an earlier one, and this one has waited for it to be ready.

    A URL counts when the service has fetched the image and it is READY: accepted is not stored.
    """

    key: str
    item: IngestItem
    image: RecordT
    """The record: for a URL and with `wait_ready` that of the ready image, else that from before the bytes
    arrived."""
    size: int
    """Bytes sent; 0 for a URL and for what was uploaded earlier."""
    attempts: int
    """How often the item was tried; waits for a server that asked to slow down are not counted."""
    seconds: float
    """From its first request to its end, waits included."""
    image_id: str
    """Id of the image."""
    cdn_url: str
    """Public URL of the image on the CDN."""
    error: None = field(default=None, init=False)

    def __setstate__(self, state: tuple[None, dict[str, Any]]) -> None:
        _, values = state
        if "image_id" not in values:  # a pickle from when the record was asked
            image = values["image"]
            values |= {"image_id": str(image.id), "cdn_url": image.cdn_url}
        for name, value in values.items():
            setattr(self, name, value)


@dataclass(slots=True, kw_only=True)
class AlreadyStored:
    """Nothing was sent, because the image is there."""

    key: str
    item: IngestItem
    image_id: str
    cdn_url: str
    same_content_as: str | None = None
    """With `dedupe="content"`: key of the item whose image it shares; None when it was stored earlier."""
    changed: Changed | None = None
    """What of the item is no longer as it was stored: its content, told by size and time of the file or by
    the URL, and only with `on_change="skip"`; or its purpose, custom metadata, file name or type."""
    error: None = field(default=None, init=False)


class SkipReason(StrEnum):
    """Why an item was skipped."""

    NO_IMAGE = "no_image"
    """A file in a folder that is none of the types that the service stores."""
    UNSUPPORTED_TYPE = "unsupported_type"
    """The source declares a type that is not stored, such as a video; `Skipped.detail` says which."""
    NO_ORIGINAL = "no_original"
    """The source has no usable file of it; `Skipped.detail` says why."""
    NAMED_TWICE = "named_twice"
    """The source gave the same item before."""
    DRY_RUN = "dry_run"
    """It would have been uploaded."""


@dataclass(slots=True, kw_only=True)
class Skipped:
    """Nothing was sent, and there is nothing to send."""

    key: str
    item: IngestItem
    reason: SkipReason
    size: int = 0
    """Bytes, where known."""
    detail: str | None = None
    """More about the reason, for people."""
    image_id: None = field(default=None, init=False)
    error: None = field(default=None, init=False)

    def __setstate__(self, state: tuple[None, dict[str, Any]]) -> None:
        for name, value in ({"detail": None} | state[1]).items():  # a pickle from before there was a detail
            setattr(self, name, value)


@dataclass(slots=True, kw_only=True)
class Failed:
    """The item is not stored, could not be fetched from its URL, or with `wait_ready` is not usable.

    The next run tries it again.
    """

    key: str
    item: IngestItem | None
    """None when the source gave nothing to upload, such as a malformed row of a manifest."""
    error: ImgwireError
    attempts: int = 0
    image_id: None = field(default=None, init=False)


Outcome: TypeAlias = Stored[RecordT] | AlreadyStored | Skipped | Failed
