"""Commands for sources of imgix: where files come from, and how they are served."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final, cast

import typer

from imgwire_async.cli.imgix.deployment import Fields, deployment_fields
from imgwire_async.cli.imgix.records import PAGE, Every, Filters, Limit, Sort, show_list, show_one
from imgwire_async.cli.imgix.running import SourceId, Wait, run
from imgwire_async.cli.output import JsonFlag, beside, wrong_usage
from imgwire_async.cli.parameters import longest_wait, name_value_pairs

if TYPE_CHECKING:
    from imgwire_async.imgix import AsyncImgixClient, Source, SourceFilters, SourceSort

commands = typer.Typer(no_args_is_help=True, help="Sources: where files come from, and how they are served.")

_COLUMNS: Final = ("id", "name", "type", "deployment_status", "hosts", "date_deployed")
_LONGEST_WAIT: Final = 1800.0


class SourceType(StrEnum):
    """Type of the storage of a source's files."""

    AZURE = "azure"
    GCS = "gcs"
    S3 = "s3"
    S3_COMPATIBLE = "s3_compatible"
    WEBFOLDER = "webfolder"
    WEBPROXY = "webproxy"


@commands.command()
def ls(
    filters: Filters = None,
    sort: Sort = None,
    limit: Limit = 25,
    every: Every = False,
    as_json: JsonFlag = False,
) -> None:
    """List the sources of the account.

    Example: imgwire-async imgix sources ls --filter deployment.type=s3 --sort -date_deployed
    """

    async def work(imgix: AsyncImgixClient) -> None:
        listing = imgix.sources.list(
            filters=cast("SourceFilters", name_value_pairs(filters)),
            sort=cast("SourceSort | None", sort),
            limit=min(limit, PAGE),
            max_items=None if every else limit,
        )
        await show_list(listing, _COLUMNS, as_json=as_json)

    run(work, as_json=as_json)


@commands.command()
def show(source: SourceId, as_json: JsonFlag = False) -> None:
    """Show a source and its deployment. Secrets are left out.

    Example: imgwire-async imgix sources show SOURCE --json
    """

    async def work(imgix: AsyncImgixClient) -> None:
        show_one(await imgix.sources.retrieve(source), as_json=as_json)

    run(work, as_json=as_json)


@commands.command()
def create(
    name: Annotated[str, typer.Argument(help="Display name.", metavar="NAME")],
    source_type: Annotated[SourceType, typer.Option("--type", help="Where the files lie.")],
    imgix_subdomains: Annotated[
        list[str],
        typer.Option("--subdomain", help="Label of a rendering host, without .imgix.net; repeatable."),
    ],
    deployment: Fields = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the source is deployed.")] = False,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout", min=0, metavar="SECONDS", help="Seconds to wait at most, with --wait. Default: 1800."
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Create a source and deploy it. Sources cannot be deleted, and subdomains are never reused.

    Example: imgwire-async imgix sources create Shop --type webfolder --subdomain my-shop
    --set webfolder_base_url=https://origin.example.com/ --wait

    Example: imgwire-async imgix sources create Photos --type s3 --subdomain my-photos --set s3_bucket=photos
    --set s3_access_key=AKIA... --set s3_secret_key=@key.txt
    """
    given = deployment_fields(deployment)
    seconds = longest_wait(timeout, wait=wait, default=_LONGEST_WAIT)

    async def work(imgix: AsyncImgixClient) -> None:
        from imgwire_async.imgix import Deployment

        wanted = Deployment(**{"type": source_type.value, "imgix_subdomains": imgix_subdomains} | given)
        made = await imgix.sources.create(name=name, deployment=wanted)
        show_one(await _deployed(imgix, made, seconds) if wait else made, as_json=as_json)

    run(work, as_json=as_json)


@commands.command()
def update(
    source: SourceId,
    name: Annotated[str | None, typer.Option(help="Display name.")] = None,
    deployment: Fields = None,
    as_json: JsonFlag = False,
) -> None:
    """Change a source. Fields not given keep their values, but secrets of its storage must be set again.

    A changed deployment is deployed at once.

    Example: imgwire-async imgix sources update SOURCE --set cache_ttl_value=3600 --set s3_secret_key=@key.txt
    """
    given = deployment_fields(deployment)
    if name is None and not given:
        wrong_usage("nothing to change; use --name or --set")

    async def work(imgix: AsyncImgixClient) -> None:
        from imgwire_async.imgix.lowlevel.types import UNSET

        changed = None
        if given:
            changed = replace((await imgix.sources.retrieve(source)).deployment, **given)
        updated = await imgix.sources.update(
            source, name=UNSET if name is None else name, deployment=UNSET if changed is None else changed
        )
        show_one(updated, as_json=as_json)

    run(work, as_json=as_json)


@commands.command()
def enable(source: SourceId, as_json: JsonFlag = False) -> None:
    """Enable a source, so that it serves images again.

    Example: imgwire-async imgix sources enable SOURCE
    """

    async def work(imgix: AsyncImgixClient) -> None:
        show_one(await imgix.sources.enable(source), as_json=as_json)

    run(work, as_json=as_json)


@commands.command()
def disable(source: SourceId, as_json: JsonFlag = False) -> None:
    """Disable a source. Cached images may still be served.

    Example: imgwire-async imgix sources disable SOURCE
    """

    async def work(imgix: AsyncImgixClient) -> None:
        show_one(await imgix.sources.disable(source), as_json=as_json)

    run(work, as_json=as_json)


@commands.command("wait")
def wait_until_deployed(source: SourceId, timeout: Wait = _LONGEST_WAIT, as_json: JsonFlag = False) -> None:
    """Wait until a source is deployed.

    Example: imgwire-async imgix sources wait SOURCE --timeout 600
    """

    async def work(imgix: AsyncImgixClient) -> None:
        show_one(await _deployed(imgix, source, timeout), as_json=as_json)

    run(work, as_json=as_json)


async def _deployed(imgix: AsyncImgixClient, source: Source | str, seconds: float) -> Source:
    with beside().status("Waiting for the deployment ..."):
        return await imgix.sources.wait_until_deployed(source, timeout=seconds)
