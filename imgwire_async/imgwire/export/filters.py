"""Filters for the images of an export. The service has no filters, so records are compared here."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Final, TypedDict

from imgwire_async.errors import InvalidArgumentError
from imgwire_async.imgwire.lowlevel.models import Image

_OPERATION: Final = "export"


class ImageFilters(TypedDict, total=False):
    """Filters of `client.export`; all of them must match. Of several strings, one has to match."""

    purpose: str | Collection[str]
    """The purpose, as in the record."""
    mime_type: str | Collection[str]
    """The MIME type, such as `image/jpeg`."""
    file_name: str | Collection[str]
    """Pattern for the original file name, such as `*.jpg`; case-sensitive."""
    custom_metadata: Mapping[str, str | float | bool]
    """Entries that the custom metadata must have."""
    created_from: datetime | str
    """Created at this time or later; a time without a zone is UTC. Strings are in ISO 8601 format."""
    created_before: datetime | str
    """Created before this time."""


FILTERS: Final = frozenset(ImageFilters.__annotations__)


def matcher(filters: ImageFilters | None) -> Callable[[Image], bool]:
    """Build a predicate for the images to export.

    Raises:
        InvalidArgumentError: a name is unknown, or a value is invalid.
    """
    given: object = {} if filters is None else filters
    if not isinstance(given, Mapping):
        raise _refused(f"filters must map names to values, got {type(given).__name__}")
    tests = [_test(name, value) for name, value in given.items()]
    return lambda image: all(test(image) for test in tests)


def _test(name: object, value: Any) -> Callable[[Image], bool]:  # noqa: ANN401 - anything may be given
    match name:
        case "purpose":
            purposes = _texts(name, value)
            return lambda image: image.purpose in purposes
        case "mime_type":
            types = {text.lower() for text in _texts(name, value)}
            return lambda image: str(image.mime_type) in types
        case "file_name":
            patterns = _texts(name, value)
            return lambda image: any(fnmatchcase(image.original_filename, one) for one in patterns)
        case "custom_metadata":
            if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
                raise _refused("the filter custom_metadata must map names to values")
            wanted = dict(value)
            return lambda image: all(
                key in image.custom_metadata and _equal(image.custom_metadata[key], one)
                for key, one in wanted.items()
            )
        case "created_from":
            start = _time(name, value)
            return lambda image: image.created_at >= start
        case "created_before":
            end = _time(name, value)
            return lambda image: image.created_at < end
        case _:
            close = difflib.get_close_matches(str(name), FILTERS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(sorted(FILTERS))}"
            raise _refused(f"unknown filter {name!r:.80}; {hint}")


def _equal(one: object, other: object) -> bool:
    return one == other and isinstance(one, bool) is isinstance(other, bool)  # True == 1


def _texts(name: str, value: object) -> frozenset[str]:
    texts = [value] if isinstance(value, str) else [*value] if isinstance(value, Collection) else []
    if not texts or not all(isinstance(text, str) for text in texts):
        raise _refused(f"the filter {name} must be a string or a list of strings, got {value!r:.80}")
    return frozenset(texts)


def _time(name: str, value: object) -> datetime:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        time = None
    if not isinstance(time, datetime):
        raise _refused(f"the filter {name} must be a time such as 2026-01-31T12:00:00Z, got {value!r:.80}")
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _refused(problem: str) -> InvalidArgumentError:
    return InvalidArgumentError(problem, operation=_OPERATION)
