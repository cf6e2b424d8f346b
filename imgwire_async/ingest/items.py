"""Items of bulk jobs, their keys, and the idempotency keys derived from them."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, TypeAlias

from imgwire_async.core.values.metadata import Metadata, checked_metadata
from imgwire_async.core.values.numbers import json_number
from imgwire_async.core.values.redaction import repr_without_bytes
from imgwire_async.errors import ImgwireError, InvalidArgumentError
from imgwire_async.stores.uris import is_object, local_path

ItemSource: TypeAlias = "str | os.PathLike[str] | bytes"
"""The path of a file, the URI of an object in a cloud store (text such as s3://bucket/key), a URL that the
service fetches (text with http:// or https://), or the bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Detects a changed source without reading its content."""

    size: int
    """Bytes."""
    version: str
    """Differs when the content differs: for a file its modification time in nanoseconds since the epoch, for
    an object in a store its ETag or generation."""

    @classmethod
    def of(cls, looked: os.stat_result) -> Stamp:
        """The stamp of a file."""
        return cls(size=looked.st_size, version=str(looked.st_mtime_ns))


@dataclass(slots=True)
class IngestItem:
    """One image of a bulk job."""

    source: ItemSource
    key: str | None = None
    """Names the item in the journal and the reports; unique within the job. Default: the path (relative to
    the folder or prefix, if any), the URI or the URL. Required for bytes."""
    file_name: str | None = None
    """File name to store; default: the name in the path, URI or URL."""
    mime_type: str | None = None
    """Content type to declare; default: detected from the content, falling back to the name."""
    purpose: str | None = None
    """Free label."""
    custom_metadata: Metadata | None = None
    """Your own values by name."""
    content_id: str | None = field(default=None, repr=False)
    """Identifies the content of a URL that changes while its content does not, such as a signed URL. The
    journal compares it instead of the URL, and idempotency keys are derived from it. Default: the URL."""

    fetched_here: ClassVar[bool] = False
    """Whether this machine, and not the service, fetches the image from its URL; its bytes then count."""

    __repr__ = repr_without_bytes

    def __setstate__(self, state: tuple[None, dict[str, Any]]) -> None:
        for name, value in ({"content_id": None} | state[1]).items():  # an older pickle lacks it
            setattr(self, name, value)

    @property
    def is_url(self) -> bool:
        """Whether the service fetches the image from its URL."""
        return isinstance(self.source, str) and is_url(self.source)

    @property
    def is_object(self) -> bool:
        """Whether it is an object of a cloud store."""
        return isinstance(self.source, str) and is_object(self.source)


def portable(item: IngestItem) -> IngestItem:
    """The item converted to plain types, so that another process can read it without the caller's types.

    Raises:
        InvalidArgumentError: one of its values cannot be sent as JSON.
    """
    fields: dict[str, Any] = {
        "file_name": item.file_name,
        "mime_type": item.mime_type,
        "purpose": item.purpose,
        "content_id": item.content_id,
        "custom_metadata": None if item.custom_metadata is None else dict(item.custom_metadata),
    }
    if any(value is not None for value in fields.values()):
        try:
            fields = json.loads(json.dumps(fields, default=json_number))
        except (TypeError, ValueError, RecursionError) as error:
            problem = f"an argument cannot be sent as JSON: {error}"
            raise InvalidArgumentError(problem, operation="ingest") from None
    source = bytes(item.source) if isinstance(item.source, bytes) else os.fsdecode(item.source)
    return IngestItem(source, item.key and str(item.key), **fields)


@dataclass(slots=True)
class Entry:
    """An entry yielded by a source."""

    key: str
    """Empty if unknown; the item is then identified by its number."""
    item: IngestItem | None
    """None if there is nothing to upload."""
    problem: ImgwireError | None = None
    """Why it cannot be uploaded; always set if there is no item."""
    stamp: Stamp | None = None
    """Set if it is known from reading the source anyway."""
    from_folder: bool = False
    """Whether the file was found in a folder; if it is not an image, that is not a failure."""
    skip: str | None = None
    """Why there is nothing to store although nothing is wrong; for example, the source declares it a
    video."""
    skip_reason: str = "unsupported_type"
    """A `SkipReason` if `skip` is set."""
    note: str | None = None
    """Data that the source keeps in the journal with the item. It is never sent to the service."""
    options: Mapping[str, str] | None = None
    """How the bucket of an object is opened, see `Bucket.options`."""


_SCHEMES: Final = ("http://", "https://")
_FIRST_LETTERS: Final = ("h", "H")  # looked at first, because most items of most jobs are files


def is_url(text: str) -> bool:
    """Whether `text` is a URL for the service to fetch rather than a path."""
    return text[:1] in _FIRST_LETTERS and text[:8].lower().startswith(_SCHEMES)


def url_or_path(text: str) -> str:
    """Strip surrounding blanks from a URL or URI, and turn a `file:` URI into its path.

    Other text is unchanged, because file names may start and end with blanks. Blanks include invisible
    characters, such as a zero-width space copied from a web page.
    """
    if text.startswith(_SCHEMES) and "!" <= text[-1] <= "~":
        return text
    start, end = 0, len(text)
    while start < end and _is_blank(text[start]):
        start += 1
    while end > start and _is_blank(text[end - 1]):
        end -= 1
    bare = text[start:end]
    if is_url(bare) or is_object(bare):
        return bare
    path = local_path(bare)
    return text if path is None else path


def _is_blank(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) == "Cf"


def key_of(item: IngestItem) -> str | None:
    """The item's key, given or derived; None for bytes without a key, or if the key is not a string."""
    key: object = item.key
    if key is not None:
        return key_text(key) if isinstance(key, str) else None
    return None if isinstance(item.source, bytes) else _plain_text(item.source)


def source_text(item: IngestItem) -> str:
    """The source as text for the journal and messages; empty for bytes. For a URL, its content name."""
    if item.content_id is not None and item.is_url:
        return key_text(item.content_id)
    return "" if isinstance(item.source, bytes) else _plain_text(item.source)


def _plain_text(source: str | os.PathLike[str]) -> str:
    return key_text(source if isinstance(source, str) else os.fsdecode(source))


def location(item: IngestItem) -> str:
    """The source as kept in the journal: like `source_text`, but with an absolute path."""
    text = source_text(item)
    if not text or item.is_url or item.is_object:
        return text
    return os.path.abspath(text)  # noqa: PTH100 - pathlib costs three times as much


def item_problem(item: IngestItem) -> InvalidArgumentError | None:
    """Report wrong types in an item's fields, so that one bad item cannot break the others."""
    for name in ("key", "file_name", "mime_type", "purpose", "content_id"):
        value: object = getattr(item, name)
        if not isinstance(value, str | None):
            problem = f"the {name} of an item must be a string, got {type(value).__name__}"
            return InvalidArgumentError(problem, operation="ingest")
    try:
        if item.custom_metadata is not None:
            checked_metadata(item.custom_metadata, "ingest")
    except InvalidArgumentError as error:
        return error
    return None


def check_job_name(name: object) -> None:
    """Check the name of a job.

    Raises:
        InvalidArgumentError: it is empty, or not Unicode text.
    """
    if not isinstance(name, str) or not name or storable(name) != name:
        problem = f"job must be a non-empty string without lone surrogates, got {name!r:.80}"
        raise InvalidArgumentError(problem, operation="ingest")


def storable(text: str) -> str:
    r"""`text` for display, with bytes that are not Unicode, as in odd file names, written as `\udcff`."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


_LOOKS_ESCAPED: Final = re.compile(r"\\(?=(?:u005c)*ud[89a-f][0-9a-f]{2})")
_ESCAPED: Final = re.compile(r"\\(u005c)*ud([89a-f][0-9a-f]{2})")
_ESCAPED_BACKSLASH: Final = r"\u005c"


def key_text(text: str) -> str:
    r"""Encode `text` as valid Unicode without collisions; `raw_text` is the inverse.

    Bytes that are not Unicode, such as 0xff in a file name, are written as `\udcff`. If a name contains these
    six characters literally, the backslash is written as `\u005c`. All other text is unchanged.
    """
    if "\\" in text:
        text = _LOOKS_ESCAPED.sub(lambda _: _ESCAPED_BACKSLASH, text)
    return storable(text)


def raw_text(key: str) -> str:
    """Decode a `key` made by `key_text`."""

    def original(found: re.Match[str]) -> str:
        if found[1] is None:
            return chr(int(f"d{found[2]}", 16))
        return found[0].replace(_ESCAPED_BACKSLASH, "\\", 1)

    return _ESCAPED.sub(original, key) if "\\" in key else key


KEY_PREFIX: Final = "iw1-"
"""Prefix of all derived idempotency keys."""


def idempotency_key(job: str, key: str, content: bytes, parameters: bytes | None = None) -> str:
    """Derive the idempotency key with which an item is stored once, however often it is sent.

    It is derived rather than random, so that a run without any record of an earlier attempt uses the same
    key.

    Args:
        job: name of the job.
        key: key of the item.
        content: SHA-256 of its content; for a URL, the URL itself.
        parameters: digest of its purpose, metadata and so on, if changed parameters should create another
            image; otherwise None.

    Returns:
        36 characters: `iw1-` and the base32 digits of a BLAKE2b-160.
    """
    digest = hashlib.blake2b(digest_size=20)
    for part in (job.encode(), key.encode(), content, *(() if parameters is None else (parameters,))):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return KEY_PREFIX + base64.b32encode(digest.digest()).decode().lower()
