"""The job's side of one worker: responds to its calls, tracks its items, and detects its end or silence."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import anyio
from anyio.abc import TaskGroup

from imgwire_async.core.pace.controller import Lease
from imgwire_async.core.pace.local_limits import say_once
from imgwire_async.core.values.redaction import Secret
from imgwire_async.errors import ConfigurationError, ImgwireError, InvalidArgumentError
from imgwire_async.ingest.coordination.coordinator import Coordinator
from imgwire_async.ingest.options import Share
from imgwire_async.ingest.runners.channel import Channel
from imgwire_async.ingest.runners.dealing import Part
from imgwire_async.ingest.runners.link import Ending, WorkerLink
from imgwire_async.ingest.runners.versions import check_greeting
from imgwire_async.ingest.runners.worker_side import AT_ONCE, BEAT_SECONDS
from imgwire_async.ingest.shards.preparing import Prepared, Task
from imgwire_async.ingest.shards.shard import Setup, Shard
from imgwire_async.ingest.sink import StoredImage

if TYPE_CHECKING:
    from imgwire_async.ingest.runners.pool import WorkerPool

SILENCE: Final = 30.0
"""A running worker that sends nothing for this many seconds is considered lost: frozen, or cut off."""
START_SECONDS: Final = 120.0
"""The same limit before its first message, while it imports its modules."""

HAND_OVER_SECONDS: Final = 1.0
"""If a worker takes longer to start, its first items go to free workers."""


class AttendedWorker:
    """One worker, from its start to its end.

    Args:
        pool: the pool that the worker belongs to.
        job: provides the shards, and records the results of the items.
        setup: everything the worker needs to start, apart from its share of the limits.
        first: its first shard.
        link: the link to the worker, not started.
    """

    def __init__(
        self, pool: WorkerPool, job: Coordinator, setup: Setup, first: Shard, link: WorkerLink
    ) -> None:
        self._pool = pool
        self._job = job
        self._setup = setup
        self._first: Shard | None = first
        self.link = link
        self.unfinished = {task.key: task for task in first.tasks}
        self.in_flight = 0
        self.waiting_for: str | None = None
        self.probing = False
        self.has_stored = False
        self.leased: dict[str, int] = {}
        """Generation of its last lease."""
        self.mismatch: ConfigurationError | None = None
        """Set if its versions differ from the job's, or it cannot be started where it should."""
        self.where = "not started"
        """The process and the machine that it runs on, as reported by the worker."""
        self.has_begun = False
        self.silence = SILENCE
        """After this many seconds without a message it is considered lost."""
        self._heard = False
        self._part: Part | None = None
        self._serving: TaskGroup | None = None
        self._time = pool.core.shared.time
        self.channel = Channel(
            tells={
                "stored": self._stored,
                "refused": self._refused,
                "in_flight": self._count_in_flight,
                "waiting_for": self._note_waiting,
                "said": say_once,
                "beat": self._hear,
                "report": self._report,
                "give_back": self._give_back,
                "closed": self._closed,
            },
            calls={
                "greet": self._begin,
                "next_shard": self._next_shard,
                "key": self._key,
                "admit": self._admit,
                "failed": self._failed,
                "lease": self._lease,
                "credential": self._credential,
            },
            gather=link.gather_seconds,
            at_once=AT_ONCE,
        )

    async def run(self) -> Ending:
        """Run the worker until it ends. Later messages from it are ignored."""
        is_silent = False
        ending: Ending | None = None
        self._part = self._pool.dealer.join()
        async with anyio.create_task_group() as tasks:
            try:
                with suppress(OSError):
                    await self._start(tasks)
                    is_silent = await self._serve()
                if not is_silent:
                    ending = await self.link.ended()
            except ConfigurationError as error:
                self.mismatch = error
                ending = Ending("before it began", is_failure=False)
            finally:
                with anyio.CancelScope(shield=True):
                    await self.link.kill()
                self._leave()
                tasks.cancel_scope.cancel()
        return ending or Ending(f"after it had said nothing for {self._longest_silence:g} s")

    async def _start(self, tasks: TaskGroup) -> None:
        """Start the worker. If that takes long, its first items and its share go to other workers.

        Raises:
            OSError: it cannot be started, or the job ends before it has started.
            ConfigurationError: it can never be started.
        """
        problem: Exception | None = OSError()
        async with anyio.create_task_group() as meanwhile:
            meanwhile.start_soon(self._hand_over)
            meanwhile.start_soon(self._leave_when_over, meanwhile.cancel_scope)
            try:
                await self.link.start(tasks)
                problem = None
            except (OSError, ConfigurationError) as error:
                problem = error
            meanwhile.cancel_scope.cancel()
        if problem is not None:
            raise problem

    async def _leave_when_over(self, scope: anyio.CancelScope) -> None:
        await self._pool.over.wait()
        scope.cancel()

    async def _hand_over(self) -> None:
        with self._time.move_on_after(HAND_OVER_SECONDS):
            await anyio.sleep_forever()
        self._leave()
        if self._first is not None:
            self._first = None
            tasks = list(self.unfinished.values())
            self.unfinished.clear()
            self._job.take_back(tasks)

    async def _serve(self) -> bool:
        """Serve the worker until it ends or falls silent. Returns whether it fell silent."""
        is_silent = False
        async with anyio.create_task_group() as tasks:
            self._serving = tasks

            async def watch() -> None:
                nonlocal is_silent
                await self._fall_silent()
                is_silent = True
                tasks.cancel_scope.cancel()

            tasks.start_soon(self.channel.send_to, self.link.send)
            tasks.start_soon(watch)
            try:
                with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                    while self.mismatch is None:
                        data = await self.link.receive(will_send=self.channel.will_send)
                        self._heard = True
                        self.channel.feed(data, tasks)
            finally:
                self._serving = None
            tasks.cancel_scope.cancel()
        return is_silent

    @property
    def _longest_silence(self) -> float:
        return self.silence if self.has_begun else START_SECONDS

    async def _fall_silent(self) -> None:
        """Return once the worker has been silent for too long.

        Counts checks instead of seconds, because a job that was frozen itself has not listened.
        """
        silent = 0
        while silent < math.ceil(self._longest_silence / BEAT_SECONDS):
            self.channel.tell("beat")
            self._heard = False
            with self._time.move_on_after(BEAT_SECONDS):
                await anyio.sleep_forever()
            silent = 0 if self._heard else silent + 1

    def _hear(self) -> None:
        """Do nothing: any message shows that the worker is alive."""

    async def _begin(self, said: dict[str, str | int]) -> Setup:
        try:
            check_greeting(said)
        except ConfigurationError as error:
            self.mismatch = error
            raise
        self.has_begun, self.where = True, str(said["where"])
        dealer = self._pool.dealer
        self._part = self._part or dealer.join()
        return replace(self._setup, share=await dealer.begin(self._part, self._tell_share))

    def _leave(self) -> None:
        part, self._part = self._part, None
        if part is not None:
            self._pool.dealer.leave(part)

    def _tell_share(self, share: Share, is_kept_to: Callable[[], None]) -> None:
        if self._serving is not None:  # otherwise it has ended and is about to leave
            self._serving.start_soon(self._share, share, is_kept_to)

    async def _share(self, share: Share, is_kept_to: Callable[[], None]) -> None:
        await self.channel.call("share", share)
        is_kept_to()

    async def _next_shard(self) -> Shard | None:
        shard, self._first = self._first, None
        shard = shard or await self._job.next_shard()
        if shard is None:
            self._pool.over.set()
            return None
        tasks = []
        for task in shard.tasks:
            try:
                tasks.append(replace(task, item=self._pool.portable(task.item)))
            except InvalidArgumentError as error:
                self._job.refused(task, error)
        self._add(shard)
        return Shard(shard.number, tasks)

    def _add(self, shard: Shard) -> None:
        self.unfinished |= {task.key: task for task in shard.tasks if not task.held}

    def _take(self, prepared: Prepared) -> Task | None:
        task = self.unfinished.get(prepared.key)
        if task is not None:
            task.take(prepared)
        return task

    def _drop(self, task: Task) -> None:
        """Forget an item that the job has taken over."""
        if task.held:
            self.unfinished.pop(task.key, None)

    async def _key(self, group: list[Prepared]) -> set[str]:
        tasks = [task for task in map(self._take, group) if task is not None]
        sendable = await self._job.key(tasks)
        for task in tasks:
            self._drop(task)
        return {task.key for task in sendable}

    def _stored(self, key: str, image: StoredImage, seconds: float) -> None:
        self.has_stored = True
        self.probing = False
        if (task := self.unfinished.get(key)) is not None:
            self._job.stored(task, image, seconds)
            self._drop(task)

    def _refused(self, prepared: Prepared, error: ImgwireError) -> None:
        if (task := self._take(prepared)) is not None:
            self._job.refused(task, error)
            self._drop(task)

    async def _admit(self) -> bool:
        probe = await self._job.admit()
        self.probing = self.probing or probe
        return probe

    async def _failed(self, key: str, error: ImgwireError, probe: bool) -> float | None:
        self.probing = self.probing and not probe
        task = self.unfinished.get(key)
        if task is None:
            return None
        delay = await self._job.failed(task, error, probe=probe)
        self._drop(task)
        return delay

    def _count_in_flight(self, count: int) -> None:
        self.in_flight = count

    def _note_waiting(self, what: str | None) -> None:
        self.waiting_for = what

    async def _lease(self, rate_class: str, count: int) -> Lease:
        lease = await self._pool.desks[rate_class].lease(count)
        self.leased[rate_class] = lease.generation
        return lease

    def _report(self, rate_class: str, ok: int, throttled: int, hint: float | None, generation: int) -> None:
        self._pool.desks[rate_class].report(ok, throttled, hint, generation)

    def _give_back(self, rate_class: str, count: int, generation: int) -> None:
        self._pool.desks[rate_class].give_back(count, generation)

    def _closed(self, rate_class: str, seconds: float) -> None:
        self._pool.tell_all("close", rate_class, seconds, but=self)

    async def _credential(self, refused: Secret | None) -> Secret:
        credentials = self._pool.core.credentials
        current = await credentials.current()
        if refused is not None and refused.reveal() == current.reveal():
            await credentials.renew(current)
            current = await credentials.current()
        return current
