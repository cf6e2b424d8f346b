"""Writing the journal from many tasks: what comes in a moment is committed together."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

import anyio
from anyio import to_thread

from imgwire_async.ingest.journal import Journal, Row

T = TypeVar("T")

WINDOW: Final = 0.01
"""Seconds between two commits at least, and what a killed process loses of its bookkeeping."""


class JournalWriter(Generic[T]):
    """Collects rows and commits them, one commit at a time, in a worker thread.

    Args:
        journal: where to.
        deliver: handed what was put along with the rows, once they are committed. While it waits, nothing
            further is committed: whoever is slow to take outcomes holds back the job.
    """

    def __init__(self, journal: Journal, deliver: Callable[[list[T]], Awaitable[None]]) -> None:
        self._journal = journal
        self._deliver = deliver
        self._rows: list[Row] = []
        self._results: list[T] = []
        self._something = anyio.Event()
        self._committed = anyio.Event()
        self._under_way: anyio.Event | None = None
        self._ended = False

    def put(self, row: Row | None, result: T | None = None) -> None:
        """Have a row written with the next commit, and `result` delivered after it."""
        if row is not None:
            self._rows.append(row)
        if result is not None:
            self._results.append(result)
        self._something.set()

    async def commit(self) -> None:
        """Wait until everything that has been put is committed."""
        event = self._committed if self._rows else self._under_way
        if event is not None:
            await event.wait()

    def end(self) -> None:
        """Let `run` return when everything is written."""
        self._ended = True
        self._something.set()

    async def run(self) -> None:
        """Write until `end`. When cancelled, what has been put is still committed.

        Raises:
            JournalError: the journal cannot be written.
        """
        last = -math.inf
        try:
            while not self._ended or self._rows or self._results:
                await self._something.wait()
                await anyio.sleep(max(0.0, last + WINDOW - anyio.current_time()))
                last = anyio.current_time()
                self._something = anyio.Event()
                await self._write()
                results, self._results = self._results, []
                if results:
                    await self._deliver(results)
        finally:
            with anyio.CancelScope(shield=True):
                await self._write()

    async def _write(self) -> None:
        rows, self._rows = self._rows, []
        if not rows:
            return
        self._under_way, self._committed = self._committed, anyio.Event()
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(self._journal.write, rows)
        self._under_way.set()
        self._under_way = None
