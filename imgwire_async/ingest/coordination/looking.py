"""Looking at named files before the survey, without waiting for a disk that hangs."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from imgwire_async.core.concurrency.threads import in_thread
from imgwire_async.core.time import Time
from imgwire_async.errors import DeadlineExceededError, UploadSourceError
from imgwire_async.ingest.items import Entry
from imgwire_async.ingest.shards.preparing import stamp_of


async def looked_at(entries: Sequence[Entry], limit: float, time: Time) -> list[Entry]:
    """The entries with the stamps of their files. The thread is left behind when this is cancelled.

    Args:
        entries: of any kind; only those of files that the source has not looked at are looked at.
        limit: seconds that looking at one file may take; math.inf: any.
        time: clock of the client.

    Returns:
        The entries in their order. One that took too long has a problem; one that cannot be looked at is left
        as it is, for the survey to find out.
    """
    if not any(_is_unknown(entry) for entry in entries):
        return list(entries)
    looked: list[Entry] = []
    while len(looked) < len(entries):
        visit = _Visit(entries[len(looked) :])
        try:
            with time.move_on_after(limit):
                await in_thread(visit.run, abandon_on_cancel=True)
        finally:
            found = visit.end()
        if not found:
            # The first one had all the time. Any other one gets as much in the next visit.
            entry = visit.entries[0]
            problem = DeadlineExceededError(f"{entry.key!r} could not be looked at within {limit:g} s")
            found = [replace(entry, problem=problem)]
        looked += found
    return looked


def _is_unknown(entry: Entry) -> bool:
    item = entry.item
    if item is None or entry.problem is not None or entry.stamp is not None:
        return False
    return not item.is_url and not isinstance(item.source, bytes)


@dataclass(slots=True)
class _Visit:
    """What one thread does."""

    entries: Sequence[Entry]
    _found: list[Entry] = field(default_factory=list)
    _ended: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        for entry in self.entries:
            looked = entry
            if entry.item is not None and _is_unknown(entry):
                try:
                    looked = replace(entry, stamp=stamp_of(entry.item))
                except UploadSourceError:
                    looked = entry
            with self._lock:
                if self._ended:
                    return
                self._found.append(looked)

    def end(self) -> list[Entry]:
        with self._lock:
            self._ended = True
            return self._found
