"""Turning the rows of a manifest into items."""

from __future__ import annotations

import math
import os
import posixpath
from collections.abc import Collection, Mapping
from typing import Any

from imgwire_async.errors import InvalidArgumentError
from imgwire_async.ingest.items import Entry, IngestItem, is_url, key_of, storable, url_or_path
from imgwire_async.ingest.sources.json_rows import parsed_json
from imgwire_async.ingest.sources.parquet_rows import MapValue, Unusable
from imgwire_async.stores.uris import ObjectUri, is_object


class RowReader:
    """Reads the items of rows that have the same columns.

    Args:
        file_name: name of the manifest; names its rows in messages.
        folder: folder or prefix from which relative paths are resolved.
        columns: the column of each field that has one.
        rest_as_metadata: whether all other columns become custom metadata.
        options: how the buckets of objects are opened.
    """

    def __init__(
        self,
        file_name: str,
        folder: str,
        columns: Mapping[str, str],
        *,
        rest_as_metadata: bool,
        options: Mapping[str, str],
    ) -> None:
        self._file_name = file_name
        self._folder = folder
        self._columns = columns
        self._source = columns["source"]
        fields = ("key", "file_name", "mime_type", "purpose")
        self._texts = [(field, columns[field]) for field in fields if field in columns]
        self._metadata_column = columns.get("custom_metadata")
        self._rest_as_metadata = rest_as_metadata
        self._options = options or None

    def entry(self, number: int, row: Mapping[str, object]) -> Entry:
        """The item of a row. An invalid row yields an entry with a problem."""
        # Most rows of a resumed job name a URL and nothing else, and are only read to be skipped.
        source = row.get(self._source)
        if not isinstance(source, str) or not source.strip():
            return self._bad_value(number, row, f"has no text in the column {self._source!r}")
        if "\0" in source:
            return self._bad_value(number, row, f"has a NUL character in the column {self._source!r}")
        source = url_or_path(source)
        if not is_url(source) and not is_object(source):
            source = _joined(self._folder, source)
        item = IngestItem(source)
        for field, column in self._texts:
            value = row.get(column)
            if value is None or value == "":
                continue
            if isinstance(value, bool) or not isinstance(value, str | int | float):
                return self._bad_value(number, row, f"has neither text nor a number in the column {column!r}")
            setattr(item, field, str(value).strip() if field == "mime_type" else str(value))
        if self._metadata_column is not None or self._rest_as_metadata:
            metadata = self._metadata(row)
            if isinstance(metadata, str):
                return self._bad_value(number, row, metadata)
            item.custom_metadata = metadata or None
        options = self._options if self._options is not None and item.is_object else None
        return Entry(key_of(item) or self._name(number), item, options=options)

    def bad(self, number: int, problem: str) -> Entry:
        """The entry of a row with a problem, which is the rest of a sentence about the row."""
        where = self._name(number)
        error = InvalidArgumentError(f"{where} {problem}", operation="ingest")
        return Entry(storable(where), None, error)

    def _bad_value(self, number: int, row: Mapping[str, object], problem: str) -> Entry:
        for column in self._columns.values():
            value = row.get(column)
            if isinstance(value, Unusable):
                problem = f"has {value.problem} in the column {column!r}"
                break
        return self.bad(number, problem)

    def _name(self, number: int) -> str:
        return f"{self._file_name}:{number}"

    def _metadata(self, row: Mapping[str, object]) -> dict[str, Any] | str:
        """The metadata of a row, or its problem."""
        given = None if self._metadata_column is None else row.get(self._metadata_column)
        if isinstance(given, str) and given.strip():
            try:
                given = parsed_json(given)
            except (ValueError, RecursionError) as error:
                return f"custom_metadata is not JSON: {error}"
        if not given or (isinstance(given, str) and not given.strip()):
            given = {}
        if not isinstance(given, dict):
            return "custom_metadata is not an object"
        metadata: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if self._rest_as_metadata:
            metadata = _rest(row, set(self._columns.values())) | metadata
        for name, value in metadata.items():
            if isinstance(value, Unusable):
                return f"has {value.problem} in the metadata {name!r}"
            if not isinstance(value, str | int | float):
                return f"the metadata {name!r} is not a string, number or boolean"
            if isinstance(value, float) and not math.isfinite(value):
                return f"the metadata {name!r} is not a finite number"
        return metadata


def _rest(row: Mapping[str, object], used: Collection[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in row.items():
        if name in used or name[:1] == "_" or value in (None, ""):
            continue
        if isinstance(value, MapValue):
            found |= {key: item for key, item in value.items() if item is not None}
        else:
            found[name] = value
    return found


def _joined(folder: str, path: str) -> str:
    """A path of a row, resolved from the folder or prefix of the manifest."""
    joined = os.path.join(folder, path)  # noqa: PTH118 - keeps relative paths relative
    if not is_object(joined):
        return joined
    uri = ObjectUri.of(joined)
    return str(uri.with_key(posixpath.normpath(uri.key)))
