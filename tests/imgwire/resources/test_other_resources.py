"""CORS origins, the custom domain, metrics and health over a real socket."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest

from imgwire_async import (
    AsyncImgwireClient,
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    UnprocessableEntityError,
)
from imgwire_async.models import MetricsDatasetInterval
from imgwire_async.sandbox import Sandbox


async def test_cors_origins_are_created_read_changed_listed_and_deleted(client: AsyncImgwireClient) -> None:
    origin = await client.cors_origins.create("app.example.com")

    assert (await client.cors_origins.retrieve(origin.id)).pattern == "app.example.com"
    assert (await client.cors_origins.update(str(origin.id), pattern="*.example.com")).id == origin.id
    assert [item.pattern async for item in client.cors_origins.list()] == ["*.example.com"]
    assert [item.pattern async for item in client.cors_origins.list_all()] == ["*.example.com"]
    assert [len(page.data) async for page in client.cors_origins.list_pages()] == [1]
    assert isinstance(await client.cors_origins.delete(origin.id), dict)
    with pytest.raises(NotFoundError):
        await client.cors_origins.retrieve(origin.id)


@pytest.mark.parametrize("name", ["retrieve", "delete"])
async def test_the_id_of_an_origin_must_be_a_uuid(
    sandbox: Sandbox, client: AsyncImgwireClient, name: str
) -> None:
    with pytest.raises(InvalidArgumentError, match="cors_origin_id"):
        await getattr(client.cors_origins, name)("../custom_domain/")
    with pytest.raises(InvalidArgumentError, match="cors_origin_id"):
        await client.cors_origins.update("a/b?c", pattern="x")

    assert len(sandbox.requests) == 0


async def test_an_empty_pattern_is_rejected_by_the_service(client: AsyncImgwireClient) -> None:
    with pytest.raises(UnprocessableEntityError) as caught:
        await client.cors_origins.create("")

    assert caught.value.errors[0].location[-1] == "pattern"


async def test_a_custom_domain_is_claimed_checked_and_released(client: AsyncImgwireClient) -> None:
    with pytest.raises(NotFoundError):
        await client.custom_domain.retrieve()

    created = await client.custom_domain.create("images.example.com")
    checked = await client.custom_domain.test_connection()

    assert created.status == "PENDING"
    assert checked.status == "CONNECTED"
    assert (await client.custom_domain.retrieve()).id == created.id
    with pytest.raises(ConflictError):
        await client.custom_domain.create("other.example.com")
    assert isinstance(await client.custom_domain.delete(), dict)


async def test_metrics_are_read_as_series_and_as_totals(client: AsyncImgwireClient) -> None:
    start = datetime(2026, 5, 1, tzinfo=timezone(timedelta(hours=2)))
    range_of_dates: dict[str, Any] = {"date_start": start, "date_end": start + timedelta(days=2)}

    series = await client.metrics.get_datasets(interval="daily", tz="America/Chicago", **range_of_dates)
    totals = await client.metrics.get_stats(interval=MetricsDatasetInterval.DAILY, **range_of_dates)

    assert series.uploads
    assert series.uploads[0].timestamp.tzinfo is not None
    assert totals.uploads.value == 0
    assert (await client.metrics.get_stats()).storage_bytes.prev == 0


@pytest.mark.parametrize("which", ["date_start", "date_end"])
@pytest.mark.parametrize("name", ["get_datasets", "get_stats"])
async def test_a_date_without_a_time_zone_is_rejected(
    sandbox: Sandbox, client: AsyncImgwireClient, name: str, which: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=f"{which} has no time zone"):
        await getattr(client.metrics, name)(**{which: datetime(2026, 5, 1)})  # noqa: DTZ001

    assert len(sandbox.requests) == 0


@pytest.mark.parametrize("arguments", [{"interval": 7}, {"date_start": "2026-05-01"}, {"date_end": 1.5}])
async def test_arguments_of_another_kind_are_rejected(
    client: AsyncImgwireClient, arguments: dict[str, Any]
) -> None:
    with pytest.raises(InvalidArgumentError):
        await client.metrics.get_stats(**arguments)


async def test_an_unknown_time_zone_is_rejected_by_the_service(client: AsyncImgwireClient) -> None:
    with pytest.raises(UnprocessableEntityError):
        await client.metrics.get_stats(tz="Mars/Olympus", date_start=datetime(2026, 5, 1, tzinfo=UTC))


async def test_health_needs_nothing(client: AsyncImgwireClient) -> None:
    assert await client.health()


async def test_every_resource_calls_the_operation_of_its_name(
    sandbox: Sandbox, client: AsyncImgwireClient
) -> None:
    missing = uuid4()
    calls = {
        "images.delete": client.images.delete(missing),
        "images.retrieve": client.images.retrieve(missing),
        "images.retrieve_bulk_download_job": client.images.retrieve_bulk_download_job(missing),
        "cors_origins.retrieve": client.cors_origins.retrieve(missing),
        "cors_origins.update": client.cors_origins.update(missing, pattern="a.example.com"),
        "cors_origins.delete": client.cors_origins.delete(missing),
        "custom_domain.delete": client.custom_domain.delete(),
        "custom_domain.test_connection": client.custom_domain.test_connection(),
    }
    for operation, call in calls.items():
        with pytest.raises(NotFoundError) as caught:
            await call
        assert caught.value.operation == operation

    assert [request.operation for request in sandbox.requests] == list(calls)
