"""Metrics, computed from real records and deliveries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgwire_async.sandbox.imgwire.resources.metrics import bucket_starts
from imgwire_async.sandbox.imgwire.schemas import MetricsInterval
from imgwire_async.testing.clock import VirtualClock
from tests.sandbox.imgwire.support import PUBLIC, Api, photograph

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
DATASETS = "/api/v1/metrics/datasets"
STATS = "/api/v1/metrics/stats"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOON.timestamp())


@pytest.fixture
def api(start_api: Callable[..., Api], clock: VirtualClock) -> Api:
    return start_api(clock=clock.time)


def nonzero(points: list[dict[str, Any]], name: str) -> dict[str, int]:
    return {point["timestamp"]: point[name] for point in points if point[name]}


def test_an_empty_environment_has_24_hours_of_zeros(api: Api) -> None:
    datasets = api.http.get(DATASETS).json()

    assert set(datasets) == {
        "uploads", "transformations", "requests", "transfer_bytes", "cache_hit_ratio", "storage_bytes"
    }  # fmt: skip
    assert [point["timestamp"] for point in datasets["uploads"]] == [
        (NOON + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ") for hours in range(-24, 0)
    ]
    assert {point["uploads"] for point in datasets["uploads"]} == {0}
    assert datasets["cache_hit_ratio"] == [{"label": "hit", "value": 0}, {"label": "miss", "value": 0}]


def test_uploads_deliveries_and_storage_are_counted_in_their_hours(api: Api, clock: VirtualClock) -> None:
    data = photograph()
    first = api.upload(data)
    PUBLIC.get(first["cdn_url"])
    clock.advance(90 * 60)
    api.upload(data)
    api.upload(b"corrupt", file_name="a.png")
    api.http.delete(f"/api/v1/images/{first['id']}")
    clock.advance(90 * 60)

    datasets = api.http.get(DATASETS, params={"date_start": NOON.isoformat()}).json()

    assert nonzero(datasets["uploads"], "uploads") == {"2026-03-10T12:00:00Z": 1, "2026-03-10T13:00:00Z": 1}
    assert nonzero(datasets["requests"], "requests") == {"2026-03-10T12:00:00Z": 1}
    assert nonzero(datasets["transfer_bytes"], "transfer_bytes") == {"2026-03-10T12:00:00Z": len(data)}
    storage = datasets["storage_bytes"]
    assert [point["storage_bytes_current"] for point in storage] == [len(data)] * 3
    assert [point["storage_bytes_added"] for point in storage] == [len(data), len(data), 0]
    assert datasets["cache_hit_ratio"][1] == {"label": "miss", "value": 100}


def test_stats_compare_with_the_period_before(api: Api, clock: VirtualClock) -> None:
    for uploads in (2, 3):
        for _ in range(uploads):
            api.upload(photograph())
        clock.advance(3600)
    hour = {"date_start": "2026-03-10T13:00:00.000000+0000", "date_end": "2026-03-10T14:00:00Z"}

    stats = api.http.get(STATS, params=hour).json()

    assert stats["uploads"] == {"value": 3, "prev": 2, "pct_change": 50}
    assert stats["requests"] == {"value": 0, "prev": 0, "pct_change": None}
    size = len(photograph())
    assert stats["storage_bytes"] == {"value": 5 * size, "prev": 2 * size, "pct_change": 150}


@pytest.mark.parametrize(
    ("interval", "count"), [("HOURLY", 24), ("DAILY", 31), ("WEEKLY", 13), ("MONTHLY", 13)]
)
def test_every_interval_has_a_default_range(api: Api, interval: str, count: int) -> None:
    assert len(api.http.get(DATASETS, params={"interval": interval}).json()["uploads"]) == count


def test_days_start_at_local_midnight(api: Api) -> None:
    datasets = api.http.get(
        DATASETS,
        params={
            "interval": "DAILY",
            "tz": "America/Chicago",
            "date_start": "2026-03-07T12:00:00",
            "date_end": "2026-03-09T12:00:00",
        },
    ).json()

    # Daylight saving time starts on 8 March.
    assert [point["timestamp"] for point in datasets["uploads"]] == [
        "2026-03-07T06:00:00Z",
        "2026-03-08T06:00:00Z",
        "2026-03-09T05:00:00Z",
    ]


@pytest.mark.parametrize(
    "query",
    [
        {"tz": "Mars/Olympus"},
        {"tz": ""},
        {"tz": "../../etc/passwd"},
        {"tz": "x" * 300},
        {"interval": "YEARLY"},
        {"date_start": "yesterday"},
        {"date_start": "2026-03-10T00:00:00Z", "date_end": "2026-03-10T00:00:00Z"},
        {"date_start": "1900-01-01T00:00:00Z"},
        {"date_start": "0001-01-01T00:00:00Z", "interval": "MONTHLY"},
        {"date_end": "9999-12-31T23:59:59Z", "interval": "MONTHLY"},
    ],
)
def test_invalid_queries_are_422(api: Api, query: dict[str, str]) -> None:
    assert api.http.get(DATASETS, params=query).status_code == 422


@settings(deadline=None, max_examples=60)
@given(
    start=st.integers(946_684_800, 2_051_222_400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    days=st.integers(1, 60),
    interval=st.sampled_from(MetricsInterval),
    zone=st.sampled_from(sorted(available_timezones())),
)
def test_buckets_cover_the_range_without_gaps_or_overlaps(
    start: datetime, days: int, interval: MetricsInterval, zone: str
) -> None:
    end = start + timedelta(days=days)

    starts = bucket_starts(start, end, interval, ZoneInfo(zone))

    assert starts == sorted(set(starts))
    assert starts[0] <= start.timestamp() < [*starts, end.timestamp() + 1][1]
    assert starts[-1] < end.timestamp()
    longest = {"HOURLY": 7200, "DAILY": 49 * 3600, "WEEKLY": 9 * 86400, "MONTHLY": 33 * 86400}[interval]
    assert all(later - earlier <= longest for earlier, later in pairwise(starts))
