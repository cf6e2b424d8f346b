"""Writing the journal from many tasks: rows that arrive close together share a commit."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

import anyio
from anyio import to_thread

from imgwire_async.core.time import Time
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.ingest.journal.rows import Row

T = TypeVar("T")

WINDOW: Final = 0.01
"""Minimum seconds between two commits.

A row is recorded after this time plus up to two commits: the one in progress and its own. A killed process
loses the rows of that period.
"""
MOST_UNDELIVERED: Final = 1000
"""Results that may wait to be delivered before `keep_up` waits."""


class JournalWriter(Generic[T]):
    """Collects rows and commits them in a worker thread, one commit at a time.

    `run` and `run_delivery` run in separate tasks, because a slow consumer of results must not delay the
    commits of other rows.

    Args:
        journal: the journal to write.
        deliver: called with the results that were put with the rows, once the rows are committed.
        time: clock to read and to wait on.
    """

    def __init__(self, journal: Journal, deliver: Callable[[list[T]], Awaitable[None]], time: Time) -> None:
        self._journal = journal
        self._deliver = deliver
        self._time = time
        self._rows: list[Row] = []
        self._results: list[T] = []
        self._deliverable: list[T] = []
        self._undelivered = 0
        self._something = anyio.Event()
        self._committed = anyio.Event()
        self._under_way: anyio.Event | None = None
        self._to_deliver = anyio.Event()
        self._delivered = anyio.Event()
        self._ending = self._ended = False
        self._resume: str | None = None
        self._has_resume = False

    def put(self, row: Row | None, result: T | None = None) -> None:
        """Write a row with the next commit, and deliver `result` after it."""
        if row is not None:
            self._rows.append(row)
        if result is not None:
            self._results.append(result)
            self._undelivered += 1
        self._something.set()

    def put_resume(self, mark: str | None) -> None:
        """Record with the next commit where the next run may start; None for the beginning."""
        self._resume, self._has_resume = mark, True
        self._something.set()

    async def commit(self) -> None:
        """Wait until all rows put so far are committed."""
        event = self._committed if self._rows else self._under_way
        if event is not None:
            await event.wait()

    async def keep_up(self) -> None:
        """Wait while more than `MOST_UNDELIVERED` results are undelivered."""
        while self._undelivered > MOST_UNDELIVERED:
            await self._delivered.wait()

    def end(self) -> None:
        """Make `run` and `run_delivery` return once everything is written and delivered."""
        self._ending = True
        self._something.set()

    async def run(self) -> None:
        """Write until `end`. On cancellation, the rows put so far are still committed.

        Raises:
            JournalError: the journal cannot be written.
        """
        last = -math.inf
        try:
            while not self._ending or self._rows or self._undelivered or self._has_resume:
                await self._something.wait()
                if self._rows or not self._ending:
                    await self._time.sleep(max(0.0, last + WINDOW - self._time.monotonic()))
                last = self._time.monotonic()
                self._something = anyio.Event()
                await self._write()
        finally:
            with anyio.CancelScope(shield=True):
                await self._write()
            self._ended = True
            self._to_deliver.set()

    async def _write(self) -> None:
        rows, self._rows = self._rows, []
        results, self._results = self._results, []
        if rows:
            self._under_way, self._committed = self._committed, anyio.Event()
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(self._journal.write, rows)
            self._under_way.set()
            self._under_way = None
        if self._has_resume:
            self._has_resume = False
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(self._journal.keep_resume, self._resume)
        if results:
            self._deliverable += results
            self._to_deliver.set()

    async def run_delivery(self) -> None:
        """Deliver until `end`, in the order in which results were put."""
        while not self._ended:
            await self._to_deliver.wait()
            self._to_deliver = anyio.Event()
            results, self._deliverable = self._deliverable, []
            if not results:
                continue
            await self._deliver(results)
            self._undelivered -= len(results)
            self._something.set()
            delivered, self._delivered = self._delivered, anyio.Event()
            delivered.set()
