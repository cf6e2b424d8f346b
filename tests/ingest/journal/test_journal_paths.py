"""Paths of journals and sources: every path type is accepted, other types are rejected."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from imgwire_async import AsyncImgwireClient, InvalidArgumentError, JournalError
from imgwire_async.ingest.items import IngestItem
from imgwire_async.ingest.sources.folders import Folder
from imgwire_async.ingest.sources.manifests import Manifest
from tests.ingest.support import counts, folder_of, ingest


class BytesPath:
    """A path whose `__fspath__` returns bytes, like the entries of `os.scandir(b".")`."""

    def __init__(self, path: Path) -> None:
        self._path = os.fsencode(path)

    def __fspath__(self) -> bytes:
        return self._path


@pytest.mark.parametrize(
    "kind", [str, Path, os.fsencode, BytesPath], ids=["str", "Path", "bytes", "BytesPath"]
)
async def test_a_journal_may_be_named_by_every_type_of_path(
    client: AsyncImgwireClient, tmp_path: Path, kind: Any
) -> None:
    journal = tmp_path / "a:b é.journal"
    source = folder_of(tmp_path / "in", 2)
    assert counts((await ingest(client, source, journal=kind(journal)))[1]) == (2, 0, 0, 0)
    _, report = await ingest(client, source, journal=str(journal))
    assert counts(report) == (0, 2, 0, 0)
    assert report.journal == str(journal)


async def test_a_relative_name_that_reads_like_a_uri_of_sqlite_is_a_file(
    client: AsyncImgwireClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = folder_of(tmp_path / "in", 1)
    for expected in ((1, 0, 0, 0), (0, 1, 0, 0)):
        assert counts((await ingest(client, source, journal="file:a?mode=memory"))[1]) == expected
    assert (tmp_path / "file:a?mode=memory").is_file()


@pytest.mark.parametrize(
    ("journal", "problem"),
    [
        ("", "is an empty path"),
        (b"", "is an empty path"),
        (":memory:", "must be a file"),
        ("s3://bucket/a.journal", "not a URI of s3"),
        (Path("gs://bucket/a.journal"), "not a URI of gs"),
        ("file:///a.journal", "not a URI of file"),
        ("HTTPS://assets.example.com/a.journal", "not a URI of HTTPS"),
        (".", "'.' is a folder; name a file, such as 'ingest.journal'"),
        ("new/", "'new/' is a folder"),
        ("a\0b", "contains a NUL character"),
        (os.devnull, "is not a regular file"),
        (7, "must be a path or None, got int"),
        (True, "must be a path or None, got bool"),
        (object(), "must be a path or None, got object"),
    ],
)
async def test_an_invalid_journal_path_is_rejected_and_nothing_is_created(
    client: AsyncImgwireClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    journal: Any,
    problem: str,
) -> None:
    source = folder_of(tmp_path / "in", 1)
    current = tmp_path / "current"
    current.mkdir()
    monkeypatch.chdir(current)
    for dry_run in (False, True):
        with pytest.raises(InvalidArgumentError) as caught:
            await ingest(client, source, journal=journal, dry_run=dry_run)
        assert problem in str(caught.value)
    assert list(current.iterdir()) == []


async def test_a_path_that_is_too_long_is_reported_by_name(
    client: AsyncImgwireClient, tmp_path: Path
) -> None:
    with pytest.raises(JournalError, match=r"cannot open the journal .x+.: File name too long"):
        await ingest(client, folder_of(tmp_path / "in", 1), journal="x" * 300)


async def test_a_pipe_is_rejected_as_journal_without_waiting_for_it(
    client: AsyncImgwireClient, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidArgumentError, match="not a regular file"):
        await ingest(client, folder_of(tmp_path / "in", 1), journal=tmp_path / "pipe")


async def test_sources_may_be_paths_of_bytes(client: AsyncImgwireClient, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", 2)
    (tmp_path / "list.csv").write_text("source\nin/0000.png\n")
    sources: list[Any] = [
        BytesPath(folder),
        Folder(BytesPath(folder)),  # type: ignore[arg-type]
        BytesPath(tmp_path / "list.csv"),
        Manifest(BytesPath(tmp_path / "list.csv")),  # type: ignore[arg-type]
        BytesPath(folder / "0000.png"),
        [BytesPath(folder / "0000.png"), IngestItem(BytesPath(folder / "0001.png"))],  # type: ignore[arg-type]
    ]
    for source, count in zip(sources, (2, 2, 1, 1, 1, 2), strict=True):
        outcomes, report = await ingest(client, source, dry_run=True)
        assert (report.found, report.failed) == (count, 0)
        assert all("b'" not in outcome.key for outcome in outcomes)


async def test_spaces_around_a_url_are_not_part_of_it(client: AsyncImgwireClient) -> None:
    url = "https://assets.example.com/a.jpg"
    for source in (f" {url}\n", [f"{url}\n"], [IngestItem(f"\t{url} ")]):
        outcomes, _ = await ingest(client, source, dry_run=True)
        assert [outcome.key for outcome in outcomes] == [url]
