"""Metrics of the environment, counted from its real records and deliveries.

Ranges include their start and exclude their end. Buckets start at whole hours, days, weeks (Monday) or months
of the given time zone; those without events are included with zeros.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from imgwire_async.sandbox.imgwire.errors import InvalidRequestError
from imgwire_async.sandbox.imgwire.operations import OPERATIONS
from imgwire_async.sandbox.imgwire.runtime import Runtime, timestamp
from imgwire_async.sandbox.imgwire.schemas import MetricsInterval
from imgwire_async.sandbox.server.routes import Routes

SLOT_SECONDS = 900
"""Deliveries are counted in quarters of an hour, the finest step between time zones."""
MAXIMUM_BUCKETS = 10_000
_DEFAULT_RANGE = {
    MetricsInterval.HOURLY: timedelta(hours=24),
    MetricsInterval.DAILY: timedelta(days=30),
    MetricsInterval.WEEKLY: timedelta(weeks=12),
    MetricsInterval.MONTHLY: timedelta(days=365),
}


def count_delivery(
    runtime: Runtime, *, transfer_bytes: int, transformed: bool = False, cache_hit: bool = False
) -> None:
    """Count one request to the CDN."""
    runtime.database.writer.execute(
        "INSERT INTO deliveries VALUES (?, 1, ?, ?, ?) ON CONFLICT (slot) DO UPDATE SET"
        " requests = requests + 1, transfer_bytes = transfer_bytes + excluded.transfer_bytes,"
        " transformations = transformations + excluded.transformations,"
        " cache_hits = cache_hits + excluded.cache_hits",
        (int(runtime.now() // SLOT_SECONDS) * SLOT_SECONDS, transfer_bytes, transformed, cache_hit),
    )


def router(runtime: Runtime) -> APIRouter:
    """Time series, and totals compared with the period before."""
    routes = Routes(OPERATIONS)

    @routes.operation("metrics.get_datasets")
    async def get_datasets(
        interval: MetricsInterval = MetricsInterval.HOURLY,
        tz: str = "UTC",
        date_start: datetime | None = None,
        date_end: datetime | None = None,
    ) -> Response:
        zone = _zone(tz)
        start, end = _range(runtime, interval, zone, date_start, date_end)
        starts = bucket_starts(start, end, interval, zone)
        return JSONResponse(
            await runtime.database.read(lambda connection: _datasets(connection, starts, start, end))
        )

    @routes.operation("metrics.get_stats")
    async def get_stats(
        interval: MetricsInterval = MetricsInterval.HOURLY,
        tz: str = "UTC",
        date_start: datetime | None = None,
        date_end: datetime | None = None,
    ) -> Response:
        start, end = _range(runtime, interval, _zone(tz), date_start, date_end)
        return JSONResponse(await runtime.database.read(lambda connection: _stats(connection, start, end)))

    return routes


def bucket_starts(start: datetime, end: datetime, interval: MetricsInterval, zone: tzinfo) -> list[float]:
    """The starts of the buckets of a range, in seconds since the epoch, in order.

    Raises:
        InvalidRequestError:, the range has more than 10,000 buckets.
    """
    starts: list[float] = []
    at = _floor(start, interval, zone)
    while at < end:
        if len(starts) == MAXIMUM_BUCKETS:
            raise _invalid("date_start", f"the range has more than {MAXIMUM_BUCKETS} buckets")
        starts.append(at.timestamp())
        at = _following(at, interval, zone)
    return starts


def _floor(moment: datetime, interval: MetricsInterval, zone: tzinfo) -> datetime:
    local = moment.astimezone(zone)
    if interval is MetricsInterval.HOURLY:
        # Subtracting keeps the right one of the two equal hours at the end of summer time.
        past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        return moment.astimezone(UTC) - past
    day = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if interval is MetricsInterval.WEEKLY:
        day -= timedelta(days=day.weekday())
    elif interval is MetricsInterval.MONTHLY:
        day = day.replace(day=1)
    return day.astimezone(UTC)


def _following(start: datetime, interval: MetricsInterval, zone: tzinfo) -> datetime:
    # A step that surely lands inside the next bucket, whose start is then found: days have 23 to 25 hours.
    step = {
        MetricsInterval.HOURLY: timedelta(hours=1),
        MetricsInterval.DAILY: timedelta(hours=36),
        MetricsInterval.WEEKLY: timedelta(days=10),
        MetricsInterval.MONTHLY: timedelta(days=40),
    }[interval]
    return _floor(start + step, interval, zone)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _invalid("tz", f"{name[:64]!r} is not an IANA time zone") from None


def _range(
    runtime: Runtime,
    interval: MetricsInterval,
    zone: tzinfo,
    date_start: datetime | None,
    date_end: datetime | None,
) -> tuple[datetime, datetime]:
    try:
        end = _aware(date_end, zone) if date_end else datetime.fromtimestamp(runtime.now(), UTC)
        start = _aware(date_start, zone) if date_start else end - _DEFAULT_RANGE[interval]
        _ = start - timedelta(days=400), start - (end - start), end + timedelta(days=400)
    except OverflowError:
        raise _invalid("date_end", "the range extends beyond the supported dates") from None
    if start >= end:
        raise _invalid("date_start", "must be before date_end")
    return start, end


def _aware(moment: datetime, zone: tzinfo) -> datetime:
    """Read a date; one without an offset is in the given time zone."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _invalid(parameter: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(("query", parameter), message)


@dataclass(frozen=True, slots=True)
class _Deliveries:
    requests: int = 0
    transfer_bytes: int = 0
    transformations: int = 0
    cache_hits: int = 0

    def __add__(self, other: _Deliveries) -> _Deliveries:
        return _Deliveries(
            self.requests + other.requests,
            self.transfer_bytes + other.transfer_bytes,
            self.transformations + other.transformations,
            self.cache_hits + other.cache_hits,
        )

    @property
    def hit_percent(self) -> int:
        return round(100 * self.cache_hits / self.requests) if self.requests else 0


def _deliveries(connection: sqlite3.Connection, start: float, end: float) -> list[tuple[float, _Deliveries]]:
    rows = connection.execute(
        "SELECT slot, requests, transfer_bytes, transformations, cache_hits FROM deliveries"
        " WHERE slot > ? AND slot < ?",
        (start - SLOT_SECONDS, end),
    )
    return [(float(slot), _Deliveries(*counts)) for slot, *counts in rows]


def _uploads(connection: sqlite3.Connection, start: float, end: float) -> list[tuple[float, int]]:
    """When images became READY in a range, and their bytes."""
    return [
        (row[0], row[1])
        for row in connection.execute(
            "SELECT processed_metadata_at, size_bytes FROM images"
            " WHERE status = 'READY' AND processed_metadata_at >= ? AND processed_metadata_at < ?",
            (start, end),
        )
    ]


def _deletions(connection: sqlite3.Connection, start: float, end: float) -> list[tuple[float, int]]:
    return [
        (row[0], row[1])
        for row in connection.execute(
            "SELECT deleted_at, size_bytes FROM images"
            " WHERE status = 'READY' AND deleted_at >= ? AND deleted_at < ?",
            (start, end),
        )
    ]


def _stored(connection: sqlite3.Connection, at: float) -> int:
    """Bytes of originals that were stored at a moment."""
    (total,) = connection.execute(
        "SELECT coalesce(sum(size_bytes), 0) FROM images WHERE status = 'READY' AND processed_metadata_at < ?"
        " AND (deleted_at IS NULL OR deleted_at >= ?)",
        (at, at),
    ).fetchone()
    return int(total)


def _spread(events: Iterable[tuple[float, int]], starts: list[float]) -> list[int]:
    sums = [0] * len(starts)
    for at, amount in events:
        sums[max(0, bisect_right(starts, at) - 1)] += amount
    return sums


def _datasets(
    connection: sqlite3.Connection, starts: list[float], start: datetime, end: datetime
) -> dict[str, object]:
    first, last = start.timestamp(), end.timestamp()
    uploads = _uploads(connection, first, last)
    added = _spread(uploads, starts)
    removed = _spread(_deletions(connection, first, last), starts)
    stored = _stored(connection, first)
    deliveries = [_Deliveries() for _ in starts]
    for slot, counts in _deliveries(connection, first, last):
        deliveries[max(0, bisect_right(starts, slot) - 1)] += counts
    stamps = [timestamp(at) for at in starts]
    storage = []
    for stamp, plus, minus in zip(stamps, added, removed, strict=True):
        stored += plus - minus
        storage.append({"timestamp": stamp, "storage_bytes_current": stored, "storage_bytes_added": plus})
    counts_of_uploads = _spread([(at, 1) for at, _ in uploads], starts)
    whole = sum(deliveries, _Deliveries())
    misses = 100 - whole.hit_percent if whole.requests else 0
    pairs = list(zip(stamps, deliveries, strict=True))
    return {
        "uploads": [
            {"timestamp": stamp, "uploads": count}
            for stamp, count in zip(stamps, counts_of_uploads, strict=True)
        ],
        "transformations": [{"timestamp": s, "transformations": d.transformations} for s, d in pairs],
        "requests": [{"timestamp": s, "requests": d.requests} for s, d in pairs],
        "transfer_bytes": [{"timestamp": s, "transfer_bytes": d.transfer_bytes} for s, d in pairs],
        "cache_hit_ratio": [{"label": "hit", "value": whole.hit_percent}, {"label": "miss", "value": misses}],
        "storage_bytes": storage,
    }


def _stats(connection: sqlite3.Connection, start: datetime, end: datetime) -> dict[str, object]:
    now = totals(connection, start, end)
    before = totals(connection, start - (end - start), start)
    return {name: _stat(now[name], before[name]) for name in now}


def totals(connection: sqlite3.Connection, start: datetime, end: datetime) -> dict[str, int]:
    """The events of a range, and the stored images at its end."""
    first, last = start.timestamp(), end.timestamp()
    whole = sum((counts for _, counts in _deliveries(connection, first, last)), _Deliveries())
    return {
        "uploads": len(_uploads(connection, first, last)),
        "transformations": whole.transformations,
        "requests": whole.requests,
        "transfer_bytes": whole.transfer_bytes,
        "cache_hit_ratio": whole.hit_percent,
        "storage_bytes": _stored(connection, last),
    }


def _stat(value: int, previous: int) -> dict[str, float | None]:
    change = (value - previous) / previous * 100 if previous else None
    return {"value": value, "prev": previous, "pct_change": change}
