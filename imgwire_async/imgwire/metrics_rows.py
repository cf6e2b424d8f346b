"""Metrics as rows of a table. `MetricsDatasets` inherits from `MetricsRows`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Protocol, TypeAlias

Row: TypeAlias = dict[str, "datetime | int | None"]

_COLUMNS: Final = {
    "uploads": ("uploads",),
    "transformations": ("transformations",),
    "requests": ("requests",),
    "transfer_bytes": ("transfer_bytes",),
    "storage_bytes": ("storage_bytes_current", "storage_bytes_added"),
}
"""Each series with the names of the numbers in its points."""

COLUMNS: Final = ("timestamp", *(column for columns in _COLUMNS.values() for column in columns))


class _Series(Protocol):
    @property
    def uploads(self) -> Sequence[Any]: ...
    @property
    def transformations(self) -> Sequence[Any]: ...
    @property
    def requests(self) -> Sequence[Any]: ...
    @property
    def transfer_bytes(self) -> Sequence[Any]: ...
    @property
    def storage_bytes(self) -> Sequence[Any]: ...


class MetricsRows:
    """Adds `to_rows` to the time series."""

    __slots__ = ()

    def to_rows(self: _Series) -> list[Row]:
        """Return all time series as one table, with a row for every timestamp in ascending order.

        `pandas.DataFrame(datasets.to_rows())` and `polars.DataFrame(datasets.to_rows())` accept the result as
        is. A series without a point at a timestamp has None there. The cache hit ratio is left out because it
        is not a time series.

        Returns:
            Dictionaries with `timestamp`, `uploads`, `transformations`, `requests`, `transfer_bytes`,
            `storage_bytes_current` and `storage_bytes_added`.
        """
        rows: dict[datetime, Row] = {}
        for series, columns in _COLUMNS.items():
            for point in getattr(self, series):
                row = rows.setdefault(point.timestamp, dict.fromkeys(COLUMNS))
                row["timestamp"] = point.timestamp
                row |= {column: getattr(point, column) for column in columns}
        return [rows[timestamp] for timestamp in sorted(rows)]
