"""The mapping of a migration: every old URL with its image, from the journal of the job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from imgwire_async.ingest.sources.own_files import MAPPING
from imgwire_async.migrate.asset_items import AssetNote, stored_type

if TYPE_CHECKING:
    from imgwire_async.ingest.journal.database import Journal

COLUMNS: Final = MAPPING
"""Columns of the mapping. `read_urls` reads them again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedUrl:
    """One old URL of a stored image."""

    note: AssetNote
    old_url: str
    """At imgix, without parameters and signature."""
    image_id: str
    cdn_url: str

    def row(self) -> dict[str, str | None]:
        """It as a row of `COLUMNS`."""
        note = self.note
        return {
            "source_id": note.source_id,
            "origin_path": note.origin_path,
            "old_url": self.old_url,
            "image_id": self.image_id,
            "cdn_url": self.cdn_url,
            "mime_type": stored_type(note.mime_type) or "",
            "width": "" if note.width is None else str(note.width),
            "height": "" if note.height is None else str(note.height),
            "metadata_lost": ", ".join(note.lost),
        }


def mapped_urls(journal: Journal) -> Iterator[MappedUrl]:
    """The URLs of all images that the journal has as stored, by source and path. Blocks.

    An asset has one for every host of its source.
    """
    from imgwire_async.ingest.journal.rows import State

    for row in journal.rows(State.STORED, State.READY):
        if row.note is None or row.image_id is None:
            continue
        note = AssetNote.from_json(row.note)
        for url in note.old_urls():
            yield MappedUrl(note=note, old_url=url, image_id=row.image_id, cdn_url=row.cdn_url or "")
