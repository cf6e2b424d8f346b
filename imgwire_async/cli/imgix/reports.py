"""Commands for the reports of imgix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, TypeAlias, cast

import typer

from imgwire_async.cli.imgix.records import PAGE, Every, Filters, Limit, Sort, show_list, show_one
from imgwire_async.cli.imgix.running import Wait, run
from imgwire_async.cli.output import JsonFlag, beside, show_records
from imgwire_async.cli.parameters import name_value_pairs

if TYPE_CHECKING:
    from imgwire_async.imgix import AsyncImgixClient, ReportFilters, ReportSort

commands = typer.Typer(no_args_is_help=True, help="Reports: daily analytics and logs of imgix.")

_COLUMNS: Final = ("id", "report_type", "report_key", "completed", "period_start", "period_end")

ReportId: TypeAlias = Annotated[str, typer.Argument(help="Id of a report.", metavar="REPORT")]


@commands.command()
def ls(
    filters: Filters = None,
    sort: Sort = None,
    limit: Limit = 25,
    every: Every = False,
    as_json: JsonFlag = False,
) -> None:
    """List the reports of the account.

    Example: imgwire-async imgix reports ls --filter completed=true --sort -period_end
    """

    async def work(imgix: AsyncImgixClient) -> None:
        listing = imgix.reports.list(
            filters=cast("ReportFilters", name_value_pairs(filters)),
            sort=cast("ReportSort | None", sort),
            limit=min(limit, PAGE),
            max_items=None if every else limit,
        )
        await show_list(listing, _COLUMNS, as_json=as_json)

    run(work, as_json=as_json)


@commands.command()
def show(report: ReportId, as_json: JsonFlag = False) -> None:
    """Show a report. Links to its files are shown without their signatures.

    Example: imgwire-async imgix reports show REPORT
    """

    async def work(imgix: AsyncImgixClient) -> None:
        show_one(await imgix.reports.retrieve(report), as_json=as_json)

    run(work, as_json=as_json)


@commands.command()
def wait(report: ReportId, timeout: Wait = 3600.0, as_json: JsonFlag = False) -> None:
    """Wait until a report is completed.

    Example: imgwire-async imgix reports wait REPORT --timeout 600
    """

    async def work(imgix: AsyncImgixClient) -> None:
        with beside().status("Waiting for the report ..."):
            done = await imgix.reports.wait(report, timeout=timeout)
        show_one(done, as_json=as_json)

    run(work, as_json=as_json)


@commands.command()
def download(
    report: ReportId,
    to: Annotated[str, typer.Option(help="Folder to write to. Default: the current one.")] = ".",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Download the files of a report.

    Example: imgwire-async imgix reports download REPORT --to reports/
    """

    async def work(imgix: AsyncImgixClient) -> None:
        with beside().status("Downloading ..."):
            files = await imgix.reports.download(report, to=to, overwrite=overwrite)
        found = [
            {"path": str(file.path), "size": file.size, "content_type": file.content_type} for file in files
        ]
        show_records(found, ("path", "size", "content_type"), as_json=as_json)

    run(work, as_json=as_json)
