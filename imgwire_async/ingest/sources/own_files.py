"""What bulk jobs write themselves: journals, reports, lists. In a folder they are none of its items."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from imgwire_async.bodies.image_types import EXTENSIONS
from imgwire_async.ingest.journal.recognition import HEADER_BYTES, is_journal

PARQUET_MARK: Final = "imgwire-async ingest"
"""In the metadata of the Parquet files that jobs write."""
_COMPANIONS: Final = ("-wal", "-shm", "-journal", ".lock", ".lock-journal", ".lock-wal", ".lock-shm")
"""What SQLite and the lock of a journal add to its name."""
_LINE: Final = 64 * 1024  # bytes
_MAP: Final = {"key", "image_id", "cdn_url"}
_FAILED: Final = {"key", "_status", "_code", "_message", "_attempts"}


class OwnFiles:
    """Tells which files jobs have written."""

    def __init__(self) -> None:
        self._paths: set[str] = set()
        self._names: set[str] = set()

    def add(self, paths: Iterable[str]) -> None:
        """Note files that this job writes or has written, its journal among them."""
        for path in paths:
            resolved = os.path.realpath(path)
            self._paths.add(resolved)
            self._names.add(os.path.basename(resolved))  # noqa: PTH119

    def hold(self, path: str, name: str) -> bool:
        """Whether the file is one of them: named to this job, or by its content one of another job."""
        if name.endswith(_COMPANIONS):
            for ending in _COMPANIONS:
                if name.endswith(ending) and self.hold(path.removesuffix(ending), name.removesuffix(ending)):
                    return True
        if name in self._names and os.path.realpath(path) in self._paths:
            return True
        kind = os.path.splitext(name)[1].lower()  # noqa: PTH122
        return kind not in EXTENSIONS and _is_written_by_a_job(path, kind)


def _is_written_by_a_job(path: str, kind: str) -> bool:
    try:
        if not Path(path).is_file():
            return False  # opening a named pipe waits for somebody
        with open(path, "rb") as file:  # noqa: PTH123 - a name as given
            head = file.read(HEADER_BYTES)
            if is_journal(head):
                return True
            if kind == ".parquet":
                file.seek(max(0, os.fstat(file.fileno()).st_size - _LINE))
                return PARQUET_MARK.encode() in file.read()
            if kind in {".csv", ".json", ".jsonl", ".ndjson"}:
                return _is_text_of_ours(head + file.readline(_LINE), kind)
    except OSError:
        pass  # reading it as an item tells what is wrong
    return False


def _is_text_of_ours(head: bytes, kind: str) -> bool:
    line = head.split(b"\n", 1)[0]
    if kind == ".csv":
        header = next(csv.reader([line.decode(errors="replace")]), [])
        return set(header) == _MAP or head.startswith(b"name,value\r\njob,")
    if kind == ".json":
        return head.startswith(b'{\n  "job": ') and b'\n  "journal": ' in head
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(row, dict) and (set(row) == _MAP or set(row) >= _FAILED)
