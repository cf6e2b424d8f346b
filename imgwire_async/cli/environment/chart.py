"""The metrics of an environment as a chart (extra: `charts`).

Uses matplotlib figures without `pyplot`, so that no window system is needed.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import EngFormatter, MaxNLocator

from imgwire_async.imgwire.metrics_rows import Row
from imgwire_async.models import MetricsDatasets

SIZE: Final = (12.0, 9.0)
"""Width and height in inches."""
DPI: Final = 120

_INK: Final = "#333333"
_GRID: Final = "#dddddd"
_BLUE: Final = "#3b6fb6"
_ORANGE: Final = "#e08b3a"
_SLICES: Final = (_BLUE, "#c9c9c9", _ORANGE, "#5b9a68", "#a36bb0")


@dataclass(frozen=True, slots=True)
class _Bucket:
    """The buckets of an interval."""

    name: str
    longest: timedelta
    """Maximum length; days and longer buckets may include a change of clocks."""


_BUCKETS: Final = {
    "HOURLY": _Bucket("hour", timedelta(hours=1)),
    "DAILY": _Bucket("day", timedelta(hours=25)),
    "WEEKLY": _Bucket("week", timedelta(days=7, hours=1)),
    "MONTHLY": _Bucket("month", timedelta(days=31, hours=1)),
}


@dataclass(frozen=True, slots=True)
class _Panel:
    """One of the charts in the image."""

    title: str
    column: str
    """Of the rows."""
    unit: str = ""
    """`B` for bytes; empty for counts."""
    additional: str | None = None
    """Column of a second series, drawn as a line."""


_PANELS: Final = (
    _Panel("Uploads{per}", "uploads"),
    _Panel("Transformations{per}", "transformations"),
    _Panel("Requests{per}", "requests"),
    _Panel("Transfer{per} (bytes)", "transfer_bytes", "B"),
    _Panel("Storage (bytes)", "storage_bytes_current", "B", "storage_bytes_added"),
)


def draw(datasets: MetricsDatasets, interval: str, zone: tzinfo) -> bytes:
    """A PNG of 1440 × 1080 pixels with all series of `datasets`.

    Args:
        datasets: the data. Series without points and times without a value stay empty.
        interval: the requested width of the buckets.
        zone: the time zone of the axes.
    """
    rows = datasets.to_rows()
    with mpl.rc_context():
        mpl.rcdefaults()  # whatever the user's own configuration says
        mpl.rcParams |= {"text.color": _INK, "axes.labelcolor": _INK, "axes.edgecolor": _GRID}
        mpl.rcParams |= {"xtick.color": _INK, "ytick.color": _INK, "font.size": 10, "text.parse_math": False}
        figure = Figure(figsize=SIZE, dpi=DPI, layout=ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.12))
        figure.suptitle(_title(rows, interval, zone), x=0.012, ha="left", fontsize=15, fontweight="bold")
        grid = figure.subplots(3, 2)
        for panel, axes in zip(_PANELS, grid.flat, strict=False):
            _draw_series(axes, panel, rows, _BUCKETS.get(interval.upper()), zone)
        ratio = [(one.label, one.value) for one in datasets.cache_hit_ratio]
        _draw_ratio(grid.flat[len(_PANELS)], ratio)
        picture = io.BytesIO()
        figure.savefig(picture, format="png")
    return picture.getvalue()


def _title(rows: Sequence[Row], interval: str, zone: tzinfo) -> str:
    parts = ["Imgwire usage", interval.lower()]
    times = [moment.astimezone(zone) for row in rows if isinstance(moment := row["timestamp"], datetime)]
    if times:
        first, last = (f"{moment.day} {moment:%b %Y}" for moment in (times[0], times[-1]))
        parts.append(first if first == last else f"{first} to {last}")
    return " · ".join(parts)


def _draw_series(
    axes: Axes, panel: _Panel, rows: Sequence[Row], bucket: _Bucket | None, zone: tzinfo
) -> None:
    _frame(axes, panel.title.format(per=f" per {bucket.name}" if bucket else ""))
    points = _points(rows, panel.column)
    added = _points(rows, panel.additional) if panel.additional else []
    if not (points or added):
        _empty(axes)
        return
    if points:
        values, edges = _stairs(points, bucket)
        axes.stairs(values, edges, fill=True, color=_BLUE, label="stored" if panel.additional else None)
    if added:
        values, edges = _stairs(added, bucket)
        axes.stairs(values, edges, color=_ORANGE, linewidth=1.5, label="added")
    if panel.additional:
        axes.legend(loc="lower right", bbox_to_anchor=(1, 0.98), frameon=False, ncols=2, fontsize=9)
    _, whole = _stairs(_points(rows, None), bucket)
    axes.set_xlim(whole[0], whole[-1])  # the same for all series, even if points are missing
    axes.set_ylim(0, max(value for _, value in (*points, *added)) * 1.08 or 1)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.yaxis.set_major_formatter(EngFormatter(unit=panel.unit))
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    locator = AutoDateLocator(tz=zone, maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    dates = ConciseDateFormatter(locator, tz=zone)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(dates)
    axes.set_xlabel(f"time ({zone})", fontsize=9)


def _points(rows: Sequence[Row], column: str | None) -> list[tuple[datetime, int]]:
    """The existing values of a column with their times; without a column, zeros for all times."""
    points = []
    for row in rows:
        moment, value = row["timestamp"], 0 if column is None else row[column]
        if isinstance(moment, datetime) and isinstance(value, int):
            points.append((moment, value))
    return points


def _stairs(
    points: Sequence[tuple[datetime, int]], bucket: _Bucket | None
) -> tuple[list[float], list[float]]:
    """The values and their bucket edges; NaN where the service returned no points."""
    values: list[float] = []
    edges: list[float] = []
    for (start, value), (following, _) in pairwise(points):
        values.append(value)
        edges.append(_number(start))
        if bucket is not None and following > start + bucket.longest:
            values.append(math.nan)
            edges.append(_number(start + bucket.longest))
    last, value = points[-1]
    width = [last - points[-2][0]] if len(points) > 1 else []
    if bucket is not None:
        width.append(bucket.longest)
    return [*values, value], [*edges, _number(last), _number(last + min(width, default=timedelta(hours=1)))]


_number: Callable[[datetime], float] = date2num


def _draw_ratio(axes: Axes, shown: Sequence[tuple[str, int]]) -> None:
    _frame(axes, "Cache hit ratio (%)")
    if not any(value > 0 for _, value in shown):
        _empty(axes)
        return
    places = range(len(shown))
    colours = [_SLICES[place % len(_SLICES)] for place in places]
    bars = axes.barh(places, [value for _, value in shown], color=colours, height=0.6)
    axes.bar_label(bars, fmt="%g %%", padding=4)
    axes.set_yticks(places, [label for label, _ in shown])
    axes.invert_yaxis()  # the first one on top
    axes.set_xlim(0, max(100, *(value for _, value in shown)) * 1.12)
    axes.set_xlabel("percent of requests", fontsize=9)
    axes.grid(axis="x", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)


def _frame(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", pad=8)
    axes.spines[["top", "right"]].set_visible(False)


def _empty(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", va="center", color="#999999")
