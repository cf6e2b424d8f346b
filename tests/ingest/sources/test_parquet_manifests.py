"""Parquet files with the column types that data pipelines write."""

from __future__ import annotations

import os
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from imgwire_async import UploadSourceError
from imgwire_async.ingest.items import IngestItem
from imgwire_async.ingest.sources.manifests import Manifest

YEAR_37000 = 1_105_000_000_000  # seconds since 1970


def text_of(*values: bytes) -> pa.Array[Any]:
    """A text column whose bytes may be invalid UTF-8."""
    return pa.array(values, pa.binary()).view(pa.string())


def read(path: Path, table: dict[str, Any], **arguments: Any) -> tuple[list[IngestItem], list[str]]:
    """The items of a table, and the messages about its invalid rows."""
    parquet.write_table(pa.table(table), path / "list.parquet")
    entries = list(Manifest(path / "list.parquet", **arguments).entries())
    found = [entry.item for entry in entries if entry.item is not None]
    problems = [str(entry.problem).removeprefix("ingest: ") for entry in entries if entry.problem is not None]
    return found, problems


UNREADABLE = {
    "nanoseconds": pa.array([1, 2], pa.timestamp("ns")),
    "a year out of range": pa.array([YEAR_37000] * 2, pa.timestamp("ms")),
    "text that is not UTF-8": text_of(b"\xff", b"\xfe"),
    "a duration": pa.array([2**62, 1], pa.duration("ns")),
    "lists": pa.array([[1], [2]]),
}


@pytest.mark.parametrize("column", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_an_unused_column_is_not_read(tmp_path: Path, column: Any) -> None:
    table = {"source": ["a.jpg", "b.jpg"], "other": column, "_status": column}
    items, problems = read(tmp_path, table)
    assert (len(items), problems) == (2, [])


def test_damage_in_an_unused_column_is_ignored(tmp_path: Path) -> None:
    noise = os.urandom(4096).hex()
    read(tmp_path, {"source": ["a.jpg"], "noise": [noise]})
    path = tmp_path / "list.parquet"
    data = bytearray(path.read_bytes())
    chunk = parquet.read_metadata(path).row_group(0).column(1)
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    data[start : start + chunk.total_compressed_size] = bytes(chunk.total_compressed_size)
    path.write_bytes(data)

    assert [entry.problem for entry in Manifest(path).entries()] == [None]
    with pytest.raises(UploadSourceError, match="cannot read the manifest"):
        list(Manifest(path, rest_as_metadata=True).entries())


CONVERTED = {
    "text of 64-bit offsets": (pa.array(["é"], pa.large_string()), "é"),
    "bytes that are text": (pa.array(["é".encode()], pa.binary()), "é"),
    "fixed bytes that are text": (pa.array([b"ab"], pa.binary(2)), "ab"),
    "dictionary": (pa.array(["é"]).dictionary_encode(), "é"),
    "nanoseconds": (
        pa.array([1_600_000_000_123_456_789], pa.timestamp("ns")),
        "2020-09-13T12:26:40.123456789",
    ),
    "moments": (pa.array([1_600_000_000_000], pa.timestamp("ms", "Europe/Berlin")), "2020-09-13T12:26:40Z"),
    "an unknown zone": (pa.array([0], pa.timestamp("us", "Nowhere/Place")), "1970-01-01T00:00:00Z"),
    "before 1970": (pa.array([-1], pa.timestamp("ms")), "1969-12-31T23:59:59.999"),
    "dates": (pa.array([18_518], pa.date32()), "2020-09-13"),
    "dates in milliseconds": (pa.array([18_518 * 86_400_000], pa.date64()), "2020-09-13"),
    "times of day": (pa.array([3_723_000_000_001], pa.time64("ns")), "01:02:03.000000001"),
    "short times of day": (pa.array([3_723_000], pa.time32("ms")), "01:02:03"),
    "durations": (pa.array([1_500], pa.duration("ms")), 1.5),
    "decimals": (pa.array([Decimal("12.30")]), "12.30"),
    "large decimals": (pa.array([Decimal(10**40)], pa.decimal256(50, 0)), str(10**40)),
    "small floats": (pa.array([1.5], pa.float32()), 1.5),
    "small integers": (pa.array([7], pa.uint8()), 7),
    "booleans": (pa.array([True]), True),
    "identifiers": (pa.array([uuid.UUID(int=7).bytes], pa.uuid()), str(uuid.UUID(int=7))),
    "nothing": (pa.array([None]), None),
    "null": (pa.array([None], pa.timestamp("ns")), None),
    "NaN, which means nothing": (pa.array([float("nan")]), None),
}


@pytest.mark.parametrize(("column", "value"), CONVERTED.values(), ids=CONVERTED.keys())
def test_values_of_every_type_become_metadata(tmp_path: Path, column: Any, value: Any) -> None:
    for name, arguments in (("x", {"rest_as_metadata": True}), ("custom_metadata", {})):
        table = column if name == "x" else pa.StructArray.from_arrays([column], ["x"])
        items, problems = read(tmp_path, {"source": ["a.jpg"], name: table}, **arguments)
        assert problems == []
        assert items[0].custom_metadata == (None if value is None else {"x": value})


@pytest.mark.parametrize(
    ("column", "problem"),
    [
        (pa.array([YEAR_37000, 0], pa.timestamp("s")), "has a time outside the years 1 to 9999 in"),
        (pa.array([2**31 - 1, 0], pa.date32()), "has a time outside the years 1 to 9999 in"),
        (pa.array([2**62, 0], pa.timestamp("us", "UTC")), "has a time outside the years 1 to 9999 in"),
        (text_of(b"\xff", b"x"), "has bytes that are not UTF-8 text in"),
        (text_of(b"\xff", b"x").dictionary_encode(), "has bytes that are not UTF-8 text in"),
        (pa.array([b"\xff", b"x"], pa.binary()), "has bytes that are not UTF-8 text in"),
        (pa.array([[1], None]), "has a value of type list<"),
    ],
)
def test_a_value_without_a_plain_form_fails_its_row_alone(tmp_path: Path, column: Any, problem: str) -> None:
    for name, place in (("key", "the column 'key'"), ("x", "the metadata 'x'")):
        table = {"source": ["a.jpg", "b.jpg"], name: column}
        items, problems = read(tmp_path, table, rest_as_metadata=True)
        assert [Path(str(item.source)).name for item in items] == ["b.jpg"]
        assert len(problems) == 1
        assert problems[0].startswith(f"list.parquet:1 {problem}")
        assert problems[0].endswith(place)


def test_times_as_spark_writes_them_are_read_in_every_year(tmp_path: Path) -> None:
    times = pa.array([-62_000_000_000, 250_000_000_000], pa.timestamp("s"))
    table = pa.table({"source": ["a.jpg", "b.jpg"], "x": times})
    parquet.write_table(table, tmp_path / "list.parquet", use_deprecated_int96_timestamps=True)
    entries = list(Manifest(tmp_path / "list.parquet", rest_as_metadata=True).entries())
    metadata = [entry.item.custom_metadata for entry in entries if entry.item is not None]
    assert metadata == [{"x": "0005-04-19T09:46:40"}, {"x": "9892-03-08T12:26:40"}]


def test_a_map_is_metadata(tmp_path: Path) -> None:
    kind = pa.map_(pa.string(), pa.string())
    column = pa.array([[("a", "1"), ("b", None)], None, [], [("a", "2"), ("a", "3")]], kind)
    sources = [f"{n}.jpg" for n in range(4)]
    for name, arguments in (("custom_metadata", {}), ("attributes", {"rest_as_metadata": True})):
        items, problems = read(tmp_path, {"source": sources, name: column}, **arguments)
        assert [item.custom_metadata for item in items] == [{"a": "1"}, None, None]
        assert len(problems) == 1
        assert "has a map with a name that is repeated" in problems[0]


def test_a_structure_inside_metadata_fails_its_row_alone(tmp_path: Path) -> None:
    column = pa.array([{"x": 1}, None])
    items, problems = read(tmp_path, {"source": ["a.jpg", "b.jpg"], "x": column}, rest_as_metadata=True)
    assert (len(items), len(problems)) == (1, 1)


def test_urls_may_have_any_type_of_text(tmp_path: Path) -> None:
    urls = [" https://assets.example.com/a.jpg", "https://assets.example.com/a.jpg\n"]
    for column in (
        pa.array(urls, pa.large_string()),
        pa.array(urls).dictionary_encode(),
        pa.array([url.encode() for url in urls]),
    ):
        items, _ = read(tmp_path, {"url": column})
        assert [item.source for item in items] == ["https://assets.example.com/a.jpg"] * 2


def test_names_of_columns_may_contain_dots_and_differ_in_case(tmp_path: Path) -> None:
    table = {"image.url": ["a.jpg"], "SKU": [7], "Key": ["no"]}
    items, problems = read(tmp_path, table, columns={"source": "image.url", "key": "sku"})
    assert problems == []
    assert items[0].key == "7"


def test_rows_are_numbered_across_row_groups(tmp_path: Path) -> None:
    schema = pa.schema({"source": pa.string()})
    with parquet.ParquetWriter(tmp_path / "list.parquet", schema) as file:
        for names in (["a.jpg"], [None, "b.jpg"], []):
            file.write_table(pa.table({"source": pa.array(names, pa.string())}))
    entries = list(Manifest(tmp_path / "list.parquet").entries())
    assert [entry.key for entry in entries if entry.problem is not None] == ["list.parquet:2"]


def test_a_file_without_the_column_is_an_error_that_names_those_it_has(tmp_path: Path) -> None:
    with pytest.raises(UploadSourceError, match="it has no column 'source', 'url' or 'path', but 'image'"):
        read(tmp_path, {"image": ["a.jpg"]})
    with pytest.raises(UploadSourceError, match="it has no column 'sku'"):
        read(tmp_path, {"source": ["a.jpg"]}, columns={"key": "sku"})


def test_a_repeated_column_is_an_error_where_it_is_used(tmp_path: Path) -> None:
    names = ["source", "x", "x"]
    table = pa.Table.from_arrays([pa.array(["a.jpg"]), pa.array([1]), pa.array([2])], names)
    parquet.write_table(table, tmp_path / "list.parquet")
    assert len(list(Manifest(tmp_path / "list.parquet").entries())) == 1
    with pytest.raises(UploadSourceError, match="more than one column 'x'"):
        list(Manifest(tmp_path / "list.parquet", rest_as_metadata=True).entries())


@pytest.mark.parametrize("kept", [0, 3, 100, -1])
def test_a_truncated_file_is_a_clear_error(tmp_path: Path, kept: int) -> None:
    read(tmp_path, {"source": [f"{n}.jpg" for n in range(1000)]})
    path = tmp_path / "list.parquet"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UploadSourceError, match=r"cannot read the manifest '.*list.parquet': .*Parquet"):
        list(Manifest(path).entries())


def test_parquet_cannot_be_read_from_standard_input() -> None:
    with pytest.raises(UploadSourceError, match="standard input"):
        list(Manifest("-", format="parquet").entries())
