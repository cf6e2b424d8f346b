"""Commands about the environment: CORS origins, custom domain, metrics, and whose key it is."""

from __future__ import annotations

import errno
import os
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
    show_record,
    show_records,
    width_of,
)
from imgwire_async.cli.settings import settings
from imgwire_async.cli.streams import say
from imgwire_async.errors import ConfigurationError, DownloadTargetError, InvalidArgumentError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from imgwire_async.imgwire.client import AsyncImgwireClient
    from imgwire_async.imgwire.metrics_rows import Row
    from imgwire_async.models import MetricsDatasets, MetricsStats, MetricsStatValue

cors = typer.Typer(no_args_is_help=True, help="Origins from which browsers may upload.")
domain = typer.Typer(no_args_is_help=True, help="The custom domain.")

_SUBJECT: Final = "Environment"
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
"""Totals, and the column of the time series that belongs to each."""


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(cors, name="cors", rich_help_panel=_SUBJECT)
    app.add_typer(domain, name="domain", rich_help_panel=_SUBJECT)
    app.command(rich_help_panel=_SUBJECT)(metrics)
    app.command(rich_help_panel=_SUBJECT)(whoami)


@cors.command("ls")
def cors_ls(as_json: JsonFlag = False) -> None:
    """List the allowed origins. If there are none, every origin may upload.

    Example: imgwire-async cors ls
    """

    async def work(imgwire: AsyncImgwireClient) -> None:
        origins = [origin.to_dict() async for origin in imgwire.cors_origins.list(limit=100)]
        show_records(origins, ("id", "pattern", "created_at"), as_json=as_json)

    run(work, as_json=as_json)


@cors.command("add")
def cors_add(
    pattern: Annotated[str, typer.Argument(help="app.example.com, *.example.com or localhost:3000.")],
    as_json: JsonFlag = False,
) -> None:
    """Allow an origin.

    Example: imgwire-async cors add '*.example.com'
    """

    async def work(imgwire: AsyncImgwireClient) -> None:
        show_record((await imgwire.cors_origins.create(pattern)).to_dict(), as_json=as_json)

    run(work, as_json=as_json)


@cors.command("rm")
def cors_rm(origin_id: Annotated[str, typer.Argument(metavar="ID")], as_json: JsonFlag = False) -> None:
    """Remove an allowed origin by the id that cors ls shows.

    Example: imgwire-async cors rm ID
    """

    async def work(imgwire: AsyncImgwireClient) -> None:
        show_record(await imgwire.cors_origins.delete(origin_id), as_json=as_json)

    run(work, as_json=as_json)


@domain.command("show")
def domain_show(as_json: JsonFlag = False) -> None:
    """Show the custom domain and the DNS records it needs.

    Example: imgwire-async domain show --json
    """

    async def work(imgwire: AsyncImgwireClient) -> None:
        show_record((await imgwire.custom_domain.retrieve()).to_dict(), as_json=as_json)

    run(work, as_json=as_json)


@domain.command("set")
def domain_set(
    hostname: Annotated[str, typer.Argument(help="Host name, such as images.example.com.")],
    as_json: JsonFlag = False,
) -> None:
    """Set the custom domain.

    Example: imgwire-async domain set images.example.com
    """

    async def work(imgwire: AsyncImgwireClient) -> None:
        show_record((await imgwire.custom_domain.create(hostname)).to_dict(), as_json=as_json)

    run(work, as_json=as_json)


@domain.command("test")
def domain_test(as_json: JsonFlag = False) -> None:
    """Re-check DNS and certificate.

    Example: imgwire-async domain test
    """

    async def work(imgwire: AsyncImgwireClient) -> None:
        show_record((await imgwire.custom_domain.test_connection()).to_dict(), as_json=as_json)

    run(work, as_json=as_json)


@domain.command("rm")
def domain_rm(as_json: JsonFlag = False) -> None:
    """Remove the custom domain.

    Example: imgwire-async domain rm
    """

    async def work(imgwire: AsyncImgwireClient) -> None:
        show_record(await imgwire.custom_domain.delete(), as_json=as_json)

    run(work, as_json=as_json)


class Interval(StrEnum):
    """The lengths of the service's buckets, as choices of an option."""

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


def whoami(as_json: JsonFlag = False) -> None:
    """Show the configured service and environment, and check that they work.

    The key itself is never shown.

    Example: imgwire-async whoami --base-url http://127.0.0.1:8787
    """
    key = os.environ.get("IMGWIRE_API_KEY", "")
    kinds = {"sk_": "server key", "ck_": "client key"}

    async def work(imgwire: AsyncImgwireClient) -> None:
        from imgwire_async.imgwire.service import IMGWIRE

        record: dict[str, object] = {
            "base_url": settings.base_url or os.environ.get("IMGWIRE_API_BASE_URL") or IMGWIRE.public_url,
            "environment_id": os.environ.get("IMGWIRE_ENVIRONMENT_ID"),
            "credential": kinds.get(key[:3], "session or OAuth token"),
            "health": (await imgwire.health()).get("status", "unknown"),
        }
        if not key.startswith("ck_"):  # a client key may not list
            page = await imgwire.images.list(limit=1)
            record["images"] = page.pagination.total_count
            if page.data:
                record["environment_id"] = str(page.data[0].environment_id)
        show_record(record, as_json=as_json)

    run(work, as_json=as_json)


def _drawing() -> Callable[[MetricsDatasets, str, tzinfo], bytes]:
    try:
        from imgwire_async.cli.chart import draw
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
            f"--tz: this machine knows no time zone {name!r:.80}; names are like Europe/Berlin",
            operation="metrics",
        ) from None


def metrics_table(stats: MetricsStats, rows: list[Row], console: Console) -> Table:
    """Totals, with graphs in the room that is left beside them."""
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
    """A bar from one to eight eighths of a line for each number; the highest one is full.

    More numbers than `width` are drawn as the highest of each few neighbours.
    """
    if len(numbers) > width:
        ends = [round(place * len(numbers) / width) for place in range(width + 1)]
        numbers = [max(numbers[start:end]) for start, end in pairwise(ends)]
    top = max(numbers, default=0)
    if top <= 0:
        return _BARS[0] * len(numbers)
    return "".join(_BARS[round(max(number, 0) / top * (len(_BARS) - 1))] for number in numbers)
