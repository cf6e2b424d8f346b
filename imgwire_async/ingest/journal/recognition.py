"""Recognising journals among other files, without opening them for a job."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

APPLICATION_ID: Final = 0x696D6777  # "imgw"
HAS_ABOUT: Final = "SELECT count(*) FROM sqlite_master WHERE name = 'about'"
SQLITE_HEAD: Final = b"SQLite format 3\0"
HEADER_BYTES: Final = 72
"""The number of bytes that show whether a file is a journal."""


def is_journal(head: bytes) -> bool:
    """Whether a file that starts with `head` is a journal."""
    # https://www.sqlite.org/fileformat.html: the application id is at 68
    return head.startswith(SQLITE_HEAD) and head[68:72] == APPLICATION_ID.to_bytes(4, "big")


def is_unbound(path: Path) -> bool:
    """Whether this is a journal of an earlier version, which records neither its service nor its source."""
    try:
        with path.open("rb") as file:
            if not is_journal(file.read(HEADER_BYTES)):
                return False
        with closing(sqlite3.connect(path.absolute())) as connection:
            return not connection.execute(HAS_ABOUT).fetchone()[0]
    except (OSError, sqlite3.Error):
        return False
