"""What a running job is made of.

Loading all of it takes longer than an event loop may stand still. A job therefore loads it in a thread on
entering, and none of it before.
"""

from __future__ import annotations

from imgwire_async.ingest.coordination.coordinator import Coordinator
from imgwire_async.ingest.coordination.leftovers import Rest, failures, not_tried
from imgwire_async.ingest.journal.binding import bind, check_key, check_source_key, shown
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.ingest.journal.path import journal_path
from imgwire_async.ingest.journal.rows import State
from imgwire_async.ingest.results.outputs import (
    BESIDE_A_JOURNAL,
    LISTS,
    TABLES,
    Taken,
    check_free,
    check_writable,
    extension_of,
    write_table,
    write_text,
)
from imgwire_async.ingest.results.report import Progress, Report, Tally
from imgwire_async.ingest.run import Run
from imgwire_async.ingest.runners.pipes import PipeLink
from imgwire_async.ingest.runners.pool import WorkerPool
from imgwire_async.ingest.runners.ray_runner import SHARD_BYTES as CLUSTER_SHARD_BYTES
from imgwire_async.ingest.runners.ray_runner import Carried, check_event_loop, say_if_by_url, say_if_slow
from imgwire_async.ingest.shards.cutting import SHARD_BYTES
from imgwire_async.ingest.shards.sending import Sender, with_pace_of_its_own
from imgwire_async.ingest.shards.shard import Workbench
from imgwire_async.ingest.sources.entries import identity_of, open_source
from imgwire_async.ingest.sources.own_files import OwnFiles

__all__ = [
    "BESIDE_A_JOURNAL",
    "CLUSTER_SHARD_BYTES",
    "LISTS",
    "SHARD_BYTES",
    "TABLES",
    "Carried",
    "Coordinator",
    "Journal",
    "OwnFiles",
    "PipeLink",
    "Progress",
    "Report",
    "Rest",
    "Run",
    "Sender",
    "State",
    "Taken",
    "Tally",
    "Workbench",
    "WorkerPool",
    "bind",
    "check_event_loop",
    "check_free",
    "check_key",
    "check_source_key",
    "check_writable",
    "extension_of",
    "failures",
    "identity_of",
    "journal_path",
    "not_tried",
    "open_source",
    "say_if_by_url",
    "say_if_slow",
    "shown",
    "with_pace_of_its_own",
    "write_table",
    "write_text",
]
