"""Live statistics of a bulk job, and its report."""

from __future__ import annotations

import json
import os
import random
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from imgwire_async.core.values.pickles import reads_older_pickles
from imgwire_async.core.values.redaction import without_query
from imgwire_async.ingest.coordination.health import cause_of
from imgwire_async.ingest.items import IngestItem, is_url, storable
from imgwire_async.ingest.results.outcomes import AlreadyStored, Failed, Outcome, Skipped, SkipReason, Stored
from imgwire_async.ingest.results.outputs import (
    REPORTS,
    Taken,
    check_free,
    extension_of,
    write_table,
    write_text,
)
from imgwire_async.ingest.results.page import page_of
from imgwire_async.ingest.results.timeline import Interval, Timeline
from imgwire_async.ingest.results.wording import in_words
from imgwire_async.stores.uris import is_object

_SAMPLES: Final = 10_000
_EXAMPLES: Final = 5
_MOST_CAUSES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A bulk job at one moment."""

    found: int
    """Items read from the source so far."""
    all_found: bool
    """Whether the source is exhausted, so that `found` is the total."""
    stored: int
    already_stored: int
    skipped: int
    failed: int
    bytes_sent: int
    """Bytes of the items that this run has stored."""
    in_flight: int
    """Items being sent or waiting for a permit."""
    retries: int
    """Attempts after an item's first one."""
    throttled: int
    """How often the service asked to slow down."""
    seconds: float
    """Since the run began."""
    paused: str | None
    """Why sending is currently paused, or None."""

    @property
    def done(self) -> int:
        """Items that have an outcome."""
        return self.stored + self.already_stored + self.skipped + self.failed

    @property
    def rate(self) -> float:
        """Items stored per second."""
        return self.stored / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds left; None while the total is unknown or nothing has been done."""
        if not self.all_found or not self.done or self.seconds <= 0:
            return None
        return (self.found - self.done) * self.seconds / self.done


@reads_older_pickles
@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failures of one kind."""

    cause: str
    """Class of the error, with status and `error_type` if it has them."""
    count: int
    examples: tuple[str, ...]
    """A few examples, each with key and message."""
    files: tuple[str | None, ...] = ()
    """The local files of these examples; None where there is no local file."""

    @property
    def in_words(self) -> str:
        """The cause in words, such as `too large for the service (413)`."""
        return in_words(self.cause)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The report of one run of a job."""

    job: str
    """Name of the job, part of its idempotency keys."""
    journal: str
    """Absolute path of the journal; empty if the job has none."""
    stopped: str | None
    """Why the run ended early, or None. The job can be resumed."""
    dry_run: bool
    found: int
    stored: int
    already_stored: int
    changed: int
    """How many stored items have changed since they were stored, see `AlreadyStored.changed`."""
    skipped: int
    failed: int
    skipped_by_reason: Mapping[str, int]
    bytes_sent: int
    planned_bytes: int
    """Bytes that a dry run would have sent."""
    seconds: float
    items_per_second: float
    bytes_per_second: float
    retries: int
    throttled: int
    item_seconds: Mapping[str, float]
    """Percentiles (`p50`, `p90`, `p99`, `max`) of the seconds from an item's first request to its outcome;
    from a sample if there are more than 10,000."""
    failures: tuple[FailureGroup, ...]
    """Most frequent first."""
    limits: tuple[str, ...] = ()
    """Limits that this process or machine puts on the job, such as the number of open files."""
    unlisted: str | None = None
    """Where the list that `write_failures` wrote ends before the source does, and why. None if it is complete
    or none was written."""
    timeline: tuple[Interval, ...] = ()
    """Outcomes over time, in at most 240 intervals of equal length (the last one may be shorter)."""

    @property
    def not_tried(self) -> int:
        """How many items were found but have no outcome because the run ended early."""
        return self.found - self.stored - self.already_stored - self.skipped - self.failed

    @property
    def complete(self) -> bool:
        """Whether all items from the source are stored or were rightly skipped."""
        return self.stopped is None and not self.failed

    def __str__(self) -> str:
        counts = (
            (self.already_stored, "already stored"),
            (self.skipped, "skipped"),
            (self.failed, "failed"),
            (self.not_tried, "not tried"),
        )
        named = [f"{self.stored} stored", *(f"{count} {name}" for count, name in counts if count)]
        rates = (
            f"{self.bytes_sent / 1e6:.1f} MB in {self.seconds:.1f} s: {self.items_per_second:.1f} items/s, "
            f"{self.bytes_per_second / 1e6:.2f} MB/s"
        )
        extra = ((self.retries, "retries"), (self.throttled, "throttled"))
        lines = [
            f"{', '.join(named)} of {self.found}",
            "; ".join([rates, *(f"{count} {name}" for count, name in extra if count)]),
        ]
        if self.journal:
            lines.append(f"journal: {_in_one_line(self.journal)}")
        if self.changed:
            lines.append(
                f"{self.changed} stored items have changed in content or parameters and were left untouched; "
                "see on_change"
            )
        if self.dry_run:
            planned = self.skipped_by_reason.get(SkipReason.DRY_RUN, 0)
            lines.append(f"dry run: {planned} items with {self.planned_bytes / 1e6:.1f} MB would be stored")
        lines += [f"limit: {limit}" for limit in self.limits]
        if self.stopped is not None:
            lines.append(f"stopped early: {self.stopped}")
        if self.unlisted is not None:
            lines.append(f"the list of failed and untried items is incomplete; {self.unlisted}")
        for group in self.failures:
            lines.append(f"{group.count} × {group.in_words}")
            lines += [f"    {_in_one_line(example)}" for example in group.examples]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-compatible data, without the local paths of the failed examples."""
        facts = asdict(self)
        for group in facts["failures"]:
            del group["files"]
        return facts

    def write(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the report: as an HTML page (.html), as JSON (.json), or as a table (.csv, .parquet). Blocks.

        The page has a plot of the items per second and, if pyvips is installed, thumbnails of local files
        that failed. It needs no network access. A table has columns for names and values.

        Args:
            path: a file, or an object such as `s3://bucket/report.json` (extra `cloud`). It appears only when
                it is complete.
            overwrite: whether to replace an existing object. An existing file is always replaced, atomically.

        Raises:
            InvalidArgumentError: the extension is not supported, or the file is the journal.
            ConfigurationError: Parquet needs the `parquet` extra.
            OSError: the file cannot be written; an existing one is unchanged.
            StoreError: the object cannot be written, or exists.
        """
        check_free(path, Taken(journal=self.journal or None))
        extension = extension_of(path, REPORTS)
        if extension == ".html":
            write_text(path, page_of(self), overwrite=overwrite)
            return
        facts = self.to_dict()
        if extension == ".json":
            write_text(path, (json.dumps(facts, indent=2),), overwrite=overwrite)
            return
        del facts["timeline"]
        write_table(
            path,
            ("name", "value"),
            ({"name": name, "value": str(value)} for name, value in _flat("", facts)),
            overwrite=overwrite,
        )


def _flat(prefix: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _flat(f"{prefix}.{name}" if prefix else str(name), part)
    elif isinstance(value, list | tuple):
        for number, part in enumerate(value):
            yield from _flat(f"{prefix}.{number}", part)
    else:
        yield prefix, "" if value is None else value


@dataclass(slots=True)
class Tally:
    """Counts outcomes in constant memory."""

    rng: random.Random
    stored: int = 0
    already_stored: int = 0
    changed: int = 0
    skipped: int = 0
    failed: int = 0
    bytes_sent: int = 0
    planned_bytes: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    groups: dict[str, FailureGroup] = field(default_factory=dict)
    timeline: Timeline = field(default_factory=Timeline)

    def count(self, outcome: Outcome, seconds: float) -> None:
        """Count one outcome, this many seconds after the start of the run."""
        match outcome:
            case Stored():
                self.timeline.add(seconds, stored=1, size=outcome.size)
                self.stored += 1
                self.bytes_sent += outcome.size
                self._sample(outcome.seconds)
            case AlreadyStored():
                self.already_stored += 1
                self.changed += outcome.changed is not None
            case Skipped():
                self.skipped += 1
                self.reasons[outcome.reason] = self.reasons.get(outcome.reason, 0) + 1
                if outcome.reason is SkipReason.DRY_RUN:
                    self.planned_bytes += outcome.size
            case Failed():
                self.timeline.add(seconds, failed=1)
                self.failed += 1
                self._group(outcome)

    def percentiles(self) -> dict[str, float]:
        """Percentiles of the seconds per stored item; empty if none was stored."""
        if len(self.seconds) < 2:
            return {"p50": self.seconds[0], "max": self.seconds[0]} if self.seconds else {}
        cuts = statistics.quantiles(self.seconds, n=100, method="inclusive")
        named = {"p50": cuts[49], "p90": cuts[89], "p99": cuts[98], "max": max(self.seconds)}
        return {name: round(value, 4) for name, value in named.items()}

    def failures(self) -> tuple[FailureGroup, ...]:
        """Most frequent first."""
        return tuple(sorted(self.groups.values(), key=lambda group: -group.count))

    def _sample(self, seconds: float) -> None:
        if len(self.seconds) < _SAMPLES:
            self.seconds.append(seconds)
        elif (place := self.rng.randrange(self.stored)) < _SAMPLES:
            self.seconds[place] = seconds

    def _group(self, outcome: Failed) -> None:
        cause = cause_of(outcome.error)
        if cause not in self.groups and len(self.groups) >= _MOST_CAUSES:
            cause = "other"
        group = self.groups.get(cause, FailureGroup(cause, 0, ()))
        examples, files = group.examples, group.files
        if len(examples) < _EXAMPLES:
            key, problem = _shown(outcome.key), str(outcome.error)
            named = key in problem or repr(key)[1:-1] in problem
            examples = (*examples, storable((problem if named else f"{key}: {problem}")[:300]))
            files = (*files, _local_file(outcome.item))
        self.groups[cause] = FailureGroup(cause, group.count + 1, examples, files)


def _local_file(item: IngestItem | None) -> str | None:
    source = None if item is None else item.source
    if not isinstance(source, str | os.PathLike):
        return None
    name = os.fsdecode(source)
    if is_url(name) or is_object(name):
        return None
    return str(Path(name).absolute())


def _in_one_line(text: str) -> str:
    """`text` with control characters escaped; file names can contain line ends, for example."""
    return "".join(part if part.isprintable() else repr(part)[1:-1] for part in text)


def _shown(key: str) -> str:
    """A key without passwords and signatures of URLs, because reports are shared."""
    return without_query(key) if is_url(key) else key
