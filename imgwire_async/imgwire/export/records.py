"""An exported image on its way, and what the journal and the manifest keep of it."""

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
"""Of a manifest. `ingest` ignores those that begin with `_`."""


@dataclass(slots=True)
class ExportItem(IngestItem):
    """An image to be exported. The source is the URL of its original."""

    fetched_here: ClassVar[bool] = True

    image: Image | None = None
    """Its record."""
    path: str = ""
    """Where its file belongs below the target, with slashes. In a dry run collisions are not resolved."""

    def __repr__(self) -> str:
        return f"ExportItem(key={self.key!r}, path={self.path!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedImage:
    """An image whose original is in the target, complete and compared with its record."""

    image: Image
    """Its record."""
    path: str
    """Where the file is below the target, with slashes between folders."""
    location: str
    """The whole path of the file, or the URI of the object."""
    size: int
    """Bytes."""
    sha256: str
    """Of the file, in hexadecimal digits."""
    fetched: bool
    """Whether it was fetched now; False when the target had this very file."""


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
    """The row of the manifest as the journal keeps it."""
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
    """A row of the manifest for tables whose cells are texts."""
    row: dict[str, Any] = json.loads(note)
    return {name: _cell(row.get(name)) for name in COLUMNS}


def _cell(value: object) -> str | None:
    return value if isinstance(value, str | None) else json.dumps(value)
