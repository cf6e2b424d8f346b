"""Converts users' arguments into what the schema expects, or rejects them with a clear message."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from imgwire_async.core.values.metadata import checked_metadata
from imgwire_async.core.values.numbers import whole
from imgwire_async.core.values.redaction import without_query
from imgwire_async.errors import InvalidArgumentError
from imgwire_async.imgwire.lowlevel.types import UNSET, Unset, uuid_of

T = TypeVar("T")


def unless_none(value: T | None) -> T | Unset:
    """None omits a field, so that the service's default applies."""
    return UNSET if value is None else value


def as_uuid(value: str | UUID, name: str, operation: str) -> UUID:
    """An id in its canonical form.

    Raises:
        InvalidArgumentError: `value` is not a UUID; all ids of the service are UUIDs.
    """
    if isinstance(value, UUID):
        return value
    try:
        return uuid_of(value)
    except (ValueError, AttributeError, TypeError):
        problem = f"{name} must be a UUID, got {value!r:.80}"
    raise InvalidArgumentError(problem, operation=operation)


def as_uuids(values: Iterable[str | UUID], name: str, operation: str) -> list[UUID]:
    """Several ids. A single string is rejected, because iterating over it would yield its characters.

    Raises:
        InvalidArgumentError: the list is empty, or an id is not a UUID.
    """
    if isinstance(values, str | UUID) or not isinstance(values, Iterable):
        raise InvalidArgumentError(f"{name} must be an iterable of ids, such as a list", operation=operation)
    ids = [as_uuid(value, name, operation) for value in values]
    if not ids:
        raise InvalidArgumentError(f"{name} must contain at least one id", operation=operation)
    return ids


def as_idempotency_key(value: object, operation: str) -> str:
    """The given idempotency key, or a new unique one if there is none.

    Raises:
        InvalidArgumentError: `value` is empty. Generating another key instead would defeat its purpose.
    """
    if value is None:
        return f"iw-{uuid4().hex}"
    if isinstance(value, str) and value:
        return value
    raise InvalidArgumentError(
        f"idempotency_key must be a non-empty string, got {value!r:.80}; omit it to generate one",
        operation=operation,
    )


def as_metadata(values: object, operation: str) -> dict[str, str | int | float | bool] | Unset:
    """Custom metadata that the service can store; None omits it.

    Raises:
        InvalidArgumentError: `value` is not a mapping, a name is not a string, or a value is not a scalar.
    """
    return UNSET if values is None else checked_metadata(values, operation)


def as_whole(value: object, name: str, operation: str) -> int:
    """A number of bytes.

    Raises:
        InvalidArgumentError: `value` is not a whole number, or is negative.
    """
    try:
        return whole(name, value, least=0)
    except ValueError as error:
        problem = str(error)
    raise InvalidArgumentError(problem, operation=operation)


def public_url(value: str, operation: str, *, allow_credentials: bool) -> str:
    """The URL of a source for the service to fetch.

    Raises:
        InvalidArgumentError: the URL is not http or https, has no host, or has credentials that are not
            allowed.
    """
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port  # reading the port validates it
        whole = value.isprintable() and " " not in value
    except (ValueError, TypeError, AttributeError):
        problem = "url is not a URL"
    else:
        # Show neither the query, which may hold a signature, nor the credentials before the host.
        shown = without_query(value)
        if parts.scheme not in {"http", "https"} or not host or not whole:
            problem = f"url must be https:// or http:// with a host and without blanks, got {shown!r:.200}"
        elif "@" in parts.netloc and not allow_credentials:
            problem = (
                f"url contains credentials for {host}, which the service would see; pass "
                "allow_credentials=True to send them anyway"
            )
        else:
            return value
    raise InvalidArgumentError(problem, operation=operation)


def aware(value: datetime | None, name: str, operation: str) -> datetime | Unset:
    """A datetime with a time zone, so that it is unambiguous.

    Raises:
        InvalidArgumentError: `value` is not a datetime, or has no time zone.
    """
    if not isinstance(value, datetime | None):
        raise InvalidArgumentError(f"{name} must be a datetime, got {value!r:.80}", operation=operation)
    if value is not None and value.utcoffset() is None:
        raise InvalidArgumentError(
            f"{name} has no time zone; write for example datetime(2026, 5, 1, tzinfo=UTC)",
            operation=operation,
        )
    return unless_none(value)
