"""Converts users' arguments into what imgix expects, or rejects them with a clear message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, TypeVar
from urllib.parse import quote, urlsplit

from imgwire_async.core.values.numbers import as_number
from imgwire_async.core.values.redaction import without_query
from imgwire_async.core.values.texts import is_encodable
from imgwire_async.errors import InvalidArgumentError
from imgwire_async.imgix.lowlevel.types import UNSET, Unset
from imgwire_async.imgix.records import Source

T = TypeVar("T")

SourceId: TypeAlias = str | Source
"""A source, or its id."""


def unless_none(value: T | None) -> T | Unset:
    """None omits a field or parameter."""
    return UNSET if value is None else value


def as_id(value: object, name: str, operation: str) -> str:
    """An id. imgix does not document its format, so any text is accepted.

    Raises:
        InvalidArgumentError: it is not text, or is empty.
    """
    if isinstance(value, str) and value:
        return value
    raise InvalidArgumentError(f"{name} must be the id as a string, got {value!r:.80}", operation=operation)


def as_source_id(source: SourceId, operation: str) -> str:
    """The id of a source.

    Raises:
        InvalidArgumentError: it is neither a source nor text.
    """
    return as_id(source.id if isinstance(source, Source) else source, "source", operation)


def as_origin_path(path: object, operation: str) -> str:
    """The path of a file at its origin, without its leading slash, as in requests.

    Raises:
        InvalidArgumentError: it is not text that can be sent, or a segment is empty, `.` or `..`.
    """
    if not isinstance(path, str):
        raise InvalidArgumentError(f"origin_path must be a string, got {path!r:.80}", operation=operation)
    if not is_encodable(path):
        raise InvalidArgumentError(
            "origin_path contains a lone surrogate, which cannot be encoded", operation=operation
        )
    segments = path.removeprefix("/").split("/")
    if not {"", ".", ".."}.isdisjoint(segments):
        raise InvalidArgumentError(
            f"no segment of origin_path may be empty, '.' or '..', got {path!r:.200}", operation=operation
        )
    return "/".join(segments)


def as_imgix_url(url: object, operation: str) -> str:
    """The full URL of an image, with blanks and non-ASCII characters percent-encoded, as imgix requires.

    Raises:
        InvalidArgumentError: it is not a full http or https URL.
    """
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
        host = parts.hostname if parts else None
        if parts is not None and parts.scheme in {"http", "https"} and host and "@" not in parts.netloc:
            return quote(parts.geturl(), safe="!#$%&'()*+,/:;=?@[]~")
    except ValueError:
        pass
    shown = without_query(url) if isinstance(url, str) else url
    raise InvalidArgumentError(
        "url must be the full URL of an image, such as 'https://shop.imgix.net/hero.jpg', "
        f"got {shown!r:.200}",
        operation=operation,
    )


def as_custom_fields(values: object, operation: str) -> dict[str, object]:
    """Custom fields of an asset.

    Raises:
        InvalidArgumentError: it is not a mapping of text to scalars.
    """
    given: object = values
    if isinstance(given, Mapping):
        plain: dict[str, object] = {
            name: value if isinstance(value, str | int | float | None) else as_number(value)
            for name, value in given.items()
        }
        unlost = all(value is not None or given[name] is None for name, value in plain.items())
        if unlost and all(isinstance(name, str) for name in given):
            return plain
    raise InvalidArgumentError(
        f"custom_fields must map names to strings, numbers, booleans or None, got {values!r:.80}",
        operation=operation,
    )
