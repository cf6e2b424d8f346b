"""What a migration has done or would do: the report of its job, and what is specific to assets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from imgwire_async.core.pace.limits import RateLimit
from imgwire_async.ingest.results.outcomes import AlreadyStored, Outcome, Skipped, SkipReason, Stored
from imgwire_async.ingest.results.report import Report
from imgwire_async.migrate.asset_items import AssetItem

_UNKNOWN: Final = "unknown type"
_EXAMPLES: Final = 5


@dataclass(frozen=True, slots=True)
class TypeCount:
    """The assets of one type."""

    count: int
    size: int
    """Bytes, as far as imgix knows them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationReport(Report):
    """The report of one run of a migration; for a dry run, what it would do."""

    types: Mapping[str, TypeCount]
    """All assets by MIME type."""
    skipped_types: Mapping[str, int]
    """Those of them that Imgwire does not store, such as videos."""
    metadata_lost: Mapping[str, int]
    """How many assets have a value in a field that is not transferred, by field."""
    hours_at_limits: float
    """How long all of this takes at least at the limits that are known: imgix's published one for lists, and
    those that the Imgwire client was given. Imgwire publishes none."""
    incomplete_lists: tuple[str, ...]
    """Sources whose list ended where imgix stops counting: assets may be missing. List them in parts, with
    `filters=` and the same journal."""
    different_size: tuple[str, ...]
    """Some assets whose image has another size in bytes than imgix knows: the origin has another file by now,
    or imgix has served a replacement for a missing one."""

    def __str__(self) -> str:
        return "\n".join([Report.__str__(self), *self._lines()])

    def _lines(self) -> Iterator[str]:
        for name, count in sorted(self.types.items(), key=lambda item: -item[1].count):
            skipped = f", {self.skipped_types[name]} skipped" if name in self.skipped_types else ""
            yield f"{count.count} × {name}: {count.size / 1e6:.1f} MB{skipped}"
        for name, lost in sorted(self.metadata_lost.items(), key=lambda item: -item[1]):
            yield f"not carried over: {name} of {lost} assets"
        if self.dry_run:
            yield (
                f"at least {self.hours_at_limits:.2f} hours at the known limits; Imgwire publishes none, so "
                "it may take longer"
            )
        for source_id in self.incomplete_lists:
            yield (
                f"the list of source {source_id} ended where imgix stops counting, so assets may be missing: "
                "run again with filters that list it in parts, and the same journal"
            )
        for example in self.different_size:
            yield f"another size than at imgix: {example}"


@dataclass(slots=True)
class Census:
    """Counts assets over the outcomes of a job; memory does not grow with their number."""

    counts: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    to_store: int = 0
    planned_bytes: int = 0
    different: list[str] = field(default_factory=list)

    def count(self, outcome: Outcome) -> None:
        """Take one more outcome into account."""
        item = outcome.item
        if not isinstance(item, AssetItem) or item.asset is None:
            return
        reason = outcome.reason if isinstance(outcome, Skipped) else None
        if reason is SkipReason.NAMED_TWICE:
            return
        asset = item.asset
        name, size = asset.content_type or _UNKNOWN, asset.file_size or 0
        self.counts[name] = self.counts.get(name, 0) + 1
        self.sizes[name] = self.sizes.get(name, 0) + size
        if reason is SkipReason.UNSUPPORTED_TYPE:
            self.skipped[name] = self.skipped.get(name, 0) + 1
            return
        for lost in item.lost:
            self.lost[lost] = self.lost.get(lost, 0) + 1
        if reason is SkipReason.DRY_RUN:
            self.planned_bytes += size
        if not isinstance(outcome, AlreadyStored):
            self.to_store += 1
        if isinstance(outcome, Stored) and size and len(self.different) < _EXAMPLES:
            stored = outcome.image.size_bytes
            if stored not in {0, size}:
                self.different.append(f"{outcome.key}: {stored} instead of {size} bytes")

    def types(self) -> dict[str, TypeCount]:
        """All of them by MIME type."""
        return {name: TypeCount(count, self.sizes[name]) for name, count in self.counts.items()}


def hours_at(pages: int, images: int, list_limit: RateLimit | None, store_limit: RateLimit | None) -> float:
    """The hours that lists and images take at least; they go on at the same time."""
    listing = 0.0 if list_limit is None else pages / list_limit.rate
    storing = 0.0 if store_limit is None else images / store_limit.rate
    return round(max(listing, storing) / 3600, 4)
