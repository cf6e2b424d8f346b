"""Ends waits when a bulk job is stopped, while work in progress finishes."""

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
    """A one-time signal: when it is set, every block it guards is left, wherever it waits."""

    def __init__(self) -> None:
        self.given = False
        self._waits: set[anyio.CancelScope] = set()

    def give(self) -> None:
        """Leave all guarded blocks; blocks entered later are left as soon as they wait."""
        self.given = True
        for scope in self._waits:
            scope.cancel()

    @contextmanager
    def leaves(self) -> Iterator[None]:
        """A block that is left when the signal is set."""
        with anyio.CancelScope() as scope:
            if self.given:
                scope.cancel()
            self._waits.add(scope)
            try:
                yield
            finally:
                self._waits.discard(scope)
