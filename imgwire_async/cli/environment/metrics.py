"""The command that shows usage: totals, time series and a chart."""

from __future__ import annotations

import errno
from collections.abc import Callable
from datetime import datetime, tzinfo
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from imgwire_async.cli.output import (
    JsonFlag,
    people,
    run,
    show_json,
    width_of,
)
from imgwire_async.cli.streams import say
from imgwire_async.errors import ConfigurationError, DownloadTargetError, InvalidArgumentError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from imgwire_async.imgwire.client import AsyncImgwireClient
    from imgwire_async.imgwire.metrics_rows import Row
    from imgwire_async.models import MetricsDatasets, MetricsStats, MetricsStatValue

_BARS: Final = "▁▂▃▄▅▆▇█"
_LEAST_BARS: Final = 6
_SERIES: Final = {
    "uploads": "uploads",
    "transformations": "transformations",
    "requests": "requests",
    "transfer_bytes": "transfer_bytes",
    "storage_bytes": "storage_bytes_current",
    "cache_hit_ratio": None,
}
"""Totals, each with its column in the time series."""


class Interval(StrEnum):
    """Bucket widths, as choices of an option."""

    HOURLY = "HOURLY"
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"


def metrics(
    interval: Annotated[
        Interval,
        typer.Option(help="Length of a bucket.", case_sensitive=False),
    ] = Interval.DAILY,
    tz: Annotated[str, typer.Option(help="IANA time zone of the buckets.")] = "UTC",
    png: Annotated[
        Path | None, typer.Option(help="Also draw a chart into this PNG file (needs the extra charts).")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing PNG file.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show usage: totals, their change, and a small graph of each series.

    With --json: a line with the totals, then a line for every point in time.

    Example: imgwire-async metrics --interval HOURLY --tz Europe/Berlin --png usage.png
    """

    async def show(imgwire: AsyncImgwireClient) -> MetricsDatasets:
        stats = await imgwire.metrics.get_stats(interval=interval.value, tz=tz)
        datasets = await imgwire.metrics.get_datasets(interval=interval.value, tz=tz)
        rows = datasets.to_rows()
        if as_json:
            show_json(stats.to_dict())
            for row in rows:
                show_json(row | {"timestamp": cast("datetime", row["timestamp"]).isoformat()})
        else:
            console = people()
            console.print(metrics_table(stats, rows, console))
        return datasets

    async def work(imgwire: AsyncImgwireClient) -> None:
        if png is None:
            await show(imgwire)
            return
        from anyio import to_thread

        from imgwire_async.downloads.files import atomic_file

        draw, zone = _drawing(), _zone(tz)
        if png.is_dir():
            raise DownloadTargetError(f"cannot write {str(png)!r}: it is a folder", errno=errno.EISDIR)
        if png.suffix.lower() != ".png":
            raise ConfigurationError(
                f"cannot write {str(png)!r}: the extension must be .png", operation="metrics"
            )
        async with atomic_file(png, overwrite=overwrite) as (file, output):
            datasets = await show(imgwire)
            await file.write(await to_thread.run_sync(draw, datasets, interval.value, zone))
        path = output.target
        if as_json:
            show_json({"png": str(path)})
        else:
            say(f"Chart: {path}")

    run(work, as_json=as_json)


def _drawing() -> Callable[[MetricsDatasets, str, tzinfo], bytes]:
    try:
        from imgwire_async.cli.environment.chart import draw
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("imgwire_async"):
            raise
        problem = "--png needs an extra: pip install 'imgwire-async[cli,charts]'"
        raise ConfigurationError(problem, operation="metrics") from None
    return draw


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidArgumentError(
            f"--tz: unknown time zone {name!r:.80}; names are like Europe/Berlin",
            operation="metrics",
        ) from None


def metrics_table(stats: MetricsStats, rows: list[Row], console: Console) -> Table:
    """Totals, with graphs in the remaining width."""
    totals = _table([_total(name, getattr(stats, name)) for name in _SERIES], "now", "before", "change")
    room = console.width - width_of(totals, console) - 2
    if room < _LEAST_BARS:
        return totals
    lines = []
    for name, column in _SERIES.items():
        numbers = [cast("int", row[column] or 0) for row in rows] if column else []
        lines.append((*_total(name, getattr(stats, name)), sparkline(numbers, width=room)))
    return _table(lines, "now", "before", "change", "")


def _total(name: str, value: MetricsStatValue) -> tuple[str, ...]:
    change = "" if value.pct_change is None else f"{value.pct_change:+.1f} %"
    return name, f"{value.value:,.0f}", f"{value.prev:,.0f}", change


def _table(lines: list[tuple[str, ...]], *headers: str) -> Table:
    from rich.table import Table

    table = Table("", box=None, header_style="bold", pad_edge=False)
    for header in headers:
        table.add_column(header, justify="right" if header else "left", no_wrap=True)
    for line in lines:
        table.add_row(*line)
    return table


def sparkline(numbers: list[int], width: int = 1000) -> str:
    """A bar of one to eight eighths of a line for each number; the highest one is full.

    If there are more numbers than `width`, each bar shows the maximum of several neighbours.
    """
    if len(numbers) > width:
        ends = [round(place * len(numbers) / width) for place in range(width + 1)]
        numbers = [max(numbers[start:end]) for start, end in pairwise(ends)]
    top = max(numbers, default=0)
    if top <= 0:
        return _BARS[0] * len(numbers)
    return "".join(_BARS[round(max(number, 0) / top * (len(_BARS) - 1))] for number in numbers)
