"""Exported images, and their entries in the journal and the manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from imgwire_async.imgwire.lowlevel.models import Image
from imgwire_async.ingest.items import IngestItem

COLUMNS: Final = (
    "source",
    "key",
    "file_name",
    "mime_type",
    "purpose",
    "custom_metadata",
    "_image_id",
    "_created_at",
    "_size",
    "_sha256",
    "_cdn_url",
)
"""The columns of a manifest. `ingest` ignores those that start with `_`."""


@dataclass(slots=True)
class ExportItem(IngestItem):
    """An image to be exported. The source is the URL of its original."""

    fetched_here: ClassVar[bool] = True

    image: Image | None = None
    """Its record."""
    path: str = ""
    """Path of its file relative to the target, with slashes. A dry run does not resolve collisions."""

    def __repr__(self) -> str:
        return f"ExportItem(key={self.key!r}, path={self.path!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedImage:
    """An image whose original is in the target, complete and verified against its record."""

    image: Image
    """Its record."""
    path: str
    """Path of the file relative to the target, with slashes between folders."""
    location: str
    """The full path of the file, or the URI of the object."""
    size: int
    """Size of the file, in bytes."""
    sha256: str
    """SHA-256 of the file, in hexadecimal."""
    fetched: bool
    """Whether it was fetched in this run; False if the target already had the same file."""


def item_of(image: Image, path: str) -> ExportItem:
    """The item of an image."""
    return ExportItem(
        image.cdn_url,
        str(image.id),
        image.original_filename or None,
        str(image.mime_type),
        image.purpose or None,
        dict(image.custom_metadata) or None,
        f"imgwire:{image.id}",
        image=image,
        path=path,
    )


def note_of(image: Image, path: str) -> str:
    """The row of the manifest, as stored in the journal."""
    row: dict[str, object] = {
        "source": path,
        "key": str(image.id),
        "file_name": image.original_filename or None,
        "mime_type": str(image.mime_type),
        "purpose": image.purpose or None,
        "custom_metadata": dict(image.custom_metadata) or None,
        "_image_id": str(image.id),
        "_created_at": image.created_at.isoformat(),
        "_size": image.size_bytes,
        "_sha256": image.hash_sha256,
        "_cdn_url": image.cdn_url,
    }
    return json.dumps(row)


def row_as_text(note: str) -> Mapping[str, str | None]:
    """A row of the manifest for tables with text cells."""
    row: dict[str, Any] = json.loads(note)
    return {name: _cell(row.get(name)) for name in COLUMNS}


def _cell(value: object) -> str | None:
    return value if isinstance(value, str | None) else json.dumps(value)
