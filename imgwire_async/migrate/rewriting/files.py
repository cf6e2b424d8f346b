"""Rewriting files: atomically, and only those in which a URL was replaced."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from imgwire_async.downloads.files import take_over
from imgwire_async.errors import InvalidArgumentError
from imgwire_async.ingest.sources.own_files import is_written_by_a_job
from imgwire_async.migrate.rewriting.diff import UnifiedDiff
from imgwire_async.migrate.rewriting.encodings import HEAD, Encoding, encoding_of
from imgwire_async.migrate.rewriting.folders import Leftover, Skipped, files_below
from imgwire_async.migrate.rewriting.pieces import pieces_of
from imgwire_async.migrate.rewriting.temporaries import Temporary, remove_leftover
from imgwire_async.migrate.rewriting.totals import UrlTotals
from imgwire_async.migrate.rewriting.values import CellRewriter, Rewriter, Rules, TextRewriter, rules_for
from imgwire_async.migrate.translation.records import JUDGED, Assets, DefaultParams, Judgement, Status
from imgwire_async.migrate.translation.text import REPLACED
from imgwire_async.migrate.translation.urls import unicode_host
from imgwire_async.migrate.urls_file import UrlMap

PathSource: TypeAlias = "str | os.PathLike[str]"
_OPENING: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_COPIED: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class RewrittenFile:
    """A file or folder that was examined.

    Attributes:
        path: Where it is.
        changed: Whether URLs were replaced, or would be with `write=True`.
        urls: The imgix URLs in it.
        skipped: Why it was left alone: a binary file, a vendored folder, a symbolic link, a file of a job.
        error: Why it could not be read or written; the file is unchanged.
    """

    path: Path
    changed: bool = False
    urls: UrlTotals = field(default_factory=UrlTotals)
    skipped: str | None = None
    error: str | None = None


def rewrite_files(
    paths: Iterable[PathSource],
    *,
    assets: Assets,
    write: bool = False,
    hosts: Collection[str] = (),
    default_params: DefaultParams | None = None,
    replace: Collection[Status] = REPLACED,
    judgement: Judgement = JUDGED,
    column: str | None = None,
    show: Callable[[str], object] | None = None,
) -> Iterator[RewrittenFile]:
    """Replace the imgix URLs in text files whose new URLs are known.

    Encodings, line endings, escapes and everything else are preserved byte for byte. Skipped are binary
    files, folders such as `node_modules`, `.git` and `vendor`, symbolic links, the file that `assets` was
    read from, and files that jobs have written, such as redirects and reports. Files are replaced atomically
    and keep their permissions. Temporary files left by a killed run are removed by the next run that writes.
    Nothing happens before the result is iterated. Iterating blocks, so use a thread in an async program.

    Args:
        paths: Files, and folders with all that is below.
        assets: The images that are stored on Imgwire; see `read_urls`.
        write: Whether to write. Without it, files are only read.
        hosts: Custom domains of imgix sources; `*.imgix.net` is always one.
        default_params: Default parameters of the source.
        replace: Statuses of URLs to replace. Add `unsupported` to accept pictures that lack something.
        judgement: The numbers that no document specifies.
        column: Treat files as CSV, and rewrite only the column with this name.
        show: Called with the parts of a unified diff. An exception that it raises ends the iteration.

    Returns:
        An iterator over all files that were read or skipped.
    """
    rules = rules_for(assets, hosts, default_params, replace, judgement)
    own = [assets.file] if isinstance(assets, UrlMap) and assets.file is not None else []
    return _rewritten(list(paths), rules, own, write=write, column=column, show=show)


def _rewritten(
    paths: list[PathSource],
    rules: Rules,
    own: list[Path],
    *,
    write: bool,
    column: str | None,
    show: Callable[[str], object] | None,
) -> Iterator[RewrittenFile]:
    needles = tuple(
        spelling.encode("utf-8", "replace") for host in rules.hosts for spelling in {host, unicode_host(host)}
    )
    show = None if show is None else _marking_errors(show)
    for found in files_below(paths, own):
        if isinstance(found, Leftover):
            if write:
                remove_leftover(found.path)
            continue
        if isinstance(found, Skipped):
            skipped, error = (None, found.reason) if found.failed else (found.reason, None)
            yield RewrittenFile(found.path, skipped=skipped, error=error)
            continue
        rewriter: Rewriter = TextRewriter(rules) if column is None else CellRewriter(rules, column)
        file = _File(found, rewriter, needles, write=write, records=column is not None, show=show)
        try:
            result = file.run()
        except _ShowError as error:
            raise error.original from None
        except OSError as error:
            result = RewrittenFile(found, error=error.strerror or str(error))
        except InvalidArgumentError as error:
            result = RewrittenFile(found, error=error.message)
        yield result


class _ShowError(Exception):
    """The caller's `show` raised an exception, which says nothing about the file."""

    def __init__(self, original: Exception) -> None:
        super().__init__()
        self.original = original


def _marking_errors(show: Callable[[str], object]) -> Callable[[str], None]:
    def shown(text: str) -> None:
        try:
            show(text)
        except (OSError, InvalidArgumentError) as error:
            raise _ShowError(error) from error

    return shown


class _BinaryError(Exception):
    """The file turned out not to be text."""


class _File:
    """One file while it is rewritten."""

    def __init__(
        self,
        path: Path,
        rewriter: Rewriter,
        needles: tuple[bytes, ...],
        *,
        write: bool,
        records: bool,
        show: Callable[[str], object] | None,
    ) -> None:
        self._path = path
        self._rewriter = rewriter
        self._needles = (b"imgix.", *needles)
        self._write = write
        self._records = records
        self._diff = None if show is None else UnifiedDiff(path.as_posix(), show)
        self._totals = UrlTotals()
        self._new: Temporary | None = None

    def run(self) -> RewrittenFile:
        """Read the file, and write it if it has changed."""
        with os.fdopen(os.open(self._path, _OPENING), "rb") as old:
            before = os.fstat(old.fileno())
            encoding = encoding_of(old.read(HEAD))
            if encoding is None:
                return RewrittenFile(self._path, skipped="a binary file")
            if before.st_size and is_written_by_a_job(str(self._path), self._path.suffix.lower()):
                return RewrittenFile(self._path, skipped="a file that imgwire-async has written")
            try:
                changed = self._rewrite(old, encoding)
                if self._new is not None:
                    self._publish(self._new, before)
            except _BinaryError:
                return RewrittenFile(self._path, skipped="a binary file")
            finally:
                if self._new is not None:
                    self._new.discard()
        return RewrittenFile(self._path, changed, self._totals)

    def _rewrite(self, old: BinaryIO, encoding: Encoding) -> bool:
        old.seek(len(encoding.mark))
        changed = False
        position = len(encoding.mark)
        for data in pieces_of(old, encoding, records=self._records):
            new = self._piece(data, encoding)
            if new is not data:
                changed = True
            if self._write and changed:
                if self._new is None:
                    self._new = self._begin(old, position)
                self._new.file.write(new)
            position += len(data)
        if self._diff is not None:
            self._diff.end()
        return changed

    def _piece(self, data: bytes, encoding: Encoding) -> bytes:
        if encoding.width == 1 and b"\0" in data:
            raise _BinaryError
        empty = not self._records and not self._may_have_urls(data, encoding)
        if empty and self._diff is None:
            return data
        decoded = encoding.decode(data)
        if decoded is None:
            raise _BinaryError
        text, codec = decoded
        new = text if empty else self._rewriter.rewrite(text, self._totals)
        if self._diff is not None:
            self._diff.feed(text, new)
        if new == text:
            return data
        try:
            return new.encode(codec, "surrogatepass" if codec.startswith("utf") else "strict")
        except UnicodeEncodeError as error:
            raise InvalidArgumentError(f"a new URL cannot be written in the {codec} of the file") from error

    def _may_have_urls(self, data: bytes, encoding: Encoding) -> bool:
        if encoding.name is not None:
            return True
        lower = data.lower()
        return any(needle in lower for needle in self._needles)

    def _begin(self, old: BinaryIO, length: int) -> Temporary:
        """Create a new file beside the old one, starting with a copy of the old one's first bytes."""
        new = Temporary(self._path)
        there = old.tell()
        old.seek(0)
        while length:
            block = old.read(min(length, _COPIED))
            if not block:
                break
            new.file.write(block)
            length -= len(block)
        old.seek(there)
        return new

    def _publish(self, new: Temporary, before: os.stat_result) -> None:
        """Replace the old file with the new one, unless the old one was changed meanwhile."""
        new.file.flush()
        os.fsync(new.file.fileno())
        new.file.close()
        now = self._path.lstat()
        if not stat.S_ISREG(now.st_mode) or _version(now) != _version(before):
            raise OSError(None, "it changed while it was read; run the same command again")
        take_over(before, new.path)
        new.replace(self._path)


def _version(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
