"""Folders, manifests and iterables as sources of entries."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from imgwire_async import InvalidArgumentError, UploadSourceError
from imgwire_async.ingest.items import Entry, IngestItem, idempotency_key
from imgwire_async.ingest.results.outcomes import Skipped, SkipReason
from imgwire_async.ingest.sources.entries import BATCH, batches, entries_of
from imgwire_async.ingest.sources.folders import Folder
from imgwire_async.ingest.sources.manifests import Manifest
from tests.hangs import HANGS


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top = tmp_path / "tree"
    for name in ("a.jpg", "b.png", ".hidden.jpg", "2024/c.jpg", "2024/raw/d.tif", ".cache/e.jpg"):
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * len(name))
    return top


def keys(entries: Any) -> set[str]:
    return {entry.key for entry in entries}


def items(manifest: Manifest) -> list[IngestItem]:
    found = list(manifest.entries())
    assert [entry.problem for entry in found] == [None] * len(found)
    return [entry.item for entry in found if entry.item is not None]


def test_a_folder_yields_its_visible_files_by_relative_path(tree: Path) -> None:
    entries = list(Folder(tree).entries())
    assert keys(entries) == {"a.jpg", "b.png", "2024/c.jpg", "2024/raw/d.tif"}
    sizes = {entry.key: entry.stamp.size for entry in entries if entry.stamp is not None}
    assert sizes["2024/c.jpg"] == len("2024/c.jpg")


def test_hidden_files_and_folders_can_be_included(tree: Path) -> None:
    assert keys(Folder(tree, hidden=True).entries()) >= {".hidden.jpg", ".cache/e.jpg"}


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (("*.jpg",), (), {"a.jpg", "2024/c.jpg"}),
        (("2024/*",), (), {"2024/c.jpg", "2024/raw/d.tif"}),
        ((), ("raw",), {"a.jpg", "b.png", "2024/c.jpg"}),
        ((), ("2024/raw",), {"a.jpg", "b.png", "2024/c.jpg"}),
        (("*.jpg", "*.png"), ("b.*",), {"a.jpg", "2024/c.jpg"}),
    ],
)
def test_patterns_choose_files(
    tree: Path, include: tuple[str, ...], exclude: tuple[str, ...], expected: set[str]
) -> None:
    assert keys(Folder(tree, include=include, exclude=exclude).entries()) == expected


def test_symbolic_links_are_followed_only_on_request_and_loops_end(tree: Path) -> None:
    (tree / "loop").symlink_to(tree, target_is_directory=True)
    (tree / "2024" / "again").symlink_to(tree / "2024" / "raw", target_is_directory=True)
    (tree / "link.jpg").symlink_to(tree / "a.jpg")

    assert "link.jpg" not in keys(Folder(tree).entries())
    followed = [entry.key for entry in Folder(tree, follow_symlinks=True).entries()]
    assert "link.jpg" in followed
    assert sum(key.endswith("d.tif") for key in followed) == 1


def test_a_folder_that_vanishes_is_a_problem_and_not_the_end(tree: Path) -> None:
    entries = Folder(tree).entries()
    found = [next(entries)]
    for name in ("2024/raw/d.tif", "2024/c.jpg"):
        (tree / name).unlink()
    (tree / "2024" / "raw").rmdir()
    (tree / "2024").rmdir()
    found += entries
    assert [entry.key for entry in found if entry.problem is not None] == ["2024/"]


def test_a_file_name_that_is_not_unicode_becomes_a_key_that_can_be_stored(tree: Path) -> None:
    name = os.fsdecode(b"\xff.jpg")
    (tree / name).write_bytes(b"x")
    (entry,) = (entry for entry in Folder(tree).entries() if "dcff" in entry.key)
    assert entry.key == r"\udcff.jpg"
    assert entry.item is not None
    assert Path(str(entry.item.source)).exists()


def test_json_lines_rows_become_items_relative_to_the_manifest(tmp_path: Path) -> None:
    manifest = tmp_path / "list.jsonl"
    rows = [
        {"source": "x/a.jpg", "key": "A", "purpose": "hero", "custom_metadata": {"rank": 1}, "_status": "f"},
        {"source": "https://assets.example.com/b.jpg", "file_name": "b.jpg", "mime_type": "image/jpeg"},
    ]
    manifest.write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    first, second = items(Manifest(manifest))
    assert first == IngestItem(str(tmp_path / "x/a.jpg"), "A", purpose="hero", custom_metadata={"rank": 1})
    assert second == IngestItem("https://assets.example.com/b.jpg", file_name="b.jpg", mime_type="image/jpeg")


def test_columns_are_mapped_and_the_rest_becomes_metadata_on_request(tmp_path: Path) -> None:
    manifest = tmp_path / "list.csv"
    manifest.write_bytes(
        b"\xef\xbb\xbfsku,image,color\r\n7,https://assets.example.com/7.jpg,red\r\n8,b.jpg,\r\n"
    )
    columns = {"source": "image", "key": "sku"}
    first, second = items(Manifest(manifest, columns=columns, rest_as_metadata=True))
    assert (first.key, first.source, first.custom_metadata) == (
        "7",
        "https://assets.example.com/7.jpg",
        {"color": "red"},
    )
    assert second.custom_metadata is None
    assert items(Manifest(manifest, columns=columns))[0].custom_metadata is None


def test_parquet_rows_become_items(tmp_path: Path) -> None:
    table = pa.table(
        {"url": [f"https://assets.example.com/{n}.jpg" for n in range(3000)], "rank": range(3000)}
    )
    parquet.write_table(table, tmp_path / "list.parquet")
    found = items(Manifest(tmp_path / "list.parquet", rest_as_metadata=True))
    assert len(found) == 3000
    assert (found[2999].source, found[2999].custom_metadata) == (
        "https://assets.example.com/2999.jpg",
        {"rank": 2999},
    )


@pytest.mark.parametrize(
    ("name", "content", "where", "problem"),
    [
        ("a.jsonl", '{"source": "a.jpg"}\n{nonsense\n', "a.jsonl:2", "is not JSON"),
        ("a.jsonl", "[1]\n", "a.jsonl:1", "is not a JSON object"),
        ("a.jsonl", '{"key": "x"}\n', "a.jsonl:1", "no text in the column 'source'"),
        ("a.jsonl", '{"source": "a", "custom_metadata": {"x": [1]}}\n', "a.jsonl:1", "metadata 'x'"),
        ("a.csv", "source,key\na.jpg\n", "a.csv:2", "has 1 cell, but the header has 2"),
        ("a.csv", "source,custom_metadata\na.jpg,{\n", "a.csv:2", "custom_metadata is not JSON"),
    ],
)
def test_a_bad_row_is_a_problem_with_its_line_and_not_the_end(
    tmp_path: Path, name: str, content: str, where: str, problem: str
) -> None:
    (tmp_path / name).write_text(content)
    bad = [entry for entry in Manifest(tmp_path / name).entries() if entry.problem is not None]
    assert [entry.key for entry in bad] == [where]
    assert problem in str(bad[0].problem)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", b""), ("a.csv", b"x,x\n1,2\n"), ("a.jsonl", b'{"source": "\xff"}\n'), ("a.parquet", b"nope")],
)
def test_an_unreadable_manifest_is_rejected(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UploadSourceError, match="cannot read the manifest"):
        list(Manifest(tmp_path / name).entries())


@pytest.mark.parametrize("text", ['{"source": "a.jpg"}\n{"source": "b.jpg"}\n', "source\na.jpg\nb.jpg\n"])
def test_standard_input_is_a_manifest_of_either_kind(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert [item.source for item in items(Manifest("-"))] == ["a.jpg", "b.jpg"]


def test_an_unknown_field_in_columns_is_rejected() -> None:
    with pytest.raises(InvalidArgumentError, match="unknown fields"):
        Manifest("x.csv", columns={"sauce": "image"})


@pytest.mark.parametrize("columns", [3, "source", ["source"], None])
def test_columns_that_are_not_a_mapping_are_rejected(columns: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="columns must map fields to names"):
        Manifest("x.csv", columns=columns)


async def test_strings_are_recognised_as_urls_folders_manifests_or_files(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("source\nq.jpg\n")

    async def first(source: Any) -> Entry:
        entries = [entry async for batch in batches(entries_of(source)) for entry in batch]
        return entries.pop()

    assert (await first("https://assets.example.com/x.jpg")).key == "https://assets.example.com/x.jpg"
    assert (await first(tree / "a.jpg")).key == str(tree / "a.jpg")
    assert (await first(tree)).from_folder
    assert (await first(tmp_path / "list.csv")).key == str(tmp_path / "q.jpg")
    assert (await first(IngestItem(b"bytes", "k"))).key == "k"


async def test_sync_and_async_iterables_are_read_in_batches() -> None:
    async def numbers() -> AsyncIterator[str]:
        for number in range(BATCH + 1):
            yield f"{number}.jpg"

    def names() -> Iterator[str]:
        for number in range(BATCH + 1):
            yield f"{number}.jpg"

    for source in (numbers(), names()):
        lengths = [len(batch) async for batch in batches(entries_of(source))]
        assert lengths == [BATCH, 1]


async def test_items_of_a_waiting_async_iterable_are_not_delayed() -> None:
    taken = anyio.Event()

    async def until_taken() -> AsyncIterator[str]:
        yield "a.jpg"
        await taken.wait()
        yield "b.jpg"

    with anyio.fail_after(HANGS):
        async with aclosing(batches(entries_of(until_taken()))) as lists:
            lengths = []
            async for batch in lists:
                lengths.append(len(batch))
                taken.set()
    assert lengths == [1, 1]


async def test_an_abandoned_async_iterable_is_closed_while_it_waits() -> None:
    closed = False

    async def endless() -> AsyncIterator[str]:
        nonlocal closed
        try:
            yield "a.jpg"
            await anyio.sleep_forever()
        finally:
            closed = True

    async with aclosing(batches(entries_of(endless()))) as lists:
        await anext(lists)
    assert closed


@pytest.mark.parametrize("source", [b"bytes", 7, None])
def test_an_unsupported_source_is_rejected(source: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="source must be"):
        entries_of(source)


def test_a_missing_path_is_rejected_at_once(tmp_path: Path) -> None:
    with pytest.raises(UploadSourceError, match="No such file"):
        entries_of(tmp_path / "none")


@pytest.mark.parametrize("element", [7, b"bytes", IngestItem(b"bytes"), IngestItem("a.jpg", "")])
async def test_an_element_that_is_not_an_item_fails_alone(element: Any) -> None:
    entries = [entry async for batch in batches(entries_of(["a.jpg", element, "b.jpg"])) for entry in batch]
    assert [entry.key for entry in entries] == ["a.jpg", "item 2", "b.jpg"]
    assert isinstance(entries[1].problem, InvalidArgumentError)
    assert "item 2 of the source: " in str(entries[1].problem)


parts = st.text(max_size=20)


@given(parts, parts, st.binary(max_size=40), parts, parts, st.binary(max_size=40))
def test_idempotency_keys_are_equal_only_for_equal_job_item_and_content(
    job: str, key: str, version: bytes, job2: str, key2: str, version2: bytes
) -> None:
    same = (job, key, version) == (job2, key2, version2)
    assert (idempotency_key(job, key, version) == idempotency_key(job2, key2, version2)) is same
    assert len(idempotency_key(job, key, version)) == 36


def test_the_idempotency_key_never_changes_between_releases() -> None:
    # If a key changed, everything would be stored again.
    assert idempotency_key("job", "a.jpg", b"\0" * 32) == "iw1-2pe4ocxfolfenkiqac36jgr3umizgssy"


def test_an_item_and_its_outcome_show_bytes_by_their_length() -> None:
    item = IngestItem(bytes(5_000_000), key="a")

    assert repr(item) == (
        "IngestItem(source=<5000000 bytes>, key='a', file_name=None, mime_type=None, purpose=None, "
        "custom_metadata=None)"
    )
    assert repr(IngestItem("a.jpg")).startswith("IngestItem(source='a.jpg', key=None,")
    assert "item=IngestItem(source=<5000000 bytes>" in repr(
        Skipped(key="a", item=item, reason=SkipReason.DRY_RUN)
    )
