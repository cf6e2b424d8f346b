"""Names of exported files: from a template, safe on every system, and unique."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from itertools import count, islice
from string import Formatter
from typing import Final

from imgwire_async.downloads.names import LONGEST_PATH, caseless, marked, safe_name, split_suffix
from imgwire_async.errors import InvalidArgumentError, JournalError
from imgwire_async.imgwire.lowlevel.models import Image
from imgwire_async.imgwire.resources.file_names import file_name_of

DEFAULT_NAME: Final = "{file_name}"
FIELDS: Final = (
    "id",
    "file_name",
    "stem",
    "suffix",
    "purpose",
    "mime_type",
    "year",
    "month",
    "day",
)
"""The fields that a template can use."""

# Reserved on Windows, and an export may end up on any system.
_NOT_EVERYWHERE: Final = re.compile(r'[<>:"|?*\\/]')

_TABLE: Final = (
    """CREATE TABLE IF NOT EXISTS names (key TEXT PRIMARY KEY, image TEXT, name TEXT, run INTEGER)
        WITHOUT ROWID""",
    "CREATE UNIQUE INDEX IF NOT EXISTS names_of_images ON names (image) WHERE image IS NOT NULL",
)


class NameTemplate:
    """A template such as `{year}/{month}/{file_name}`.

    Args:
        text: the template. Only slashes in the template itself create folders, never those in values.

    Raises:
        InvalidArgumentError: it uses an unknown field, or leads outside the target.
    """

    def __init__(self, text: str) -> None:
        given: object = text
        if not isinstance(given, str):
            raise _refused(f"name must be a string, got {type(given).__name__}")
        self._parts = text.split("/")
        for part in self._parts:
            if part in {"", ".", ".."} or "\\" in part:
                raise _refused(
                    f"name must be a path below the target, with a slash between its parts, got {text!r:.200}"
                )
            _check(part)

    def names(self, image: Image) -> Iterator[str]:
        """An endless series of names for an image's file, the best one first."""
        whole = file_name_of(image, str(image.mime_type))
        stem, suffix = split_suffix(whole)
        created, image_id = image.created_at, str(image.id)
        values = {
            "id": image_id,
            "file_name": whole,
            "stem": stem,
            "suffix": suffix,
            "purpose": image.purpose or "",
            "mime_type": str(image.mime_type),
            "year": f"{created.year:04}",
            "month": f"{created.month:02}",
            "day": f"{created.day:02}",
        }
        *folders, name = (_component(part.format_map(values)) for part in self._parts)
        for mark in ("", f"~{image_id[:8]}", f"~{image_id}"):
            path = "/".join((*folders, marked(name, mark) if mark else name))
            if len(path.encode()) <= LONGEST_PATH:
                yield path
        for number in count(1):
            yield f"{image_id}{suffix}" if number == 1 else f"{image_id} ({number}){suffix}"


class NameRegister:
    """The names of images, kept in the journal: a name once assigned is kept in all runs.

    Two names are the same if any file system treats them as the same. An image whose name is taken gets one
    that contains part of its id. All methods block.

    Args:
        connection: the journal's connection, used by one thread at a time.
        run: number of the run.
        reserved: names that are not assigned to images, such as the manifest's.

    Raises:
        JournalError: the journal cannot be written.
    """

    def __init__(self, connection: sqlite3.Connection, run: int, reserved: Collection[str]) -> None:
        self._connection = connection
        self._run = run
        self._reserved = frozenset(map(_key, reserved))
        try:
            # Names reach the disk before their files: they must not be reassigned after a power cut.
            connection.execute("PRAGMA synchronous=FULL")
            for statement in _TABLE:
                connection.execute(statement)
        except sqlite3.Error as error:
            raise _not_recorded(error) from error

    def give(self, images: Sequence[Image], template: NameTemplate) -> list[tuple[Image, str]]:
        """Assign names to the images that this run has not seen yet.

        Raises:
            JournalError: the journal cannot be written.
        """
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                found = [(image, name) for image in images if (name := self._give(image, template))]
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.rollback()
        except sqlite3.Error as error:
            raise _not_recorded(error) from error
        return found

    def _give(self, image: Image, template: NameTemplate) -> str | None:
        execute, image_id = self._connection.execute, str(image.id)
        known = execute("SELECT name, run FROM names WHERE image = ?", (image_id,)).fetchone()
        if known is not None:
            if known[1] == self._run:
                return None
            execute("UPDATE names SET run = ? WHERE image = ?", (self._run, image_id))
            return str(known[0])
        name = next(name for name in template.names(image) if self._is_free(name))
        execute("INSERT INTO names VALUES (?, ?, ?, ?)", (_key(name), image_id, name, self._run))
        for folder in _folders(name):
            execute("INSERT OR IGNORE INTO names VALUES (?, NULL, NULL, NULL)", (_key(folder),))
        return name

    def _is_free(self, name: str) -> bool:
        if _key(name) in self._reserved or self._find(name) is not None:
            return False
        # A folder cannot be created if a file has its name.
        return all(
            _key(folder) not in self._reserved and self._find(folder) in {None, (None,)}
            for folder in _folders(name)
        )

    def _find(self, name: str) -> tuple[str | None] | None:
        found: tuple[str | None] | None = self._connection.execute(
            "SELECT image FROM names WHERE key = ?", (_key(name),)
        ).fetchone()
        return found


def _not_recorded(error: sqlite3.Error) -> JournalError:
    return JournalError(f"cannot record the names of the images: {error}")


def _folders(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


def _key(name: str) -> str:
    return "/".join(map(caseless, name.split("/")))


def _component(text: str) -> str:
    name = safe_name(_NOT_EVERYWHERE.sub("_", text))
    return f"_{name[1:]}" if name.startswith(".") else name


def _check(part: str) -> None:
    try:
        fields = list(islice(Formatter().parse(part), 100))
    except ValueError as error:
        raise _refused(f"name has an unmatched brace: {error}") from None
    for _, name, spec, conversion in fields:
        if name is not None and (name not in FIELDS or spec or conversion):
            known = ", ".join(f"{{{field}}}" for field in FIELDS)
            raise _refused(f"name has the unknown field {{{name:.80}}}; known are {known}")


def _refused(problem: str) -> InvalidArgumentError:
    return InvalidArgumentError(problem, operation="export")
