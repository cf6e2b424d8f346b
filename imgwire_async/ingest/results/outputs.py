"""Output files of a bulk job: checked beforehand, replaced atomically, and never its own input."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from imgwire_async.downloads.files import sync_folder, take_over, temporary_beside
from imgwire_async.errors import ConfigurationError, InvalidArgumentError, StoreError
from imgwire_async.ingest.sources.own_files import PARQUET_MARK
from imgwire_async.stores.uris import ObjectUri, file_name, is_object

PathTarget: TypeAlias = "str | os.PathLike[str]"

TABLES: Final = (".csv", ".jsonl", ".ndjson", ".parquet")
REPORTS: Final = (".html", ".json", *TABLES)
LISTS: Final = (".jsonl", ".ndjson")
"""Extensions of manifests of failed items."""

_ROWS: Final = 10_000  # in one row group of a Parquet file
BESIDE_A_JOURNAL: Final = ("", "-wal", "-shm", "-journal", ".lock", ".lock-wal", ".lock-shm", ".lock-journal")
"""Suffixes of the files of a journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Files that no output may replace."""

    source: PathTarget | None = None
    """The input file; `-` for standard input."""
    content: str = "the items of the job"
    """What is read from it."""
    journal: PathTarget | None = None
    manifest: PathTarget | None = None
    """The manifest of an export."""


def extension_of(path: PathTarget, allowed: tuple[str, ...]) -> str:
    """The extension of a file to be written, in lower case.

    Raises:
        InvalidArgumentError: the extension is not one of `allowed`.
    """
    extension = Path(os.fsdecode(path)).suffix.lower()
    if extension not in allowed:
        raise InvalidArgumentError(
            f"cannot write {os.fsdecode(path)!r}: the extension must be {', '.join(allowed[:-1])} or "
            f"{allowed[-1]}, not {extension!r}",
            operation="ingest",
        )
    return extension


def check_free(path: PathTarget, taken: Taken) -> None:
    """Check that an output does not replace the job's input or journal.

    Raises:
        InvalidArgumentError: it does, possibly through links or another spelling of the path.
    """
    name = os.fsdecode(path)
    target = _identity(name)
    if taken.source is not None and target & _source_identity(os.fsdecode(taken.source)):
        raise InvalidArgumentError(
            f"cannot write {name!r}: {taken.content} are read from it; name another file",
            operation="ingest",
        )
    if taken.manifest is not None and target & _identity(os.fsdecode(taken.manifest)):
        raise InvalidArgumentError(
            f"cannot write {name!r}: it is the manifest of the export; name another file",
            operation="ingest",
        )
    if taken.journal is not None:
        journal = os.fsdecode(taken.journal)
        if any(target & _identity(f"{journal}{suffix}") for suffix in BESIDE_A_JOURNAL):
            raise InvalidArgumentError(
                f"cannot write {name!r}: it belongs to the journal of the job; name another file",
                operation="ingest",
            )


def check_different(first: PathTarget, second: PathTarget) -> None:
    """Check that two outputs are different files.

    Raises:
        InvalidArgumentError: they are the same file.
    """
    if _identity(os.fsdecode(first)) & _identity(os.fsdecode(second)):
        raise InvalidArgumentError(
            f"cannot write {os.fsdecode(second)!r}: it is the same file as {os.fsdecode(first)!r}",
            operation="ingest",
        )


def check_writable(path: PathTarget) -> None:
    """Check that a file can be created or replaced, by writing a temporary file beside it.

    For an object, only check that its bucket can be opened, which takes no request.

    Raises:
        InvalidArgumentError: it cannot.
        ConfigurationError: the extra for cloud stores is missing.
    """
    name = os.fsdecode(path)
    if is_object(name):
        from imgwire_async.stores.opening import open_store

        open_store(ObjectUri.of(name))
        return
    try:
        target = _replaceable(name)
        if target.exists() and not os.access(target, os.W_OK):
            raise PermissionError(None, "it is read-only")
        temporary = temporary_beside(target)
        temporary.touch(exist_ok=False)
        temporary.unlink()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidArgumentError(f"cannot write {name!r}: {reason}", operation="ingest") from error


def check_no_object(path: PathTarget) -> None:
    """Check that an object to be written does not exist, if the store can tell. An existing file is allowed.

    Raises:
        StoreError: it exists.
    """
    from imgwire_async.stores.opening import open_store
    from imgwire_async.stores.writing import check_free

    name = os.fsdecode(path)
    if is_object(name):
        uri = ObjectUri.of(name)
        try:
            check_free(open_store(uri), uri.key)
        except StoreError as error:
            if error.reason == "exists":
                raise


@contextmanager
def replacing(path: PathTarget, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield the name of a new file that replaces `path` when the block succeeds.

    Until then an existing file is unchanged. The new file is synced to disk before it replaces the old one,
    and gets its permissions. A URI names an object in a cloud store, which appears only when it is complete.

    Args:
        path: the file, which is replaced if it exists, or the URI of an object.
        overwrite: whether to replace an existing object.

    Raises:
        OSError: the file cannot be written; `filename` is `path`.
        StoreError: the object exists (`reason` is `exists`), or cannot be written.
        ConfigurationError: the extra for cloud stores is missing.
    """
    name = os.fsdecode(path)
    given = _new_object(name, overwrite=overwrite) if is_object(name) else _replacing_file(name)
    with given as temporary:
        yield temporary


@contextmanager
def _replacing_file(name: str) -> Iterator[Path]:
    temporary: Path | None = None
    try:
        target = _replaceable(name)
        temporary = temporary_beside(target)
        yield temporary
        with temporary.open("rb+") as file:
            if target.exists():
                take_over(target.stat(), temporary)
            os.fsync(file.fileno())
        temporary.replace(target)
        temporary = None
        sync_folder(target.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), name) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextmanager
def _new_object(name: str, *, overwrite: bool) -> Iterator[Path]:
    from imgwire_async.stores.opening import open_store
    from imgwire_async.stores.writing import write_file

    uri = ObjectUri.of(name)
    store = open_store(uri)
    with tempfile.TemporaryDirectory(prefix="outputs-") as folder:
        temporary = Path(folder, file_name(name))
        yield temporary
        write_file(store, uri.key, temporary, overwrite=overwrite)


def write_text(path: PathTarget, lines: Iterable[str], *, overwrite: bool = False) -> int:
    """Write lines of text; returns their number. For `overwrite` see `replacing`.

    Raises:
        OSError: the file cannot be written.
        StoreError: the object cannot be written.
    """
    count = 0
    with replacing(path, overwrite=overwrite) as new, new.open("x", encoding="utf-8") as file:
        for line in lines:
            file.write(line)
            file.write("\n")
            count += 1
    return count


def write_table(
    path: PathTarget,
    columns: tuple[str, ...],
    rows: Iterable[Mapping[str, str | None]],
    *,
    overwrite: bool = False,
) -> int:
    """Write rows of text as CSV, JSON Lines or Parquet, by the extension; returns their number.

    Args:
        path: the file or object.
        columns: names of the columns.
        rows: a value for each of them.
        overwrite: see `replacing`.

    Raises:
        InvalidArgumentError: the extension is not supported.
        ConfigurationError: Parquet needs the `parquet` extra.
        OSError: the file cannot be written.
        StoreError: the object cannot be written.
    """
    extension = extension_of(path, TABLES)
    if extension in LISTS:
        return write_text(path, (json.dumps(row) for row in rows), overwrite=overwrite)
    if extension == ".parquet":
        check_parquet()
    with replacing(path, overwrite=overwrite) as new:
        return (_write_csv if extension == ".csv" else _write_parquet)(new, columns, rows)


def check_parquet() -> None:
    """Check that Parquet can be written.

    Raises:
        ConfigurationError: the `parquet` extra is missing.
    """
    try:
        import pyarrow.parquet  # noqa: F401 - only whether it is there
    except ModuleNotFoundError:
        raise ConfigurationError(
            "Parquet needs its extra: pip install 'imgwire-async[parquet]'", operation="ingest"
        ) from None


def _write_csv(new: Path, columns: tuple[str, ...], rows: Iterable[Mapping[str, str | None]]) -> int:
    count = 0
    with new.open("x", encoding="utf-8", errors="backslashreplace", newline="") as file:
        table = csv.DictWriter(file, columns)
        table.writeheader()
        for row in rows:
            table.writerow(row)
            count += 1
    return count


def _write_parquet(new: Path, columns: tuple[str, ...], rows: Iterable[Mapping[str, str | None]]) -> int:
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema([(name, pa.string()) for name in columns], {"written_by": PARQUET_MARK})
    count = 0
    with parquet.ParquetWriter(os.fspath(new), schema) as file:
        group: list[Mapping[str, str | None]] = []
        for row in rows:
            group.append(row)
            if len(group) == _ROWS:
                file.write_table(pa.Table.from_pylist(group, schema=schema))
                count += len(group)
                group = []
        file.write_table(pa.Table.from_pylist(group, schema=schema))
    return count + len(group)


def _replaceable(name: str) -> Path:
    """The file to replace for `name`: a symbolic link stays a link, and its target is replaced."""
    target = Path(os.path.realpath(name))
    if os.path.lexists(target) and not target.is_file():
        raise FileExistsError(None, "it exists and is not a regular file", name)
    return target


def _identity(name: str) -> set[object]:
    """An identity shared by all names of one file or object."""
    if is_object(name):
        return {ObjectUri.of(name)}
    found: set[object] = {os.path.normcase(os.path.realpath(name))}
    with suppress(OSError, ValueError):
        found.add(_number(Path(name).stat()))  # hard links
    return found


def _source_identity(source: str) -> set[object]:
    if source != "-":
        return _identity(source)
    with suppress(OSError, ValueError, AttributeError, io.UnsupportedOperation):
        looked = os.fstat(sys.stdin.fileno())
        if stat.S_ISREG(looked.st_mode):
            return {_number(looked)}
    return set()


def _number(looked: os.stat_result) -> tuple[int, int]:
    return looked.st_dev, looked.st_ino
