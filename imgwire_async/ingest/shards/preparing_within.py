"""Preparing items in threads, without waiting for a disk that hangs."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import Final

from anyio import CapacityLimiter

from imgwire_async.core.concurrency.threads import in_thread
from imgwire_async.core.time import Time
from imgwire_async.errors import DeadlineExceededError, ImgwireError
from imgwire_async.ingest.shards.preparing import Task, prepare

_THREADS: Final = 32
"""Threads that read items, including abandoned ones with a file that hangs. The journal uses others."""


class Preparation:
    """The settings for preparing the items of a job.

    Args:
        job: name of the job.
        recreate: whether changed parameters create a new image.
        limit: seconds that reading one item may take; math.inf for no limit.
        time: clock of the client.
    """

    def __init__(self, job: str, *, recreate: bool, limit: float, time: Time) -> None:
        self.job = job
        self.recreate = recreate
        self.limit = limit
        self.time = time
        self.threads = CapacityLimiter(_THREADS)


async def prepare_all(group: list[Task], preparation: Preparation) -> list[ImgwireError | None]:
    """Prepare a group of items in a thread. On cancellation, the thread is abandoned.

    Returns:
        The error of each item, or None. Taking too long to read is an error as well. An object whose content
        broke off has a `StoreError`.
    """
    problems: list[ImgwireError | None] = []
    while len(problems) < len(group):
        visit = _Visit(group[len(problems) :], preparation)
        try:
            with preparation.time.move_on_after(preparation.limit):
                await in_thread(visit.run, limiter=preparation.threads, abandon_on_cancel=True)
        finally:
            found = visit.end()
        if not found:
            # The first item used up its time. The others get a full limit in the next visit.
            task = visit.tasks[0]
            found = [DeadlineExceededError(f"{task.key!r} could not be read within {preparation.limit:g} s")]
        problems += found
    return problems


@dataclass(slots=True)
class _Visit:
    """The work of one thread. It touches no item after `end`."""

    tasks: list[Task]
    preparation: Preparation
    _found: list[ImgwireError | None] = field(default_factory=list)
    _ended: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        for task in self.tasks:
            copy = replace(task)
            problem = prepare(copy, self.preparation.job, recreate=self.preparation.recreate)
            with self._lock:
                if self._ended:
                    return
                task.take(copy.prepared)
                task.content, task.read_content = copy.content, None
                self._found.append(problem)

    def end(self) -> list[ImgwireError | None]:
        with self._lock:
            self._ended = True
            return self._found
