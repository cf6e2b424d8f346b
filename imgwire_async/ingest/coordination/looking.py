"""Reading the stamps of named files and objects before the survey, without waiting for a disk that hangs."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from imgwire_async.core.concurrency.threads import in_thread
from imgwire_async.core.time import Time
from imgwire_async.errors import DeadlineExceededError, UploadSourceError
from imgwire_async.ingest.items import Entry
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.ingest.journal.rows import DONE
from imgwire_async.ingest.shards.objects import ObjectReader
from imgwire_async.ingest.shards.preparing import stamp_of


async def looked_at(
    entries: list[Entry], reader: ObjectReader, journal: Journal, *, limit: float, time: Time, every: bool
) -> list[Entry]:
    """Add the stamps of files and objects to their entries. On cancellation, a thread is abandoned.

    Args:
        entries: entries of any kind; only files and objects without a stamp from the source are checked.
        reader: makes the requests to the stores.
        journal: records which objects an earlier run has stored. All others are read anyway.
        limit: seconds that checking one file may take; math.inf for no limit.
        time: clock of the client.
        every: whether to request the stamps of all objects, not only of those that may be stored already.

    Returns:
        The entries in the same order. One that took too long has a problem; one that cannot be accessed is
            unchanged, and the survey reports it.
    """
    named = [
        entry.item
        for entry in entries
        if entry.stamp is None and entry.problem is None and entry.item is not None and not entry.item.is_url
    ]
    if any(not (item.is_object or isinstance(item.source, bytes)) for item in named):
        entries = await _files_looked_at(entries, limit, time)
    if any(item.is_object for item in named):
        entries = await _objects_looked_at(entries, reader, journal, every=every)
    return entries


async def _files_looked_at(entries: Sequence[Entry], limit: float, time: Time) -> list[Entry]:
    looked: list[Entry] = []
    while len(looked) < len(entries):
        visit = _Visit(entries[len(looked) :])
        try:
            with time.move_on_after(limit):
                await in_thread(visit.run, abandon_on_cancel=True)
        finally:
            found = visit.end()
        if not found:
            # The first one used up its time. The others get a full limit in the next visit.
            entry = visit.entries[0]
            problem = DeadlineExceededError(f"{entry.key!r} could not be inspected within {limit:g} s")
            found = [replace(entry, problem=problem)]
        looked += found
    return looked


def _is_unknown(entry: Entry) -> bool:
    item = entry.item
    if item is None or entry.problem is not None or entry.stamp is not None:
        return False
    return not (item.is_url or item.is_object or isinstance(item.source, bytes))


async def _objects_looked_at(
    entries: list[Entry], reader: ObjectReader, journal: Journal, *, every: bool
) -> list[Entry]:
    unknown = [
        number
        for number, entry in enumerate(entries)
        if entry.item is not None and entry.item.is_object and entry.problem is None and entry.stamp is None
    ]
    if unknown and not every:
        keys = [entries[number].key for number in unknown]
        rows = await in_thread(lambda: journal.find(keys))
        done = {key for key, row in rows.items() if row.state in DONE}
        unknown = [number for number in unknown if entries[number].key in done]
    looked = list(entries)
    for number, entry in zip(unknown, await reader.look_at([entries[at] for at in unknown]), strict=True):
        looked[number] = entry
    return looked


@dataclass(slots=True)
class _Visit:
    """The work of one thread."""

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
