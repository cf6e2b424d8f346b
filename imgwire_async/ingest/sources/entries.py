"""Turning the caller's source into a stream of entries, in batches, without blocking the event loop."""

from __future__ import annotations

import os
from asyncio import CancelledError
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from itertools import count, islice
from pathlib import Path, PurePath
from typing import Final, TypeAlias

import anyio
from anyio import to_thread

from imgwire_async.core.concurrency.cancellation import ENDS_PROGRAM, ForeignIterator
from imgwire_async.core.concurrency.tasks import Background
from imgwire_async.core.time import Time
from imgwire_async.core.values.metadata import checked_metadata
from imgwire_async.errors import (
    ImgwireError,
    InvalidArgumentError,
    UnexpectedCancellationError,
    UploadSourceError,
)
from imgwire_async.ingest.items import Entry, IngestItem, is_url, item_problem, key_of, key_text, url_or_path
from imgwire_async.ingest.sources.buckets import Bucket, BucketEntries, identity_of_bucket
from imgwire_async.ingest.sources.folders import Folder
from imgwire_async.ingest.sources.manifests import FORMATS, Manifest
from imgwire_async.ingest.sources.own_files import OwnFiles
from imgwire_async.ingest.sources.source import Batch, Entries
from imgwire_async.stores.uris import ObjectUri, is_object

Element: TypeAlias = "IngestItem | str | os.PathLike[str]"
"""Elements of an iterable source: items, paths, URIs of objects, or URLs."""

GivenSource: TypeAlias = "Element | Folder | Bucket | Manifest | Iterable[Element] | AsyncIterable[Element]"
"""A source of elements."""

IngestSource: TypeAlias = "GivenSource | Entries"
"""Sources of a job."""

BATCH: Final = 512
"""Entries per batch; a slow source yields fewer."""
_BATCH_SECONDS: Final = 0.2
"""Maximum seconds to wait for more entries of an async source once its batch has one."""


STANDARD_INPUT: Final = "standard input"
ITEMS: Final = "items of a program"
"""The identity of an iterable, whose items are distinguished only by their keys."""


def identity_of(source: object, options: Mapping[str, str] | None = None) -> str:
    """The identity of a source: absolute path with symbolic links resolved, URL, or another text.

    Args:
        source: the caller's source.
        options: options for opening a bucket.

    Raises:
        InvalidArgumentError: the source is a URI of an object without a bucket.
    """
    if isinstance(source, Folder | Manifest):
        source = source.path
    if not isinstance(source, str | os.PathLike):
        return ITEMS
    path = url_or_path(os.fsdecode(source))
    if is_object(path):
        return identity_of_bucket(ObjectUri.of(path), options or {})
    if path == "-":
        return STANDARD_INPUT
    return key_text(path if is_url(path) else os.path.realpath(path))


class _GivenEntries:
    """The caller's source."""

    def __init__(self, identity: str, entries: Iterator[Entry] | AsyncIterator[Entry]) -> None:
        self.identity = identity
        self._entries = entries

    async def batches(self, resume: str | None) -> AsyncGenerator[Batch, None]:  # noqa: ARG002 - gives no hints
        async with aclosing(batches(self._entries)) as lists:
            async for entries in lists:
                yield Batch(entries)


def open_source(source: IngestSource, own: OwnFiles, time: Time) -> Entries:
    """Open the caller's source for a job. Blocks.

    Args:
        source: the caller's source.
        own: recognises the files that bulk jobs have written; in a folder they are not items.
        time: for waits before a retry.

    Raises:
        InvalidArgumentError: `source` is not a supported source.
        UploadSourceError: the folder or file does not exist.
    """
    if isinstance(source, Entries):
        return source
    if isinstance(source, str) and is_object(name := url_or_path(source)) and not is_manifest(name):
        source = Bucket(name)
    if isinstance(source, Bucket):
        return BucketEntries(source, time)
    return _GivenEntries(identity_of(source), entries_of(source, own))


def is_manifest(name: str) -> bool:
    """Whether a path or URI names a manifest, by its extension."""
    return PurePath(name).suffix.lower() in FORMATS


def entries_of(source: GivenSource, own: OwnFiles | None = None) -> Iterator[Entry] | AsyncIterator[Entry]:
    """The entries of a source.

    A text or path is a URL, a folder, a manifest (`-`, or a name that ends in .csv, .jsonl, .ndjson or
    .parquet), or one file.

    Args:
        source: the caller's source.
        own: recognises the files that bulk jobs have written; in a folder they are not items.

    Raises:
        InvalidArgumentError: `source` is none of these.
        UploadSourceError: the folder or file does not exist.
    """
    if isinstance(source, str | os.PathLike):
        return _by_path(source, own)
    if isinstance(source, Folder):
        _check_exists(os.fsdecode(source.path))
        return source.entries(own)
    if isinstance(source, Manifest):
        name = url_or_path(os.fsdecode(source.path))
        if name != "-" and not is_object(name):
            _check_exists(os.fsdecode(source.path))
        return source.entries()
    if isinstance(source, IngestItem):
        return map(_entry, (source,))
    if isinstance(source, AsyncIterable):
        return _async_entries(source)
    if not isinstance(source, bytes | bytearray | memoryview) and hasattr(source, "__iter__"):
        return map(_any_entry, source, count(1))
    raise InvalidArgumentError(
        "source must be a folder, bucket, file, manifest or URL, or an iterable of items, "
        f"got {type(source).__name__}",
        operation="ingest",
    )


def _by_path(source: str | os.PathLike[str], own: OwnFiles | None) -> Iterator[Entry]:
    name = url_or_path(os.fsdecode(source))
    if is_url(name):
        return map(_entry, (name,))
    if name == "-" or (is_object(name) and is_manifest(name)):
        return Manifest(name).entries()
    if is_object(name):
        raise _mistake(f"{name!r} is a bucket, whose objects cannot be listed here")
    _check_exists(name)
    path = Path(name)
    if path.is_dir():
        return Folder(name).entries(own)
    return Manifest(name).entries() if is_manifest(name) else map(_entry, (name,))


def _check_exists(name: str) -> None:
    try:
        Path(name).stat()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UploadSourceError(f"cannot read {name!r}: {reason}", operation="ingest") from error


def _any_entry(element: Element, number: int) -> Entry:
    """The entry of an element. If it is not an item, or its own code fails, only this entry fails."""
    problem: ImgwireError
    try:
        return _entry(element)
    except InvalidArgumentError as error:
        problem = InvalidArgumentError(f"item {number} of the source: {error.message}", operation="ingest")
    except ENDS_PROGRAM:
        raise
    except BaseException as error:  # noqa: BLE001 - code of the caller may raise anything, and awaits nothing
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        problem = UploadSourceError(f"item {number} of the source failed: {what}", operation="ingest")
        problem.__cause__ = error
    return Entry(f"item {number}", None, problem)


def _entry(element: Element) -> Entry:
    if isinstance(element, str | os.PathLike):
        element = IngestItem(element)
    given = getattr(element, "source", element)
    source = os.fsdecode(given) if isinstance(given, os.PathLike) else given
    if isinstance(source, str) and isinstance(element, IngestItem):
        plain = url_or_path(source)
        if plain != (os.fspath(given) if isinstance(given, os.PathLike) else given):
            element = replace(element, source=plain)
    if element is given or not isinstance(source, str | bytes):
        raise _mistake(f"an item must be a path, a URL, or an IngestItem, got {given!r:.80}")
    problem = item_problem(element)
    if problem is not None:
        return Entry(key_of(element) or "", element, problem)
    if element.custom_metadata is not None and type(element.custom_metadata) is not dict:
        # Read once, because it may be an instance of the caller's own class.
        element = replace(element, custom_metadata=checked_metadata(element.custom_metadata, "ingest"))
    key = key_of(element)
    if not key:
        raise _mistake("an item of bytes needs a key" if key is None else "the key of an item is empty")
    return Entry(key, element)


def _mistake(problem: str) -> InvalidArgumentError:
    return InvalidArgumentError(problem, operation="ingest")


async def _async_entries(source: AsyncIterable[Element]) -> AsyncGenerator[Entry, None]:
    iterator = aiter(source)
    try:
        number = 0
        async for element in iterator:
            number += 1
            yield _any_entry(element, number)
    finally:
        if isinstance(iterator, AsyncGenerator):
            with anyio.CancelScope(shield=True):
                await iterator.aclose()


async def batches(entries: Iterator[Entry] | AsyncIterator[Entry]) -> AsyncGenerator[list[Entry], None]:
    """`entries` in lists of at most `BATCH`. A sync iterator is advanced in a worker thread.

    Must be closed by the task that iterates it.
    """
    if isinstance(entries, AsyncIterator):
        async with aclosing(_async_batches(entries)) as lists:
            async for batch in lists:
                yield batch
        return
    failure: Exception | None = None
    while failure is None:
        # A read of standard input may never end, so nothing waits for it.
        batch, failure = await to_thread.run_sync(_draw, entries, abandon_on_cancel=True)
        if batch:
            yield batch
        elif failure is None:
            return
    raise failure


def _draw(entries: Iterator[Entry]) -> tuple[list[Entry], Exception | None]:
    batch: list[Entry] = []
    try:
        batch.extend(islice(entries, BATCH))
    except Exception as error:  # noqa: BLE001 - raised again after what came before it
        return batch, error
    except (GeneratorExit, CancelledError) as error:  # would close or cancel the task that waits
        failure = UnexpectedCancellationError(f"the source of the job raised {type(error).__name__}")
        failure.__cause__ = error
        return batch, failure
    return batch, None


async def _async_batches(entries: AsyncIterator[Entry]) -> AsyncGenerator[list[Entry], None]:
    drawing = _Drawing(entries)
    # A task of its own, because the next entry may never come, and a generator cannot be left waiting.
    async with Background(drawing.run, at_end=drawing.end) as background:
        while batch := await drawing.take():
            yield batch
        if drawing.failure is not None:
            raise drawing.failure
        background.check()


class _Drawing:
    """Draws entries until a batch is full, and continues once it was taken."""

    def __init__(self, entries: AsyncIterator[Entry]) -> None:
        self._entries = entries
        self._batch: list[Entry] = []
        self._begun, self._full, self._taken = anyio.Event(), anyio.Event(), anyio.Event()
        self._ended = False
        self.failure: Exception | None = None

    async def run(self) -> None:
        try:
            async for entry in ForeignIterator(self._entries, "the source of the job"):
                self._batch.append(entry)
                self._begun.set()
                if len(self._batch) == BATCH:
                    self._full.set()
                    await self._taken.wait()
        except Exception as error:  # noqa: BLE001 - raised again after what came before it
            self.failure = error
        finally:
            if isinstance(self._entries, AsyncGenerator):
                with anyio.CancelScope(shield=True):
                    await self._entries.aclose()

    def end(self) -> None:
        """Make `take` return the remaining entries, and then none."""
        self._ended = True
        self._begun.set()
        self._full.set()

    async def take(self) -> list[Entry]:
        """Wait for a batch that is full or has waited long enough. Returns an empty list at the end."""
        await self._begun.wait()
        with anyio.move_on_after(_BATCH_SECONDS):
            await self._full.wait()
        batch, self._batch = self._batch, []
        if not self._ended:
            self._begun, self._full = anyio.Event(), anyio.Event()
        taken, self._taken = self._taken, anyio.Event()
        taken.set()
        return batch
