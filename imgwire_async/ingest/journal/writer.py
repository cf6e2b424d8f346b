"""Writing the journal from many tasks: what comes in a moment is committed together."""

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
"""Seconds between two commits at least.

A row is on record this long after it was put, and the two commits that may be needed: the one under way, and
its own. That is what a killed process loses of its bookkeeping.
"""
MOST_UNDELIVERED: Final = 1000
"""Results that may wait to be delivered before `keep_up` waits."""


class JournalWriter(Generic[T]):
    """Collects rows and commits them, one commit at a time, in a worker thread.

    `run` and `run_delivery` are run by tasks of their own, because who is slow to take results must not keep
    other rows from being committed.

    Args:
        journal: where to.
        deliver: handed what was put along with the rows, once they are committed.
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
        """Have a row written with the next commit, and `result` delivered after it."""
        if row is not None:
            self._rows.append(row)
        if result is not None:
            self._results.append(result)
            self._undelivered += 1
        self._something.set()

    def put_resume(self, mark: str | None) -> None:
        """Have it written with the next commit from where the next run may begin; None for the beginning."""
        self._resume, self._has_resume = mark, True
        self._something.set()

    async def commit(self) -> None:
        """Wait until everything that has been put is committed."""
        event = self._committed if self._rows else self._under_way
        if event is not None:
            await event.wait()

    async def keep_up(self) -> None:
        """Wait while more than `MOST_UNDELIVERED` results have not been taken."""
        while self._undelivered > MOST_UNDELIVERED:
            await self._delivered.wait()

    def end(self) -> None:
        """Let `run` and `run_delivery` return when everything is written and delivered."""
        self._ending = True
        self._something.set()

    async def run(self) -> None:
        """Write until `end`. When cancelled, what has been put is still committed.

        Raises:
            JournalError: the journal cannot be written.
        """
        last = -math.inf
        try:
            while not self._ending or self._rows or self._undelivered or self._has_resume:
                await self._something.wait()
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
