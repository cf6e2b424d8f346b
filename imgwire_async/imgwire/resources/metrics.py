"""`client.metrics`: usage of one environment."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from imgwire_async.core.call import Core
from imgwire_async.errors import InvalidArgumentError
from imgwire_async.imgwire.lowlevel.api import metrics as api
from imgwire_async.imgwire.lowlevel.models import MetricsDatasetInterval, MetricsDatasets, MetricsStats
from imgwire_async.imgwire.lowlevel.types import UNSET, Unset
from imgwire_async.imgwire.resources.arguments import aware, unless_none

if TYPE_CHECKING:
    from imgwire_async.imgwire.resources.raw import MetricsWithRawResponse


class Metrics:
    """Uploads, transformations, requests, transfer, cache hits and storage of one environment."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @property
    def with_raw_response(self) -> MetricsWithRawResponse:
        """The same methods, but they return the whole response: `await ….with_raw_response.…()`."""
        from imgwire_async.imgwire.resources.raw import MetricsWithRawResponse

        return MetricsWithRawResponse(self._core)

    async def get_datasets(
        self,
        *,
        interval: MetricsDatasetInterval | str | None = None,
        tz: str | None = None,
        date_start: datetime | None = None,
        date_end: datetime | None = None,
    ) -> MetricsDatasets:
        """Read usage as time series.

        Args:
            interval: width of the time buckets, `HOURLY` (the service's default), `DAILY`, `WEEKLY` or
                `MONTHLY`.
            tz: IANA time zone of the bucket boundaries, such as `America/Chicago`; the default is UTC.
            date_start: start of the range; chosen by the service if omitted.
            date_end: end of the range; chosen by the service if omitted.

        Raises:
            InvalidArgumentError: a date has no time zone, or `interval` is not a string.
            UnprocessableEntityError: the service does not know `interval` or `tz`.
        """
        operation = "metrics.get_datasets"
        response = await api.metrics_get_datasets(
            self._core,
            interval=_interval(interval, operation),
            tz=unless_none(tz),
            date_start=aware(date_start, "date_start", operation),
            date_end=aware(date_end, "date_end", operation),
        )
        return response.data

    async def get_stats(
        self,
        *,
        interval: MetricsDatasetInterval | str | None = None,
        tz: str | None = None,
        date_start: datetime | None = None,
        date_end: datetime | None = None,
    ) -> MetricsStats:
        """Read usage as totals, each with the value of the previous period and the change in percent.

        Takes the arguments and raises the errors of `get_datasets`.
        """
        operation = "metrics.get_stats"
        response = await api.metrics_get_stats(
            self._core,
            interval=_interval(interval, operation),
            tz=unless_none(tz),
            date_start=aware(date_start, "date_start", operation),
            date_end=aware(date_end, "date_end", operation),
        )
        return response.data


def _interval(value: MetricsDatasetInterval | str | None, operation: str) -> MetricsDatasetInterval | Unset:
    if value is None:
        return UNSET
    if not isinstance(value, str):
        raise InvalidArgumentError(
            f"interval must be a MetricsDatasetInterval or its text, got {value!r:.80}", operation=operation
        )
    return MetricsDatasetInterval(value.upper())
