"""The rows of a journal, one for each item."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MemberDescriptorType
from typing import Final


class State(StrEnum):
    """The state of an item."""

    KEYED = "keyed"
    """Its idempotency key is recorded; a request may or may not have been made."""
    STORED = "stored"
    READY = "ready"
    """Stored, and the service has confirmed that it can deliver the image."""
    SKIPPED = "skipped"
    """Not an image."""
    FAILED = "failed"


DONE: Final = (State.STORED, State.READY, State.SKIPPED)
"""States that a later run skips, as long as the source has not changed. A tuple, because hashing a member of
an enumeration calls Python."""


@dataclass(slots=True)
class Row:
    """The journal's record of one item. The fields are the columns."""

    key: str
    source: str
    state: str
    run: int
    """Number of the run that last wrote the row."""
    size: int | None = None
    version: str | None = None
    """See `Stamp.version`."""
    sha256: bytes | None = None
    idempotency_key: str | None = None
    image_id: str | None = None
    cdn_url: str | None = None
    attempts: int = 0
    error_type: str | None = None
    error: str | None = None
    item: str | None = None
    """The item as a JSON row of a manifest, if a retry will need it."""
    parameters: bytes | None = None
    """Digest of the purpose, metadata and other parameters that it was sent with."""
    note: str | None = None
    """See `Entry.note`."""


class _DerivedWhenAsked:
    """Lets the journal pass a function of the row instead of its idempotency key.

    Most rows are read only to skip their items, and deriving a key takes as long as reading a row.
    """

    def __init__(self, slot: MemberDescriptorType) -> None:
        self._slot = slot

    def __get__(self, row: Row | None, owner: type[Row]) -> object:
        if row is None:
            return self
        value = self._slot.__get__(row, owner)
        if callable(value):
            value = value(row)
            self._slot.__set__(row, value)
        return value

    def __set__(self, row: Row, value: object) -> None:
        self._slot.__set__(row, value)


setattr(Row, "idempotency_key", _DerivedWhenAsked(vars(Row)["idempotency_key"]))  # noqa: B010 - no part of its type
