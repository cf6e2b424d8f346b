"""From an imgix asset to an item of a job: its name, type and metadata, or why there is nothing to store."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from imgwire_async.errors import ImgwireError, InvalidArgumentError, UploadSourceError
from imgwire_async.imgix.originals import NoOriginalError, original_url, plain_url, proxied_url
from imgwire_async.imgix.records import Asset, Source
from imgwire_async.imgwire.lowlevel.models import SupportedMimeType
from imgwire_async.ingest.items import Entry, IngestItem, storable
from imgwire_async.migrate.metadata import MetadataRules, flat_metadata, lost_metadata

_OPERATION: Final = "migrate_from_imgix"
_STORED: Final = frozenset(str(one.value) for one in SupportedMimeType)
_SAME: Final = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-icon": "image/vnd.microsoft.icon",
    "image/heif": "image/heic",
    "image/x-ms-bmp": "image/bmp",
    "image/tif": "image/tiff",
}
"""Other names of types that Imgwire stores."""
_QUERY: Final = re.compile(r"[?#]")
_KINDS: Final = {"video": "a video", "audio": "a sound", "text": "a text", "application": "a document"}


@dataclass(slots=True)
class AssetItem(IngestItem):
    """An asset on its way. The source is the URL of its original, which may be signed."""

    asset: Asset | None = None
    """The asset at imgix."""
    lost: tuple[str, ...] = ()
    """Fields of the asset that are not carried over."""

    def __repr__(self) -> str:
        return f"AssetItem(key={self.key!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetNote:
    """What the journal keeps of an asset, so that old URLs can be mapped without listing it again."""

    source_id: str
    origin_path: str
    hosts: tuple[str, ...]
    """The hosts that serve it."""
    mime_type: str | None = None
    width: int | None = None
    height: int | None = None
    lost: tuple[str, ...] = ()

    def to_json(self) -> str:
        """All of it as text."""
        return json.dumps(
            [
                self.source_id,
                self.origin_path,
                self.hosts,
                self.mime_type,
                self.width,
                self.height,
                self.lost,
            ]
        )

    @classmethod
    def from_json(cls, text: str) -> AssetNote:
        """What `to_json` has written."""
        source_id, origin_path, hosts, mime_type, width, height, lost = json.loads(text)
        return cls(
            source_id=source_id,
            origin_path=origin_path,
            hosts=tuple(hosts),
            mime_type=mime_type,
            width=width,
            height=height,
            lost=tuple(lost),
        )

    def old_urls(self) -> list[str]:
        """Its plain URL at every host."""
        return [plain_url(host, self.origin_path) for host in self.hosts]


class AssetReader:
    """Makes the entries of a job of assets.

    Args:
        rules: how metadata is carried over.
        alt_text: the field that holds the alternative text.
        rendering_base_url: see `original_url`.
    """

    def __init__(self, rules: MetadataRules, alt_text: str | None, rendering_base_url: str | None) -> None:
        self._rules = rules
        self._alt_text = alt_text
        self._rendering_base_url = rendering_base_url

    def entry(self, source: Source, asset: Asset) -> Entry:
        """The entry of an asset. What is wrong with one concerns it alone."""
        path = asset.origin_path or f"/{asset.id.partition('/')[2]}"
        key = storable(asset.id)
        mime_type = stored_type(asset.content_type)
        lost = lost_metadata(asset, self._rules)
        item = AssetItem(b"", key, _file_name(path), mime_type, asset=asset, lost=lost)
        # Hosts, signatures and origins of a source may change between two runs.
        item.content_id = f"imgix:{key}"
        note = AssetNote(
            source_id=source.id,
            origin_path=path,
            hosts=source.hosts,
            mime_type=asset.content_type,
            width=asset.media_width,
            height=asset.media_height,
            lost=lost,
        ).to_json()
        if (skip := _why_not_stored(asset, mime_type)) is not None:
            return Entry(key, item, skip=skip, note=note)
        problem: ImgwireError | None = None
        try:
            item.source = original_url(source, path, rendering_base_url=self._rendering_base_url)
            item.custom_metadata = flat_metadata(asset, self._rules, self._alt_text)
            _check_text(item)
        except NoOriginalError as error:
            problem = UploadSourceError(f"cannot fetch {key!r}: {error}", operation=_OPERATION)
        except InvalidArgumentError as error:
            problem = error
        return Entry(key, item, problem, note=note)


def stored_type(content_type: str | None) -> str | None:
    """The type as Imgwire names it, or None if it is unknown or not stored."""
    if content_type is None:
        return None
    plain = content_type.partition(";")[0].strip().lower()
    plain = _SAME.get(plain, plain)
    return plain if plain in _STORED else None


def _why_not_stored(asset: Asset, mime_type: str | None) -> str | None:
    if mime_type is not None:
        return None
    if not asset.content_type:
        kind = (asset.media_kind or "").upper()
        # Without a type the bytes decide, unless imgix knows that they are no picture.
        return f"{kind.lower()}: not an image" if kind in {"DOCUMENT", "VIDEO"} else None
    family = asset.content_type.partition("/")[0].strip().lower()
    what = _KINDS.get(family, "an image of a type that Imgwire does not store")
    return f"{asset.content_type}: {what}"


def _file_name(path: str) -> str:
    """The last part of an origin path; for a web proxy that of the image's own URL."""
    proxied = proxied_url(path)
    if proxied is not None:
        # Not `urlsplit`, which rejects some of the URLs that an origin path may be.
        _, _, below_host = _QUERY.split(proxied, maxsplit=1)[0].partition("://")[2].partition("/")
        path = unquote(below_host)
    return storable(path.rstrip("/").rpartition("/")[2]) or "image"


def _check_text(item: IngestItem) -> None:
    """Check that everything can be sent.

    Raises:
        InvalidArgumentError: a text holds a lone surrogate.
    """
    for name, value in (item.custom_metadata or {}).items():
        for text in (name, value):
            if isinstance(text, str) and storable(text) != text:
                raise InvalidArgumentError(
                    f"the metadata {storable(name)!r} of the asset {item.key!r} is not Unicode text",
                    operation=_OPERATION,
                )
