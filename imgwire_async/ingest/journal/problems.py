"""Helpful error messages for SQLite errors of a journal."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imgwire_async.errors import JournalError


@contextmanager
def reading_journal(path: Path) -> Iterator[None]:
    """Turn every error of reading a journal into a `JournalError`.

    SQLite notices only some kinds of damage. Others show as values that no journal contains.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise journal_error(path, error) from error
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise JournalError(
            f"the journal {path} is damaged and was left unchanged", reason="damaged"
        ) from error


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
