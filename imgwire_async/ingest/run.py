"""A bulk job while it runs, apart from the object that its caller holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread

from imgwire_async.core.concurrency.tasks import Handover
from imgwire_async.core.time import Time
from imgwire_async.errors import ImgwireError, JournalError
from imgwire_async.ingest.coordination.coordinator import Coordinator
from imgwire_async.ingest.journal.binding import Binding
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.ingest.results.outcomes import Outcome
from imgwire_async.ingest.runners.ray_runner import say_if_slow
from imgwire_async.ingest.runners.runner import Runner

if TYPE_CHECKING:
    from imgwire_async.ingest.runners.ray_link import RayCluster


class Run:
    """A running job. Holds no reference to the `IngestJob`, so that can be garbage-collected."""

    def __init__(
        self,
        coordinator: Coordinator,
        runner: Runner,
        journal: Journal,
        outcomes: Handover[list[Outcome]],
        time: Time,
        binding: Binding | None,
        at_end: Callable[[], Awaitable[None]],
        cluster: RayCluster | None,
    ) -> None:
        self._cluster = cluster
        self._coordinator = coordinator
        self._runner = runner
        self._journal = journal
        self._outcomes = outcomes
        self._time = time
        self._binding = binding
        self._at_end = at_end
        self._began, self._ended = time.monotonic(), 0.0
        self.finished = False
        """Whether the coordinator has finished."""

    @property
    def seconds(self) -> float:
        """How long the job has run."""
        return (self._ended or self._time.monotonic()) - self._began

    async def work(self) -> None:
        """Run the job, and then keep the journal open until cancelled."""
        try:
            try:
                await self._coordinator.run()
            finally:
                self._ended = self._time.monotonic()
                await self._finish()
            self.finished = True
            self._outcomes.end()
            await anyio.sleep_forever()
        finally:
            await _in_thread_in_any_case(self._close)

    async def _finish(self) -> None:
        with anyio.CancelScope(shield=True):
            try:
                await self._at_end()
            except (ImgwireError, OSError) as error:
                self._coordinator.failure = self._coordinator.failure or error

    def _close(self) -> None:
        pace, binding = self._runner.ceilings(), self._binding
        if binding is not None:
            binding = binding.seen_in(self._coordinator.area)
        # A journal that cannot be written has already been reported; these records are only hints.
        with suppress(JournalError):
            if pace and not self._coordinator.dry_run:
                self._journal.keep_pace(pace)
            if binding is not None and binding.to_json() != self._journal.binding:
                self._journal.keep_binding(binding.to_json())
        self._journal.close()
        if self._cluster is not None:
            say_if_slow(pace.values())
            self._cluster.leave()


async def _in_thread_in_any_case(function: Callable[[], None]) -> None:
    """Call a function in a thread, and wait for it even if the task is cancelled."""
    with anyio.CancelScope(shield=True):
        await to_thread.run_sync(function)
