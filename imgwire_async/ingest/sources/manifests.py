"""Manifests: files with one item per row, read as a stream."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Final, Literal, TypeAlias, cast

from imgwire_async.core.values.pickles import reads_older_pickles
from imgwire_async.errors import InvalidArgumentError, UploadSourceError
from imgwire_async.ingest.items import Entry, storable, url_or_path
from imgwire_async.ingest.sources.csv_rows import CsvTable, MalformedError
from imgwire_async.ingest.sources.json_rows import UndecodableError, json_rows
from imgwire_async.ingest.sources.lines import BLOCK, TextFile, packed
from imgwire_async.ingest.sources.manifest_rows import RowReader
from imgwire_async.ingest.sources.parquet_rows import DamagedError, ParquetTable
from imgwire_async.stores.opening import open_store
from imgwire_async.stores.reading import blocks_of, open_file
from imgwire_async.stores.uris import ObjectUri, is_object

Format: TypeAlias = Literal["csv", "jsonl", "parquet"]

FORMATS: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
"""By file name extension."""

_FIELDS: Final = ("source", "key", "file_name", "mime_type", "purpose", "custom_metadata")
_SOURCE_NAMES: Final = ("source", "url", "path")


@reads_older_pickles
@dataclass(frozen=True, slots=True)
class Manifest:
    """A CSV (with a header), JSON Lines or Parquet file with one item per row, read as a stream.

    Columns are `source` (or `url`, or `path`), and optionally `key`, `file_name`, `mime_type`, `purpose` and
    `custom_metadata` (an object; in CSV as JSON). A row names a file, an object of a cloud store, or a URL.
    Relative paths are resolved from the folder of the manifest, which may be a prefix of a bucket.
    Columns whose names start with `_` are ignored, so a job's file of failed items is also a manifest.

    Text may be UTF-8, UTF-16 or UTF-32, and CSV also Windows-1252, with commas, semicolons, tabs or bars
    between the cells. Blanks around URLs are ignored. A row that cannot be read fails on its own. Only the
    columns in use are read from Parquet (extra `parquet`): times become ISO 8601 text, decimals text,
    durations seconds, and MAP columns metadata.
    """

    path: str | os.PathLike[str]
    """The file, an object of a cloud store such as `s3://bucket/items.csv`, or `-` for standard input."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Names of columns by field if they differ, such as `{"source": "image_url", "key": "sku"}`."""
    rest_as_metadata: bool = False
    """Whether all other columns become custom metadata; empty cells are left out."""
    format: Format | None = None
    """Default: detected from the file name; for standard input, from the first character."""
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Options for opening the buckets of the manifest or its rows, see `Bucket.options`."""

    def __post_init__(self) -> None:
        columns: object = self.columns
        if not isinstance(columns, Mapping):
            raise InvalidArgumentError(
                f"columns must map fields to names of columns, got {type(columns).__name__}",
                operation="ingest",
            )
        unknown = set(columns) - set(_FIELDS)
        if unknown:
            raise InvalidArgumentError(
                f"columns has unknown fields {sorted(unknown)}; an item has {', '.join(_FIELDS)}",
                operation="ingest",
            )

    def entries(self) -> Iterator[Entry]:
        """The items; an invalid row yields an entry with a problem.

        Raises:
            UploadSourceError: the file cannot be read, or not in its format.
            ConfigurationError: the extra for Parquet is missing.
        """
        name = url_or_path(os.fsdecode(self.path))
        kind = self.format or FORMATS.get(Path(name).suffix.lower())
        folder = "" if name == "-" else os.path.dirname(name)  # noqa: PTH120 - keeps relative paths relative
        try:
            yield from (
                self._parquet_entries(name, folder)
                if kind == "parquet"
                else self._text_entries(name, folder, kind)
            )
        except OSError as error:
            raise _unreadable(name, error.strerror or str(error)) from error
        except (DamagedError, UndecodableError) as error:
            raise _unreadable(name, str(error)) from error
        except UnicodeDecodeError as error:
            raise _unreadable(name, f"it ends in the middle of a character of {error.encoding}") from error

    def _parquet_entries(self, name: str, folder: str) -> Iterator[Entry]:
        if name == "-":
            raise _unreadable(name, "Parquet cannot be read from standard input; save it to a file")
        with closing(ParquetTable(_seekable(name, self.options))) as table:
            columns = self._columns_of(table.header)
            self._check_columns(name, None, table.header, columns)
            wanted = set(columns.values())
            if self.rest_as_metadata:
                wanted.update(column for column in table.header if column[:1] != "_")
            reader = self._reader(name, folder, columns)
            for number, row in table.rows(sorted(wanted)):
                yield reader.entry(number, row)

    def _text_entries(self, name: str, folder: str, kind: Format | None) -> Iterator[Entry]:
        with _blocks(name, self.options) as blocks:
            # JSON Lines are UTF-8 by definition.
            file = TextFile(blocks, legacy=kind != "jsonl")
            if (what := packed(file.head)) is not None:
                raise _unreadable(name, f"it is {what}")
            if kind is None:
                kind = "jsonl" if file.head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["} else "csv"
            if kind == "csv":
                yield from self._csv_entries(name, folder, file)
                return
            names: Collection[str] = ()
            reader = self._reader(name, folder, {})
            for number, row in json_rows(file.lines()):
                if isinstance(row, str):
                    yield reader.bad(number, row)
                    continue
                if row.keys() != names:
                    names = row.keys()
                    reader = self._reader(name, folder, self._columns_of(names))
                yield reader.entry(number, row)

    def _csv_entries(self, name: str, folder: str, file: TextFile) -> Iterator[Entry]:
        expected = {*_FIELDS, *_SOURCE_NAMES, *(column.strip().lower() for column in self.columns.values())}
        try:
            table = CsvTable(file.lines(), expected)
        except MalformedError as error:
            raise _unreadable(name, f"line {error.line} {error}") from None
        columns = self._columns_of(table.header)
        self._check_columns(name, table.header_line, table.header, columns)
        reader = self._reader(name, folder, columns)
        for number, row in table.rows():
            yield reader.bad(number, row) if isinstance(row, str) else reader.entry(number, row)

    def _reader(self, name: str, folder: str, columns: Mapping[str, str]) -> RowReader:
        return RowReader(
            Path(name).name,
            folder,
            {"source": self._names_of("source")[0], **columns},
            rest_as_metadata=self.rest_as_metadata,
            options=self.options,
        )

    def _columns_of(self, names: Collection[str]) -> dict[str, str]:
        """The column of each field that has one; without an exact match, one that differs only in case."""
        found = {}
        for field_name in _FIELDS:
            for wanted in self._names_of(field_name):
                alike = [name for name in names if name == wanted] or [
                    name for name in names if name.strip().lower() == wanted.strip().lower()
                ]
                if alike:
                    found[field_name] = alike[0]
                    break
        return found

    def _names_of(self, field_name: str) -> tuple[str, ...]:
        if field_name in self.columns:
            return (self.columns[field_name],)
        return _SOURCE_NAMES if field_name == "source" else (field_name,)

    def _check_columns(
        self, name: str, line: int | None, header: Sequence[str], columns: Mapping[str, str]
    ) -> None:
        where = "it" if line is None else f"line {line}"
        has = ", ".join(repr(column) for column in header if column) or "none at all"
        for field_name in {"source": None} | dict.fromkeys(self.columns):
            if field_name not in columns:
                wanted = ", ".join(map(repr, self._names_of(field_name)))
                wanted = " or ".join(wanted.rsplit(", ", 1))
                raise _unreadable(name, f"{where} has no column {wanted}, but {has:.300}")
        used = {column for column in header if column} if self.rest_as_metadata else set(columns.values())
        twice = sorted(column for column in used if header.count(column) > 1)
        if twice:
            raise _unreadable(name, f"{where} has more than one column {twice[0]!r}")


def _seekable(name: str, options: Mapping[str, str]) -> str | io.IOBase:
    """The path of a manifest, or the object as a file that can seek."""
    if not is_object(name):
        return name
    uri = ObjectUri.of(name)
    return open_file(open_store(uri, options), uri.key)


@contextmanager
def _blocks(name: str, options: Mapping[str, str]) -> Iterator[Iterator[bytes]]:
    """The content of a file or object, or of standard input as it arrives."""
    if is_object(name):
        uri = ObjectUri.of(name)
        yield blocks_of(open_store(uri, options), uri.key)
    elif name != "-":
        with open(name, "rb", buffering=0) as file:  # noqa: PTH123 - a name as given
            yield iter(lambda: file.read(BLOCK), b"")
    elif sys.stdin is None:
        raise _unreadable(name, "standard input is closed")
    else:
        # Not sys.stdin itself: its encoding depends on the machine.
        standard_input = cast("BufferedReader", sys.stdin.buffer)
        yield iter(lambda: standard_input.read1(BLOCK), b"")


def _bad(where: str, problem: str) -> Entry:
    return Entry(storable(where), None, InvalidArgumentError(f"{where} {problem}", operation="ingest"))


def _unreadable(name: str, problem: str) -> UploadSourceError:
    return UploadSourceError(f"cannot read the manifest {name!r}: {problem}", operation="ingest")
