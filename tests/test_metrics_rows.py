"""Metrics as rows of a table."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from imgwire_async import AsyncImgwireClient
from imgwire_async.models import MetricsDatasets

EMPTY: dict[str, list[object]] = {
    name: []
    for name in (
        "uploads",
        "transformations",
        "requests",
        "transfer_bytes",
        "cache_hit_ratio",
        "storage_bytes",
    )
}


def test_series_become_columns_and_missing_points_become_none() -> None:
    datasets = MetricsDatasets.from_dict(
        EMPTY
        | {
            "uploads": [{"timestamp": "2026-05-02T00:00:00Z", "uploads": 3}],
            "storage_bytes": [
                {
                    "timestamp": "2026-05-01T00:00:00Z",
                    "storage_bytes_current": 10,
                    "storage_bytes_added": 4,
                },
                {
                    "timestamp": "2026-05-02T00:00:00Z",
                    "storage_bytes_current": 15,
                    "storage_bytes_added": 5,
                },
            ],
        }
    )

    first, second = datasets.to_rows()

    assert first == {
        "timestamp": datetime(2026, 5, 1, tzinfo=UTC),
        "uploads": None,
        "transformations": None,
        "requests": None,
        "transfer_bytes": None,
        "storage_bytes_current": 10,
        "storage_bytes_added": 4,
    }
    assert (second["uploads"], second["storage_bytes_current"]) == (3, 15)
    assert list(first) == list(second)


def test_without_points_there_are_no_rows() -> None:
    assert MetricsDatasets.from_dict(EMPTY).to_rows() == []


async def test_the_numbers_of_a_service_become_a_table(client: AsyncImgwireClient, photo: Path) -> None:
    image = await client.images.upload(photo)
    await client.images.wait_until_ready(image.id)

    rows = (await client.metrics.get_datasets(interval="HOURLY")).to_rows()

    assert len(rows) > 1
    assert sum(value for row in rows if isinstance(value := row["uploads"], int)) == 1
