"""Commands for the origins from which browsers may upload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from imgwire_async.cli.output import JsonFlag, run, show_record, show_records

if TYPE_CHECKING:
    from imgwire_async.imgwire.client import AsyncImgwireClient

cors = typer.Typer(no_args_is_help=True, help="Origins from which browsers may upload.")


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
