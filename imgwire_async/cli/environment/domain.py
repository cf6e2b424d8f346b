"""Commands for the custom domain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from imgwire_async.cli.output import JsonFlag, run, show_record

if TYPE_CHECKING:
    from imgwire_async.imgwire.client import AsyncImgwireClient

domain = typer.Typer(no_args_is_help=True, help="The custom domain.")


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
