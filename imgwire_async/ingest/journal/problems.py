"""Helpful error messages for SQLite errors of a journal."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from imgwire_async.errors import JournalError


def journal_error(path: Path, error: sqlite3.Error) -> JournalError:
    """The error for a journal that cannot be read or written."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    reason = "not_writable"
    match code:
        case sqlite3.SQLITE_FULL:
            reason = "full"
            problem = "the disk is full; free some space, then run the job again"
        case sqlite3.SQLITE_CANTOPEN if not path.parent.is_dir():
            problem = f"the folder {str(path.parent)!r} does not exist; create it, or name another file"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN:
            problem = f"it cannot be written ({error}); make it and its folder writable, or name another file"
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            reason = "damaged"
            problem = f"it is damaged ({error}) and was left unchanged"
        case _:
            problem = str(error)
    return JournalError(f"the journal {path}: {problem}", reason=reason)
