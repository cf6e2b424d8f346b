"""Manifests: files with one item in each row, read as a stream."""

from __future__ import annotations

import csv
import itertools
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final, Literal, TextIO, TypeAlias

from imgwire_async.errors import ConfigurationError, InvalidArgumentError, UploadSourceError
from imgwire_async.ingest.items import Entry, IngestItem, is_url, key_of, storable

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
_LONGEST_LINE: Final = 16 * 1024 * 1024  # characters; a longer "line" is no manifest
_PARQUET_BATCH: Final = 1024  # rows


@dataclass(frozen=True, slots=True)
class Manifest:
    """A CSV (with a header), JSON Lines or Parquet file with one item in each row; it is read as a stream.

    Columns are `source` (or `url`, or `path`), and if wanted `key`, `file_name`, `mime_type`, `purpose` and
    `custom_metadata` (an object; in CSV as JSON). Relative paths count from the folder of the manifest.
    Columns whose names begin with `_` are ignored, so the file of failed items of a job is a manifest too.
    Parquet needs the extra `parquet`.
    """

    path: str | os.PathLike[str]
    """The file, or `-` for standard input."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Names of columns by field, such as `{"source": "image_url", "key": "sku"}`, where they differ."""
    rest_as_metadata: bool = False
    """Whether all other columns become custom metadata; empty cells are left out."""
    format: Format | None = None
    """Default: told by the file name; for standard input by the first character."""

    def __post_init__(self) -> None:
        unknown = set(self.columns) - set(_FIELDS)
        if unknown:
            raise InvalidArgumentError(
                f"columns names the unknown fields {sorted(unknown)}; an item has {', '.join(_FIELDS)}",
                operation="ingest",
            )

    def entries(self) -> Iterator[Entry]:
        """The items; a row that makes none gives an entry with a problem.

        Raises:
            UploadSourceError: the file cannot be read, or not as what it should be.
            ConfigurationError: Parquet without its extra.
        """
        name = os.fspath(self.path)
        kind = self.format or FORMATS.get(Path(name).suffix.lower())
        folder = "" if name == "-" else os.path.dirname(name)  # noqa: PTH120 - keeps relative paths relative
        rows = self._parquet_rows(name) if kind == "parquet" else self._text_rows(name, kind)
        source_column: str | None = None
        for number, row in rows:
            if isinstance(row, str):
                yield _bad(f"{Path(name).name}:{number}", row)
                continue
            if source_column is None:
                source_column = self._source_column(row)
            yield self._entry(f"{Path(name).name}:{number}", row, source_column or "source", folder)

    def _source_column(self, row: Mapping[str, object]) -> str | None:
        names = (self.columns["source"],) if "source" in self.columns else _SOURCE_NAMES
        return next((name for name in names if name in row), None)

    def _entry(self, where: str, row: Mapping[str, object], source_column: str, folder: str) -> Entry:
        source = row.get(source_column)
        if not isinstance(source, str) or not source:
            return _bad(where, f"has no text in the column {source_column!r}")
        if not is_url(source):
            source = os.path.join(folder, source)  # noqa: PTH118 - keeps relative paths relative
        values: dict[str, str | None] = {}
        used = {source_column}
        for name in ("key", "file_name", "mime_type", "purpose"):
            column = self.columns.get(name, name)
            used.add(column)
            value = row.get(column)
            values[name] = None if value is None or value == "" else str(value)
        column = self.columns.get("custom_metadata", "custom_metadata")
        used.add(column)
        metadata = row.get(column)
        if isinstance(metadata, str) and metadata:
            try:
                metadata = json.loads(metadata)
            except ValueError as error:
                return _bad(where, f"custom_metadata is not JSON: {error}")
        if not metadata:
            metadata = {}
        if not isinstance(metadata, dict):
            return _bad(where, "custom_metadata is not an object")
        metadata = {name: value for name, value in metadata.items() if value is not None}
        if self.rest_as_metadata:
            rest = {name: value for name, value in row.items() if name not in used and name[:1] != "_"}
            metadata = {name: value for name, value in rest.items() if value not in (None, "")} | metadata
        for name, value in metadata.items():
            if not isinstance(value, str | int | float):
                return _bad(where, f"the metadata {name!r} is no text, number or boolean")
        key = values.pop("key")
        item = IngestItem(source, key, **values, custom_metadata=metadata or None)
        return Entry(key_of(item) or where, item)

    def _text_rows(self, name: str, kind: Format | None) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
        try:
            with _opened(name) as lines:
                if kind is None:
                    first = lines.readline(_LONGEST_LINE)
                    kind = "jsonl" if first.lstrip("\ufeff \t\r\n")[:1] in {"{", ""} else "csv"
                    text: Iterator[str] = itertools.chain([first], lines)
                else:
                    text = iter(lines)
                yield from _csv_rows(name, text) if kind == "csv" else _json_rows(text)
        except OSError as error:
            raise _unreadable(name, error.strerror or str(error)) from error
        except (UnicodeDecodeError, csv.Error) as error:
            raise _unreadable(name, str(error)) from error

    def _parquet_rows(self, name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ModuleNotFoundError:
            raise ConfigurationError(
                "Parquet needs its extra: pip install 'imgwire-async[parquet]'", operation="ingest"
            ) from None
        try:
            with parquet.ParquetFile(name) as file:
                number = 0
                for batch in file.iter_batches(batch_size=_PARQUET_BATCH):
                    for row in batch.to_pylist():
                        number += 1
                        yield number, row
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(name, str(error)) from error


def _json_rows(lines: Iterator[str]) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    for number, line in enumerate(lines, 1):
        if not line.strip("\ufeff \t\r\n"):
            continue
        try:
            row = json.loads(line.lstrip("\ufeff"))
        except (ValueError, RecursionError) as error:
            yield number, f"is not JSON: {error}"
            continue
        yield number, row if isinstance(row, dict) else "is not a JSON object"


def _csv_rows(name: str, lines: Iterator[str]) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    reader = csv.reader(lines, strict=True)
    header = [column.strip("\ufeff ") for column in next(reader, [])]
    if not header:
        raise _unreadable(name, "it has no header")
    if len(set(header)) < len(header):
        raise _unreadable(name, f"its header names a column twice: {', '.join(header)}")
    for row in reader:
        if not row:
            continue
        if len(row) == len(header):
            yield reader.line_num, dict(zip(header, row, strict=True))
        else:
            yield reader.line_num, f"has {len(row)} cells, but the header {len(header)}"


@contextmanager
def _opened(name: str) -> Iterator[TextIO]:
    if name == "-":
        # Not sys.stdin itself: its encoding depends on the machine.
        standard_input = TextIOWrapper(sys.stdin.buffer, encoding="utf-8", newline="")
        try:
            yield standard_input
        finally:
            standard_input.detach()
    else:
        with open(name, encoding="utf-8", newline="") as file:  # noqa: PTH123 - a name as given
            yield file


def _bad(where: str, problem: str) -> Entry:
    return Entry(storable(where), None, InvalidArgumentError(f"{where} {problem}", operation="ingest"))


def _unreadable(name: str, problem: str) -> UploadSourceError:
    return UploadSourceError(f"cannot read the manifest {name!r}: {problem}", operation="ingest")
