"""CSV and JSON Lines as written by spreadsheets, shells, databases and people."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgwire_async import UploadSourceError
from imgwire_async.ingest.items import IngestItem
from imgwire_async.ingest.sources.csv_rows import CsvTable
from imgwire_async.ingest.sources.lines import BLOCK, LONGEST_LINE, TextFile
from imgwire_async.ingest.sources.manifests import Manifest

A, B = "https://assets.example.com/a.jpg", "https://assets.example.com/b.jpg"


def read(
    path: Path, content: bytes | str, name: str = "list.csv", **arguments: Any
) -> tuple[list[IngestItem], list[str]]:
    """The items of a manifest, and the messages about its invalid rows."""
    data = content.encode() if isinstance(content, str) else content
    (path / name).write_bytes(data)
    entries = list(Manifest(path / name, **arguments).entries())
    found = [entry.item for entry in entries if entry.item is not None]
    return found, [
        str(entry.problem).removeprefix("ingest: ") for entry in entries if entry.problem is not None
    ]


ONE_ITEM = {
    "a BOM before a quoted header": f'\ufeff"source","key"\r\n"{A}","é"\r\n'.encode(),
    "UTF-16 of PowerShell": f'"source","key"\r\n"{A}","é"\r\n'.encode("utf-16"),
    "UTF-16 of the other byte order": b"\xfe\xff" + f"source,key\n{A},é\n".encode("utf-16-be"),
    "UTF-16 without a BOM": f"source,key\n{A},é\n".encode("utf-16-le"),
    "UTF-32": f"source,key\n{A},é\n".encode("utf-32"),
    "Latin-1": f"source,key\n{A},é\n".encode("latin-1"),
    "blank lines before and between": f"\n \r\nsource,key\n\n{A},é\n\n\n".encode(),
    "semicolons": f"source;key\n{A};é\n".encode(),
    "tabs": f"source\tkey\n{A}\té\n".encode(),
    "bars": f"key|source\né|{A}\n".encode(),
    "a delimiter that the first line names": f"sep=;\r\nsource;key\r\n{A};é\r\n".encode(),
    "CRLF": f"source,key\r\n{A},é\r\n".encode(),
    "CR": f"source,key\r{A},é\r".encode(),
    "no line ending at the end": f"source,key\n{A},é".encode(),
    "blanks around names and URLs": f" source , key\n  {A}\t,é\n".encode(),
    "blanks around quotes": f'source, key\n "{A}" , "é"\n'.encode(),
    "a BOM in the middle of two joined files' header": f"\ufeff\ufeffsource,key\n{A},é\n".encode(),
    "names in another case": f"Source,KEY\n{A},é\n".encode(),
    "delimiters at the ends of lines": f"source,key,,\n{A},é,,\n".encode(),
    "more empty cells than the header has": f"source,key\n{A},é,,\n".encode(),
    "a quoted line that names the delimiter": f'"sep=;"\r\nsource;key\r\n{A};é\r\n'.encode(),
    "the mark with which DOS ends a text": f"source,key\n{A},é\n\x1a".encode(),
    "zeros up to the end of a block": f"source,key\n{A},é\n".encode() + bytes(100),
    "a zero-width space before a URL": f"source,key\n\u200b\u2060{A}\u3000,é\n".encode(),
    "rows of empty cells": f'source,key\n,\n{A},é\n , \n"",""\n'.encode(),
    "a column twice that nobody asks for": f"x,source,x,key\n1,{A},2,é\n".encode(),
}


@pytest.mark.parametrize("content", ONE_ITEM.values(), ids=ONE_ITEM.keys())
def test_csv_of_every_origin_is_read(tmp_path: Path, content: bytes) -> None:
    items, problems = read(tmp_path, content)
    assert problems == []
    assert [(item.source, item.key) for item in items] == [(A, "é")]


def test_the_encoding_is_found_however_late_it_shows(tmp_path: Path) -> None:
    padding = f"{A},k\n" * (BLOCK // 30)
    for encoding in ("latin-1", "utf-8"):
        items, problems = read(tmp_path, f"source,key\n{padding}{B},é\n".encode(encoding))
        assert (problems, items[-1].key) == ([], "é")


def test_a_line_that_is_not_utf_8_in_a_file_that_is_fails_alone(tmp_path: Path) -> None:
    items, problems = read(tmp_path, b"source,key\na.jpg,k\xff\nb.jpg,\xc3\xa9\nc.jpg,c\n")
    assert [item.key for item in items] == ["é", "c"]
    assert problems == ["list.csv:2 is not UTF-8 text: byte 0xff at character 8"]


def test_a_line_within_quotes_that_is_not_utf_8_fails_alone(tmp_path: Path) -> None:
    rows = b'"c.jpg","\xc3\xa9"\na.jpg,"k\xff"\n"b.jpg","one\ntw\xff"\nd.jpg,d\n'
    items, problems = read(tmp_path, b"source,key\n" + rows)
    assert [item.key for item in items] == ["é", "d"]
    assert problems == [
        "list.csv:3 is not UTF-8 text: byte 0xff at character 9",
        "list.csv:5 is not UTF-8 text: byte 0xff at character 3",
    ]


def test_a_lone_surrogate_in_utf_16_fails_its_row_alone(tmp_path: Path) -> None:
    content = "source,key\na.jpg,\ud800\nb.jpg,b\n".encode("utf-16", "surrogatepass")
    items, problems = read(tmp_path, content)
    assert [item.key for item in items] == ["b"]
    assert len(problems) == 1
    assert "list.csv:2 is not UTF-8 text" in problems[0]


def test_cells_may_be_longer_than_the_standard_library_accepts(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    note = 'say "hi"\n' * (limit // 4)
    cell = json.dumps({"note": note}).replace('"', '""')
    items, problems = read(tmp_path, f'source,custom_metadata\n{A},"{cell}"\n')
    assert problems == []
    assert items[0].custom_metadata == {"note": note}
    assert csv.field_size_limit() == limit


def test_quoted_cells_may_contain_delimiters_quotes_and_line_endings(tmp_path: Path) -> None:
    table = io.StringIO()
    rows = [[A, 'x,"y"\r\nz'], [B, "\n\n"], ["c.jpg", '"'], ["d.jpg", '5" nail'], ["e.jpg", " a "]]
    csv.writer(table).writerows([["source", "purpose"], *rows])
    items, problems = read(tmp_path, table.getvalue() + 'f.jpg,5" nail\n')
    assert problems == []
    assert [item.purpose for item in items] == [*(row[1] for row in rows), '5" nail']


CELLS = st.text(st.sampled_from("ab é,;\t|\"'\r\n\v\u2028\0") | st.characters(exclude_categories=["Cs"]))


@given(
    rows=st.lists(st.tuples(CELLS, CELLS)),
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
@settings(deadline=None)
def test_what_the_standard_library_writes_is_read_back(
    rows: list[tuple[str, str]], delimiter: str, line_end: str, quoting: Any, encoding: str
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerows([["source", "key", "x"], *((*row, "x") for row in rows)])
    lines = TextFile([text.getvalue().encode(encoding)], legacy=True).lines()
    found = [row for _, row in CsvTable(lines, {"source", "key"}).rows()]
    assert found == [{"source": source, "key": key, "x": "x"} for source, key in rows]


@given(st.binary(), st.sampled_from(["csv", "jsonl"]))
@settings(deadline=None)
def test_any_bytes_give_rows_or_one_error(content: bytes, format: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        try:
            entries = list(Manifest("-", format=format).entries())
        except UploadSourceError:
            return
    assert all((entry.item is None) is (entry.problem is not None) for entry in entries)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('a.jpg,"never closed', "list.csv:3 opens a quote at character 7 that is never closed"),
        (
            'a.jpg,"one" two',
            "list.csv:3 has text after a closing quote, at character 11; the cell opens at character 7",
        ),
        ("a.jpg", "list.csv:3 has 1 cell, but the header has 2: none for 'note'"),
        ("a.jpg,x,y", "list.csv:3 has 3 cells, but the header has 2"),
        ("a\0.jpg,x", "list.csv:3 has a NUL character in the column 'source'"),
        (",x", "list.csv:3 has no text in the column 'source'"),
    ],
)
def test_a_malformed_row_fails_alone_with_its_place(tmp_path: Path, line: str, problem: str) -> None:
    items, problems = read(tmp_path, f"source,note\n{A},1\n{line}\n{B},2\n")
    assert [item.source for item in items] == [A, B]
    assert problems == [problem]


def test_a_stray_quote_spoils_no_other_row_with_quotes(tmp_path: Path) -> None:
    items, problems = read(tmp_path, f'source,note\na.jpg,"5 inches\n{A},"fine"\n{B},x\n')
    assert [item.source for item in items] == [A, B]
    assert len(problems) == 1
    assert problems[0].startswith("list.csv:2 has text after a closing quote, at line 3, character 34")


def test_a_row_after_a_cell_of_several_lines_is_reported_by_its_own_line(tmp_path: Path) -> None:
    _, problems = read(tmp_path, f'source,note\n{A},"1\n2\n3"\nshort\n')
    assert problems == ["list.csv:5 has 1 cell, but the header has 2: none for 'note'"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "line 1 has no header"),
        ("\n \n", "line 1 has no header"),
        ("image,sku\na.jpg,1\n", "line 1 has no column 'source', 'url' or 'path', but 'image', 'sku'"),
        ('\nsource,"key\n', "line 2 opens a quote at character 8 that is never closed"),
        ("source,key,key\na.jpg,1,2\n", "line 1 has more than one column 'key'"),
        (f"{A}\n{B}\n", "line 1 has no column 'source'"),
    ],
)  # fmt: skip
def test_a_header_that_cannot_be_used_is_one_error_with_file_and_line(
    tmp_path: Path, content: str, problem: str
) -> None:
    with pytest.raises(UploadSourceError) as caught:
        read(tmp_path, content)
    where = f"ingest: cannot read the manifest {str(tmp_path / 'list.csv')!r}: "
    assert str(caught.value).startswith(where + problem)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (gzip.compress(b"source\n"), "compressed with gzip"),
        (b"PK\3\4" + bytes(60), "a ZIP file or a workbook"),
        (b"(\xb5/\xfd" + bytes(60), "compressed with Zstandard"),
        (b"PAR1" + bytes(60), "a Parquet file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_file_of_another_format_is_named(tmp_path: Path, content: bytes, what: str, name: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UploadSourceError, match=f"{name}': it is {what}"):
        list(Manifest(tmp_path / name).entries())


def test_a_row_that_is_too_short_names_the_first_column_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"source,key,purpose\n{A},k\n")
    (entry,) = Manifest(tmp_path / "a.csv").entries()
    assert "a.csv:2 has 2 cells, but the header has 3: none for 'purpose'" in str(entry.problem)


def test_a_mapped_column_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UploadSourceError, match="has no column 'sku', but 'source', 'id'"):
        read(tmp_path, f"source,id\n{A},1\n", columns={"key": "sku"})


def test_a_repeated_column_is_an_error_if_it_would_be_metadata(tmp_path: Path) -> None:
    with pytest.raises(UploadSourceError, match="has more than one column 'x'"):
        read(tmp_path, f"x,source,x\n1,{A},2\n", rest_as_metadata=True)


def test_utf_16_that_ends_in_the_middle_of_a_character_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UploadSourceError, match="ends in the middle of a character of utf-16-le"):
        read(tmp_path, f"source\n{A}\n".encode("utf-16")[:-1])


LINES = {
    "a BOM": f'\ufeff{{"source": "{A}"}}\n{{"source": "{B}"}}\n'.encode(),
    "UTF-16": f'{{"source": "{A}"}}\n{{"source": "{B}"}}\n'.encode("utf-16"),
    "CRLF and blank lines": f'\r\n{{"source": "{A}"}}\r\n \r\n{{"source": "{B}"}}'.encode(),
    "CR": f'{{"source": "{A}"}}\r{{"source": "{B}"}}\r'.encode(),
    "commas at the ends of lines": f'{{"source": "{A}"}},\n{{"source": "{B}"}},\n'.encode(),
    "an array with an object on each line": f'[\n{{"source": "{A}"}},\n{{"source": "{B}"}}\n]\n'.encode(),
    "another column in another row": f'{{"url": "{A}"}}\n{{"source": "{B}"}}\n'.encode(),
    "blanks around a URL": f'{{"source": " {A}"}}\n{{"source": "{B}\\n"}}\n'.encode(),
}


@pytest.mark.parametrize("content", LINES.values(), ids=LINES.keys())
def test_json_lines_of_every_origin_are_read(tmp_path: Path, content: bytes) -> None:
    items, problems = read(tmp_path, content, "list.jsonl")
    assert problems == []
    assert [item.source for item in items] == [A, B]


@pytest.mark.parametrize("name", ["list.jsonl", "list.ndjson"])
@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'{"source": "a.jpg"', "is not JSON"),
        (b"7", "is not a JSON object"),
        (b'["a.jpg"]', "is not a JSON object"),
        (b'{"source": "a.jpg", "source": "b.jpg"}', "'source' occurs more than once"),
        (b'{"source": "a.jpg", "custom_metadata": {"x": NaN}}', "NaN is not a JSON number"),
        (b'{"source": "a.jpg", "custom_metadata": {"x": 1e999}}', "the metadata 'x' is not a finite number"),
        (b'{"source": "\xff.jpg"}', "is not UTF-8 text: byte 0xff at character 13"),
        (b'{"source": ' + b"[" * 100_000, "is not JSON"),
        (b'{"source": 7}', "has no text in the column 'source'"),
        (b'{"source": "a.jpg", "key": true}', "has neither text nor a number in the column 'key'"),
        (b'{"source": "a.jpg", "purpose": []}', "has neither text nor a number in the column 'purpose'"),
        (b'{"source": "a\\u0000.jpg"}', "has a NUL character in the column 'source'"),
        (b'{"source": "a.jpg"} {"source": "b.jpg"}', "is not JSON"),
    ],
)  # fmt: skip
def test_a_bad_line_fails_alone(tmp_path: Path, name: str, line: bytes, problem: str) -> None:
    good = (f'{{"source": "{A}"}}\n'.encode(), f'{{"source": "{B}"}}\n'.encode())
    for content in (good[0] + line + b"\n" + good[1], line + b"\n" + good[0] + good[1]):
        items, problems = read(tmp_path, content, name)
        assert [item.source for item in items] == [A, B]
        assert len(problems) == 1
        assert problem in problems[0]


@pytest.mark.parametrize("name", ["list.csv", "list.jsonl"])
def test_an_endless_line_fails_alone_and_is_not_kept_in_memory(tmp_path: Path, name: str) -> None:
    good = f"{A}\n" if name == "list.csv" else f'{{"source": "{A}"}}\n'
    with (tmp_path / name).open("wb") as file:
        file.write(b"source\n" if name == "list.csv" else b"")
        file.write(good.encode())
        for _ in range(3 * LONGEST_LINE // BLOCK):
            file.write(b"x" * BLOCK)
        file.write(b"\n" + good.encode())
    tracemalloc.start()
    try:
        entries = list(Manifest(tmp_path / name).entries())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [str(entry.problem)[-21:] for entry in entries if entry.problem] == ["is longer than 16 MiB"]
    assert [entry.item.source for entry in entries if entry.item] == [A, A]
    assert peak < 2.5 * LONGEST_LINE


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_the_size_of_blocks_changes_no_line(size: int) -> None:
    text = "a\r\n\r\né\rb\n\n€"
    for encoding in ("utf-8-sig", "utf-8", "utf-16", "utf-32"):
        data = text.encode(encoding)
        blocks = (data[at : at + size] for at in range(0, len(data), size))
        lines = [line.text for line in TextFile(blocks, legacy=True).lines()]
        assert lines == ["a\r\n", "\r\n", "é\r", "b\n", "\n", "€"]


class AsItComes(io.RawIOBase):
    """A pipe that receives each line only after the previous one was read."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = next(self._parts, b"")
        buffer[: len(part)] = part
        return len(part)


@pytest.mark.parametrize("format", ["csv", "jsonl", None])
def test_standard_input_yields_each_row_as_it_arrives(monkeypatch: pytest.MonkeyPatch, format: Any) -> None:
    written = 0

    def parts() -> Iterator[bytes]:
        nonlocal written
        if format == "csv":
            yield b"source\n"
        for number in range(5):
            written += 1
            yield f"{number}.jpg\n".encode() if format == "csv" else b'{"source": "%d.jpg"}\n' % number

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(AsItComes(parts()))))

    assert [written for _ in Manifest("-", format=format).entries()] == [1, 2, 3, 4, 5]


def test_closed_standard_input_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UploadSourceError, match="standard input is closed"):
        list(Manifest("-").entries())


def test_a_path_of_bytes_names_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(f"source\n{A}\nb.jpg\n")
    path: Any = os.fsencode(tmp_path / "list.csv")
    assert [entry.key for entry in Manifest(path).entries()] == [A, str(tmp_path / "b.jpg")]
