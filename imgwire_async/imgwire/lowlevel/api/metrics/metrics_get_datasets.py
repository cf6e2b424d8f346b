"""Read usage as time series."""

from __future__ import annotations

import datetime

from imgwire_async.core.operation import Caller, Request, Response

from ...models import MetricsDatasetInterval, MetricsDatasets
from ...operations import METRICS_GET_DATASETS
from ...types import UNSET, Unset, to_query


async def metrics_get_datasets(
    caller: Caller,
    *,
    date_end: datetime.datetime | None | Unset = UNSET,
    date_start: datetime.datetime | None | Unset = UNSET,
    interval: MetricsDatasetInterval | None | Unset = UNSET,
    tz: str | None | Unset = UNSET,
) -> Response[MetricsDatasets]:
    """Read usage as time series.

    Args:
        caller: Makes the call.
        date_end: End of the range; the service chooses one when it is left out.
        date_start: Start of the range; the service chooses one when it is left out.
        interval: Width of the time buckets.
        tz: IANA time zone by which buckets are cut, such as `America/Chicago`.
    """
    request = Request(
        operation=METRICS_GET_DATASETS,
        query=to_query({"date_end": date_end, "date_start": date_start, "interval": interval, "tz": tz}),
    )
    return await caller.call(request, MetricsDatasets._take)
