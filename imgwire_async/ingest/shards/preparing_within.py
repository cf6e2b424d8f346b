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
"""Threads that read items, including those left behind with a file that hangs. The journal has others."""


class Preparation:
    """How the items of a job are prepared.

    Args:
        job: name of the job.
        recreate: whether other parameters make another image.
        limit: seconds that reading one item may take; math.inf: any.
        time: clock of the client.
    """

    def __init__(self, job: str, *, recreate: bool, limit: float, time: Time) -> None:
        self.job = job
        self.recreate = recreate
        self.limit = limit
        self.time = time
        self.threads = CapacityLimiter(_THREADS)


async def prepare_all(group: list[Task], preparation: Preparation) -> list[ImgwireError | None]:
    """Prepare a group of items in a thread. The thread is left behind when this is cancelled.

    Returns:
        For each item what is wrong with it, also that reading it took too long.
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
            # The first item had all the time. Any other one gets as much in the next visit.
            task = visit.tasks[0]
            found = [DeadlineExceededError(f"{task.key!r} could not be read within {preparation.limit:g} s")]
        problems += found
    return problems


@dataclass(slots=True)
class _Visit:
    """What one thread does. It touches no item after `end`."""

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
                task.content = copy.content
                self._found.append(problem)

    def end(self) -> list[ImgwireError | None]:
        with self._lock:
            self._ended = True
            return self._found
