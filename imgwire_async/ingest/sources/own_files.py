"""Files that bulk jobs write themselves: journals, reports, lists. In a folder they are not items."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from imgwire_async.bodies.image_types import EXTENSIONS
from imgwire_async.ingest.journal.recognition import HEADER_BYTES, is_journal

PARQUET_MARK: Final = "imgwire-async ingest"
"""In the metadata of the Parquet files that jobs write."""
_COMPANIONS: Final = ("-wal", "-shm", "-journal", ".lock", ".lock-journal", ".lock-wal", ".lock-shm")
"""Suffixes that SQLite and the lock of a journal add to its name."""
_LINE: Final = 64 * 1024  # bytes
MAPPING: Final = (
    "source_id",
    "origin_path",
    "old_url",
    "image_id",
    "cdn_url",
    "mime_type",
    "width",
    "height",
    "metadata_lost",
)
"""Columns of the mapping of a migration."""
_TABLES: Final = ({"key", "image_id", "cdn_url"}, set(MAPPING))
"""Columns of tables with fixed columns."""
_ROWS: Final = (
    {"key", "_status", "_code", "_message", "_attempts"},  # failed items
    {"source", "key", "_image_id", "_created_at", "_sha256", "_cdn_url"},  # the manifest of an export
    {"old_url", "new_url", "variant", "findings"},  # a comparison of two pictures
)
"""Columns that identify other tables."""
_LISTS: Final = {".jsonl", ".ndjson"}
PAGE_MARK: Final = '<meta name="generator" content="imgwire-async">'
"""In the head of the HTML pages of reports."""
REDIRECTS_MARK: Final = "Redirects made by imgwire-async."
"""In the first comment of the redirect rules of a migration."""
REDIRECT_LIST: Final = b'[\n  {"redirect": {"source_url": "'
"""The start of a redirect list of a migration, which is JSON and so has no comment of its own."""
COMPARED: Final = "pictures", "results.jsonl"
"""The folder with the pictures of a comparison report, and the file beside it."""
_INCOMPLETE: Final = re.compile(
    r"\.download-[0-9a-f]{32}\.part|\.[a-z]+-rewrite-[0-9a-f]{32}\.tmp|\.[a-z]+-export-[0-9a-f]{12}"
)
"""Files that are being written, or that a killed process has left behind, and folders of them."""


class OwnFiles:
    """Recognises files that jobs have written."""

    def __init__(self) -> None:
        self._paths: set[str] = set()
        self._names: set[str] = set()

    def add(self, paths: Iterable[str]) -> None:
        """Note files that this job writes or has written, including its journal."""
        for path in paths:
            resolved = os.path.realpath(path)
            self._paths.add(resolved)
            self._names.add(os.path.basename(resolved))  # noqa: PTH119

    def hold_all_in(self, path: str, name: str) -> bool:
        """Whether a folder contains only the pictures of a report, or incomplete files."""
        if _INCOMPLETE.fullmatch(name) is not None:
            return True
        pictures, results = COMPARED
        beside = os.path.join(os.path.dirname(path), results)  # noqa: PTH118, PTH120
        return name == pictures and is_written_by_a_job(beside, ".jsonl")

    def hold(self, path: str, name: str) -> bool:
        """Whether a job has written the file: it was noted for this job, or its content shows another's."""
        if _INCOMPLETE.fullmatch(name) is not None:
            return True
        if name.endswith(_COMPANIONS):
            for ending in _COMPANIONS:
                if name.endswith(ending) and self.hold(path.removesuffix(ending), name.removesuffix(ending)):
                    return True
        if name in self._names and os.path.realpath(path) in self._paths:
            return True
        kind = os.path.splitext(name)[1].lower()  # noqa: PTH122
        return kind not in EXTENSIONS and is_written_by_a_job(path, kind)


def is_written_by_a_job(path: str, kind: str) -> bool:
    """Whether the content of a file shows that a job has written it.

    Args:
        path: of the file.
        kind: its extension in lower case.
    """
    try:
        if not Path(path).is_file():
            return False  # opening a named pipe waits for a writer
        with open(path, "rb") as file:  # noqa: PTH123 - a name as given
            head = file.read(HEADER_BYTES)
            if is_journal(head):
                return True
            if head.startswith((f"# {REDIRECTS_MARK}\n".encode(), f"// {REDIRECTS_MARK}\n".encode())):
                return True
            if kind == ".parquet":
                file.seek(max(0, os.fstat(file.fileno()).st_size - _LINE))
                return PARQUET_MARK.encode() in file.read()
            if kind in {".html", ".htm"}:
                return PAGE_MARK.encode() in head + file.read(_LINE)
            if kind in {".csv", ".json", *_LISTS}:
                return _is_text_of_ours(head + file.readline(_LINE), kind)
    except OSError:
        pass  # reading it as an item reports the error
    return False


def _is_text_of_ours(head: bytes, kind: str) -> bool:
    line = head.split(b"\n", 1)[0]
    if kind == ".csv":
        header = next(csv.reader([line.decode(errors="replace")]), [])
        return set(header) in _TABLES or head.startswith(b"name,value\r\njob,")
    if kind == ".json":
        is_report = head.startswith(b'{\n  "job": ') and b'\n  "journal": ' in head
        return is_report or head.startswith(REDIRECT_LIST)
    if not head:
        return True  # a list of no failures
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return False
    if not isinstance(row, dict):
        return False
    is_report = set(row) == {"name", "value"} and row["name"] == "job"
    return is_report or set(row) in _TABLES or any(set(row) >= columns for columns in _ROWS)
