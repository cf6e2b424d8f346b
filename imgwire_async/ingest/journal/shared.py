"""Values that many rows of a journal share: stored once, and referenced by number."""

from __future__ import annotations

import sqlite3
from typing import Final, Generic, TypeVar

V = TypeVar("V", str, bytes)

_ALL: Final = "SELECT value FROM shared WHERE kind = ? ORDER BY number"


class SharedValues(Generic[V]):
    """The shared values of one kind in an open journal. All are held in memory.

    A number never changes, and a value that once found no room never gets a number. Reading is safe while
    another thread adds values.

    Args:
        connection: of the journal.
        kind: number of the kind.
        most: how many values are shared. Rows store any further ones themselves.
    """

    def __init__(self, connection: sqlite3.Connection, kind: int, most: int) -> None:
        self._kind = kind
        self._most = most
        self.values: list[V] = [value for (value,) in connection.execute(_ALL, (kind,))]
        """The values, indexed by number."""
        self._numbers: dict[V, int] = {value: number for number, value in enumerate(self.values)}
        self._written = len(self.values)

    def find(self, value: V) -> int | None:
        """The number of a value, or None if it is not shared."""
        return self._numbers.get(value)

    def has_room(self, more: int = 0) -> bool:
        """Whether another value can be shared while keeping room for `more`."""
        return len(self.values) < self._most + more

    def number(self, value: V, more: int = 0) -> int | None:
        """Share a value and return its number; None if there is no room for it."""
        found = self._numbers.get(value)
        if found is None and self.has_room(more):
            found = len(self.values)
            self.values.append(value)
            self._numbers[value] = found
        return found

    def write(self, connection: sqlite3.Connection) -> None:
        """Write the new values, in the transaction of the rows that use them."""
        numbers = range(self._written, len(self.values))
        connection.executemany(
            "INSERT INTO shared VALUES (?, ?, ?)",
            [(self._kind, number, self.values[number]) for number in numbers],
        )
        self._written = numbers.stop
