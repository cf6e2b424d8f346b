"""Cutting a job into shards."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from imgwire_async.ingest.options import GROUP
from imgwire_async.ingest.shards.preparing import Task
from imgwire_async.ingest.shards.shard import Shard

SHARD: Final = 128
"""Items per shard: few enough that processes finish at about the same time, many enough to keep the
overhead low."""
SHARD_BYTES: Final = 4 * 1024 * 1024
"""Maximum total size of the in-memory items in a shard, which are sent along with it."""


class Cutter:
    """Cuts and numbers the shards of one job.

    Args:
        processes: how many processes run them.
        most_bytes: maximum total size of the in-memory items in one shard.
    """

    def __init__(self, processes: int, most_bytes: int = SHARD_BYTES) -> None:
        self._most_bytes = most_bytes
        self._processes = processes
        self._count = 0

    def cut(self, tasks: list[Task]) -> Iterator[Shard]:
        """Cut items into shards; even a few items are spread over the processes."""
        most = min(SHARD, max(GROUP, math.ceil(len(tasks) / self._processes)))
        part: list[Task] = []
        carried = 0
        for task in tasks:
            size = len(task.item.source) if isinstance(task.item.source, bytes) else 0
            if part and (len(part) == most or carried + size > self._most_bytes):
                yield self._shard(part)
                part, carried = [], 0
            part.append(task)
            carried += size
        if part:
            yield self._shard(part)

    def _shard(self, tasks: list[Task]) -> Shard:
        self._count += 1
        return Shard(self._count, tasks)
