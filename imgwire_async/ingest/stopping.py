"""Ending what waits when a bulk job is stopped, while what is under way goes on to its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import anyio

from imgwire_async.errors import (
    AuthenticationError,
    ImgwireError,
    PaymentRequiredError,
    PermissionDeniedError,
)

STOP_ON: Final[tuple[type[ImgwireError], ...]] = (
    AuthenticationError,
    PaymentRequiredError,
    PermissionDeniedError,
)
"""Errors that stop a job at once by default, because they would hit every item."""


class StopSignal:
    """Given once; every block that it guards is left then, wherever it waits."""

    def __init__(self) -> None:
        self.given = False
        self._waits: set[anyio.CancelScope] = set()

    def give(self) -> None:
        """Leave all guarded blocks, and those that are entered later as soon as they wait."""
        self.given = True
        for scope in self._waits:
            scope.cancel()

    @contextmanager
    def leaves(self) -> Iterator[None]:
        """A block that is left when the signal is given."""
        with anyio.CancelScope() as scope:
            if self.given:
                scope.cancel()
            self._waits.add(scope)
            try:
                yield
            finally:
                self._waits.discard(scope)
