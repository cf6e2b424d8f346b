"""Preparing an item for sending: read, hash, derive the idempotency key. Everything here blocks."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import PurePath
from typing import Final, NamedTuple

from imgwire_async.bodies.image_types import SNIFF_BYTES, image_type_of
from imgwire_async.core.pace.local_limits import patiently
from imgwire_async.core.values.metadata import items_of
from imgwire_async.core.values.numbers import json_number_or_repr
from imgwire_async.errors import (
    ImageQuarantinedError,
    ImgwireError,
    InvalidArgumentError,
    UnsupportedImageTypeError,
    UploadSourceError,
)
from imgwire_async.ingest.items import (
    IngestItem,
    Stamp,
    idempotency_key,
    location,
    raw_text,
    source_text,
    storable,
)
from imgwire_async.ingest.journal.rows import Row, State
from imgwire_async.ingest.options import WHOLE

LEAST_CHARGE: Final = 32 * 1024
"""Minimum bytes of the budget for an item, because its record, request and task take memory as well."""


class Prepared(NamedTuple):
    """The results of preparing an item."""

    key: str
    stamp: Stamp | None
    sha256: bytes | None
    idempotency_key: str
    by_url: bool


@dataclass(slots=True)
class Task:
    """An item in progress."""

    key: str
    item: IngestItem
    stamp: Stamp | None
    from_folder: bool
    known: Row | None
    """The item's row from earlier runs."""
    parameters: bytes | None = None
    """Digest of the parameters that are sent with the content."""
    confirm: bool = False
    """Whether it is stored, and only its readiness has to be confirmed."""
    sha256: bytes | None = None
    content: bytes | None = None
    read_content: Callable[[], bytes] | None = field(default=None, repr=False)
    """Reads the content of an object that was opened before."""
    idempotency_key: str = ""
    attempts: int = 0
    deferrals: int = 0
    """How often it was put back without a failure."""
    began: float | None = None
    """Time of its first request."""
    charge: int = 0
    """Bytes of the budget that it holds."""
    note: str | None = None
    """See `Entry.note`."""
    options: Mapping[str, str] | None = field(default=None, repr=False)
    """See `Entry.options`."""
    location: str = ""
    """The source as kept in the journal."""
    declared_type: str | None = None
    """The MIME type that the store reports for an object, if it is an image type."""
    by_url: bool = False
    """Whether the service fetches this object from a URL that is signed for each attempt."""
    held: bool = False
    """Whether it has ended or waits for another item's image, so that its shard is done with it."""

    @property
    def prepared(self) -> Prepared:
        """The results of preparing, for the same task in another process."""
        return Prepared(self.key, self.stamp, self.sha256, self.idempotency_key, self.by_url)

    def take(self, prepared: Prepared) -> None:
        """Adopt the results of another process."""
        _, self.stamp, self.sha256, self.idempotency_key, self.by_url = prepared

    @property
    def size(self) -> int:
        """Bytes that pass through this machine; 0 if the service fetches the item."""
        passes_by = self.is_fetched and not self.item.fetched_here
        return 0 if self.stamp is None or self.confirm or passes_by else self.stamp.size

    @property
    def is_fetched(self) -> bool:
        """Whether the sink gets a URL, from which the service normally fetches the image itself."""
        return self.by_url or self.item.is_url

    @property
    def wanted_charge(self) -> int:
        """Bytes of memory that it needs; a large file is read in two chunks of half that size."""
        if self.item.is_object and self.stamp is None and not (self.confirm or self.by_url):
            return WHOLE  # its size is unknown before it is read
        return min(max(self.size, LEAST_CHARGE), WHOLE)

    def row(self, state: State, run: int) -> Row:
        """The item's row for the journal."""
        stamp, known = self.stamp, self.known
        if self.confirm and known is not None:
            return replace(known, state=state, run=run, attempts=self.attempts, note=self.note)
        # A retry keeps the image of the same content that an earlier run has stored.
        same = known is not None and known.idempotency_key == self.idempotency_key
        parameters = self.parameters
        if known is not None and same and state not in {State.STORED, State.READY}:
            # The parameters first sent with the key: the service may insist on them, or hold such an image.
            parameters = known.parameters
        return Row(
            self.key,
            self.location or location(self.item),
            state,
            run,
            size=None if stamp is None else stamp.size,
            version=None if stamp is None else stamp.version,
            sha256=self.sha256,
            idempotency_key=self.idempotency_key or None,
            image_id=known.image_id if known is not None and same else None,
            cdn_url=known.cdn_url if known is not None and same else None,
            attempts=self.attempts,
            parameters=parameters,
            note=self.note,
        )


def stamp_of(item: IngestItem) -> Stamp | None:
    """The stamp that shows changes of a file; for bytes their size; None for a URL or an object of a store.

    Raises:
        UploadSourceError: the file cannot be accessed.
    """
    if item.is_url or item.is_object:
        return None
    if isinstance(item.source, bytes):
        return Stamp(size=len(item.source), version="")
    try:
        return Stamp.of(os.stat(item.source))  # noqa: PTH116 - may hold what pathlib refuses
    except (OSError, ValueError) as error:
        raise _unreadable(item, error) from error


def prepare(task: Task, job: str, *, recreate: bool) -> ImgwireError | None:
    """Read and hash an item, and derive its key. Returns errors, because they concern only this item.

    Args:
        task: the item.
        job: name of the job.
        recreate: whether changed parameters create a new image.
    """
    known = task.known
    if task.confirm:
        return None
    try:
        if task.item.is_url:
            content = (task.item.content_id or str(task.item.source)).encode("utf-8", "surrogatepass")
            if task.stamp is not None:
                content += b"\0" + task.stamp.version.encode()
        elif task.item.is_object:
            content = _object_content(task)
        else:
            content = task.sha256 = _read(task)
    except (UploadSourceError, UnsupportedImageTypeError) as error:
        return error
    if known is not None and known.idempotency_key and _same_image(task, known, recreate=recreate):
        # Even if the run that stored it derived keys the other way.
        task.idempotency_key = known.idempotency_key
        if task.is_fetched and known.error_type == ImageQuarantinedError.__name__:
            # With the same key the service would return the image that it could not fetch.
            task.idempotency_key = idempotency_key(job, task.key, known.idempotency_key.encode())
    else:
        task.idempotency_key = idempotency_key(job, task.key, content, task.parameters if recreate else None)
    return None


def _same_image(task: Task, known: Row, *, recreate: bool) -> bool:
    if recreate and known.parameters != task.parameters:
        return False
    if task.item.is_url:
        version = None if task.stamp is None else task.stamp.version
        return (known.source, known.version) == (source_text(task.item), version)
    if task.item.is_object and task.stamp is not None:
        # Whether the content was read depends on the size and the kind of transfer.
        now = (source_text(task.item), task.stamp.version, task.stamp.size)
        if (known.source, known.version, known.size) == now:
            return True
        if task.sha256 is None:
            return False
    return known.sha256 == task.sha256


def _object_content(task: Task) -> bytes:
    """The identity of an object's content: its hash, or URI, version and size if it was not read."""
    if task.read_content is not None:
        task.content = task.read_content()
    if task.content is not None:
        task.sha256 = _hash(task, io.BytesIO(task.content).read, len(task.content))
    if task.sha256 is not None:
        return task.sha256
    assert task.stamp is not None  # noqa: S101 - it has been looked at
    parts = (source_text(task.item), task.stamp.version, str(task.stamp.size))
    return "\0".join(parts).encode()


def _read(task: Task) -> bytes:
    item = task.item
    if isinstance(item.source, bytes):
        return _hash(task, io.BytesIO(item.source).read, len(item.source))
    try:
        # Check before opening: opening a named pipe blocks until something writes to it.
        if not stat.S_ISREG(os.stat(item.source).st_mode):  # noqa: PTH116 - may hold what pathlib refuses
            raise UploadSourceError(f"cannot upload {source_text(item)!r}: it is not a regular file")
        # Without a file object, which makes further system calls: after each of them the thread waits for the
        # event loop to release the interpreter.
        file = patiently(partial(os.open, item.source, os.O_RDONLY | getattr(os, "O_BINARY", 0)))
        try:
            task.stamp = Stamp.of(os.fstat(file))
            return _hash(task, partial(os.read, file), task.stamp.size)
        finally:
            os.close(file)
    except (OSError, ValueError) as error:
        if isinstance(error, ImgwireError):
            raise
        raise _unreadable(item, error) from error


def _hash(task: Task, read: Callable[[int], bytes], size: int) -> bytes:
    item = task.item
    name = item.file_name or ("" if isinstance(item.source, bytes) else _last_part(item.source))
    digest = hashlib.sha256()
    # Request no more than needed, because `os.read` allocates the requested size first.
    wanted = min(WHOLE, size + 1)
    first = read(wanted)
    # A file system may return less than requested, and too little to detect the type.
    while 0 < len(first) < min(size, SNIFF_BYTES) and (further := read(wanted - len(first))):
        first += further
    declared = item.mime_type or task.declared_type
    no_image = declared is None and image_type_of(first[:SNIFF_BYTES], name) is None
    # Files found in a folder that do not look like images are skipped, even if they are empty.
    if not first and not (no_image and task.from_folder):
        raise UploadSourceError(f"cannot upload {task.key!r}: it is empty")
    if no_image:
        raise UnsupportedImageTypeError(f"{task.key!r} is not a supported image, judging by content and name")
    digest.update(first)
    if size <= WHOLE and len(first) == size:
        task.content = first
        return digest.digest()
    while chunk := read(WHOLE):
        digest.update(chunk)
    return digest.digest()


def upload_name(item: IngestItem) -> str | None:
    """The file name to store; None leaves the choice to the service or the content."""
    if item.file_name is not None or isinstance(item.source, bytes):
        return item.file_name
    return None if item.is_url else storable(_last_part(item.source))


def _last_part(source: str | os.PathLike[str]) -> str:
    # pathlib takes ten times as long, but ignores a slash at the end.
    return os.path.basename(source) or PurePath(source).name  # noqa: PTH119


def manifest_row(key: str, item: IngestItem) -> str:
    """The item as a JSON line of a manifest."""
    key = raw_text(key)
    row: dict[str, object] = {"key": key}
    if not isinstance(item.source, bytes):
        source = os.fspath(item.source)
        # Manifests may lie anywhere.
        local = not (item.is_url or item.is_object)
        row = {"source": os.path.abspath(source) if local else source, "key": key}  # noqa: PTH100
    for name in ("file_name", "mime_type", "purpose"):
        if getattr(item, name) is not None:
            row[name] = getattr(item, name)
    metadata: object = item.custom_metadata
    if isinstance(metadata, Mapping):
        try:
            metadata = {str(name): value for name, value in items_of(metadata, "ingest")}
        except InvalidArgumentError as error:
            metadata = error.message  # no metadata, so that the retry fails as well
    if metadata is not None:
        row["custom_metadata"] = metadata
    try:
        # repr: the values cannot be sent, which is why the item has failed.
        return json.dumps(row, default=json_number_or_repr, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        # Not JSON, so that the retry fails in the same way and stores nothing without its metadata.
        row["custom_metadata"] = f"cannot be written as JSON: {error}"
        return json.dumps(row, default=json_number_or_repr)


def _unreadable(item: IngestItem, error: OSError | ValueError) -> UploadSourceError:
    reason = getattr(error, "strerror", None) or error
    return UploadSourceError(f"cannot upload {source_text(item)!r}: {reason}")
