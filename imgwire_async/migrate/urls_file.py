"""Reading the file that maps old URLs to new ones, which `write_urls` of a migration job writes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from imgwire_async.errors import InvalidArgumentError
from imgwire_async.ingest.sources.csv_rows import CsvTable, MalformedError
from imgwire_async.ingest.sources.json_rows import UndecodableError, json_rows
from imgwire_async.ingest.sources.lines import BLOCK, TextFile, packed
from imgwire_async.ingest.sources.parquet_rows import DamagedError, ParquetTable
from imgwire_async.migrate.translation.records import Asset, ExifOrientation
from imgwire_async.migrate.translation.urls import ascii_host, source_of, split_url

PathSource: TypeAlias = "str | os.PathLike[str]"

OLD_URL: Final = "old_url"
CDN_URL: Final = "cdn_url"
_REQUIRED: Final = (OLD_URL, CDN_URL)
_OPTIONAL: Final = ("image_id", "width", "height", "mime_type", "exif_orientation")
_LARGEST: Final = 2**31 - 1
_WHOLE: Final = re.compile(r"([0-9]{1,10})(?:\.0+)?")

_Shared: TypeAlias = tuple[str, str, int | None, int | None, str | None, ExifOrientation]
"""Host, start of the new URL, width, height, MIME type and orientation: the same for many images."""
_UUID: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_OF_UUIDS: Final = re.compile(f"(.*/)({_UUID})/({_UUID})", re.DOTALL)
_AS_TEXT: Final = b"\0"
_AS_UUIDS: Final = b"\1"


@dataclass(frozen=True, slots=True)
class UrlRow:
    """A stored image.

    Attributes:
        old_url: Its URL on imgix, without parameters.
        asset: The image on Imgwire.
    """

    old_url: str
    asset: Asset


class UrlMap(Mapping[str, Asset]):
    """Stored images by the file they show: the `assets` of a translation.

    Keys are host and path (`shop.imgix.net/a.jpg`), and, for a web proxy source, the image's own URL. The
    same path of a host that is not in the file is another image, unless `aliases` names the host.

    Args:
        rows: The images.
        aliases: Further hosts of the same sources, such as custom domains. Under them, a path is found if it
            stands for one image only.

    Raises:
        InvalidArgumentError: an old URL is not a URL with a path, or stands for two images.
    """

    def __init__(self, rows: Iterable[UrlRow] = (), *, aliases: Collection[str] = ()) -> None:
        # A few hundred bytes for each of 10 million images matter: what differs is packed, and nearly every
        # path stands for one image, so that only others take a dictionary of hosts.
        self._paths: dict[str, bytes | dict[str, bytes]] = {}
        self._proxied: dict[str, bytes] = {}
        self._shared: list[_Shared] = []
        self._numbers: dict[_Shared, int] = {}
        self.hosts: set[str] = set()
        """All hosts of the old URLs, in lower case."""
        self._aliases = {ascii_host(alias) for alias in aliases}
        self.file: Path | None = None
        """Where it was read from."""
        self._count = 0
        for row in rows:
            self._add(row)

    def _add(self, row: UrlRow) -> None:
        parts = split_url(row.old_url)
        source = None if parts is None else source_of(parts)
        if source is None:
            raise InvalidArgumentError(f"{row.old_url[:200]!r} is not the URL of a file on imgix")
        asset = self._pack(source.host, row.asset)
        self.hosts.add(source.host)
        if source.path is None:
            there = self._proxied.setdefault(source.origin_url or "", asset)
        else:
            found = self._paths.setdefault(source.path, asset)
            if isinstance(found, dict):
                there = found.setdefault(source.host, asset)
            elif (host := self._host(found)) != source.host:
                self._paths[source.path] = {host: found, source.host: asset}
                there = asset
            else:
                there = found
        self._count += there is asset
        if there is not asset and (other := self._unpack(there)) != row.asset:
            raise InvalidArgumentError(
                f"{row.old_url[:200]!r} stands for two images: {other.image} and {row.asset.image}"
            )

    def _pack(self, host: str, asset: Asset) -> bytes:
        """The number of what is shared, and the rest: of a URL that ends with two UUIDs only their bytes."""
        uuids = _OF_UUIDS.fullmatch(asset.image)
        if uuids is None:
            *host_of_image, rest = asset.image.split("/", 3)
            start = "".join(f"{part}/" for part in host_of_image)
            packed = _AS_TEXT + rest.encode("utf-8", "surrogatepass")
        else:
            start = uuids[1]
            packed = _AS_UUIDS + bytes.fromhex((uuids[2] + uuids[3]).replace("-", ""))
        shared = (host, start, asset.width, asset.height, asset.mime_type, asset.exif_orientation)
        number = self._numbers.setdefault(shared, len(self._shared))
        if number == len(self._shared):
            self._shared.append(shared)
        return number.to_bytes(4, "big") + packed

    def _unpack(self, packed: bytes) -> Asset:
        shared = self._shared[int.from_bytes(packed[:4], "big")]
        if packed[4:5] == _AS_UUIDS:
            digits = packed[5:].hex()
            rest = f"{_uuid(digits[:32])}/{_uuid(digits[32:])}"
        else:
            rest = packed[5:].decode("utf-8", "surrogatepass")
        _, start, width, height, mime_type, exif_orientation = shared
        return Asset(start + rest, width, height, mime_type, exif_orientation)

    def _host(self, packed: bytes) -> str:
        return self._shared[int.from_bytes(packed[:4], "big")][0]

    def __getitem__(self, key: str) -> Asset:
        host, slash, path = key.partition("/")
        if host.endswith(":"):
            return self._unpack(self._proxied[key])
        found = self._paths[slash + path]
        hosts = {self._host(found): found} if isinstance(found, bytes) else found
        if host in hosts:
            return self._unpack(hosts[host])
        if host in self._aliases and host not in self.hosts:
            images = {self._unpack(asset).image: asset for asset in hosts.values()}
            if len(images) == 1:
                return self._unpack(*images.values())
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        for path, found in self._paths.items():
            hosts = (self._host(found),) if isinstance(found, bytes) else found
            yield from (host + path for host in hosts)
        yield from self._proxied

    def __len__(self) -> int:
        return self._count


def read_urls(path: PathSource, *, aliases: Collection[str] = ()) -> UrlMap:
    """Read the file that `write_urls` wrote: the `assets` of a translation.

    Args:
        path: A `.csv`, `.jsonl` or `.parquet` file with the columns `old_url` and `cdn_url`. `width`,
            `height`, `mime_type` and `exif_orientation` are used too if they are there; others are ignored.
            Rows without a `cdn_url` belong to images that are not READY, and are left out.
        aliases: Further hosts of the same sources, such as custom domains.

    Raises:
        InvalidArgumentError: it cannot be read, lacks a column, or has a row without an old URL or with that
            of another image.
        ConfigurationError: Parquet needs the `parquet` extra.
    """
    urls = UrlMap(url_rows(path), aliases=aliases)
    urls.file = Path(path)
    return urls


def url_rows(path: PathSource) -> Iterator[UrlRow]:
    """The rows of such a file, one after the other; see `read_urls`."""
    name = os.fsdecode(path)
    if "\0" in name:
        raise InvalidArgumentError(f"cannot read {name!r}: a path contains no NUL character")
    try:
        for number, cells in _cells(name):
            if isinstance(cells, str):
                raise InvalidArgumentError(f"cannot read {name!r}: row {number} {cells}")
            old_url, cdn_url = _text(cells.get(OLD_URL)), _text(cells.get(CDN_URL))
            if not old_url:
                raise InvalidArgumentError(f"cannot read {name!r}: row {number} has no {OLD_URL}")
            if cdn_url:
                yield UrlRow(old_url, _asset_of(cdn_url, cells))
    except OSError as error:
        raise InvalidArgumentError(f"cannot read {name!r}: {error.strerror or error}") from error
    except MalformedError as error:
        raise InvalidArgumentError(f"cannot read {name!r}: line {error.line} {error}") from None
    except (DamagedError, UndecodableError, UnicodeDecodeError) as error:
        raise InvalidArgumentError(f"cannot read {name!r}: {error}") from error


def _cells(name: str) -> Iterator[tuple[int, Mapping[str, object] | str]]:
    extension = Path(name).suffix.lower()
    if extension == ".parquet":
        with closing(ParquetTable(name)) as table:
            _check_columns(name, table.header)
            yield from table.rows([column for column in (*_REQUIRED, *_OPTIONAL) if column in table.header])
        return
    with open(name, "rb") as file:  # noqa: PTH123 - a name as given
        text = TextFile(_blocks(file), legacy=extension == ".csv")
        if (what := packed(text.head)) is not None:
            raise InvalidArgumentError(f"cannot read {name!r}: it is {what}")
        if extension in {".jsonl", ".ndjson"}:
            yield from json_rows(text.lines())
            return
        rows = CsvTable(text.lines(), set(_REQUIRED))
        _check_columns(name, rows.header)
        yield from rows.rows()


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    read: Callable[[], bytes] = lambda: file.read(BLOCK)  # noqa: E731 - `iter` wants a callable
    return iter(read, b"")


def _check_columns(name: str, columns: Iterable[str]) -> None:
    missing = [column for column in _REQUIRED if column not in columns]
    if missing:
        raise InvalidArgumentError(
            f"cannot read {name!r}: it has no column {' and no column '.join(missing)}"
        )


def _asset_of(cdn_url: str, cells: Mapping[str, object]) -> Asset:
    orientation = _number(cells.get("exif_orientation"))
    exif: ExifOrientation = "unknown" if orientation is None else orientation
    return Asset(
        cdn_url,
        _number(cells.get("width")),
        _number(cells.get("height")),
        _text(cells.get("mime_type")) or None,
        exif,
    )


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _number(value: object) -> int | None:
    """A whole number from 1; None for anything else."""
    if isinstance(value, str):
        # A data frame writes whole numbers as 640.0 if one of the column is missing.
        digits = _WHOLE.fullmatch(value.strip())
        value = int(digits[1]) if digits else None
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST else None


def _uuid(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
