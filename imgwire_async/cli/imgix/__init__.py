"""`imgwire-async imgix …`: the commands for the imgix Management API."""

from __future__ import annotations

import typer

from imgwire_async.cli.environment.login import NO_KEY, login_to_imgix, logout_of_imgix
from imgwire_async.cli.imgix import assets, delivery, reports, sources, upload


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    imgix = typer.Typer(
        no_args_is_help=True,
        help="Manage sources, assets and reports of imgix.\n\n"
        "Configuration comes from IMGIX_API_KEY and IMGIX_API_BASE_URL together, or from a profile stored by "
        "`imgwire-async imgix login`.",
    )
    imgix.command("login", context_settings=NO_KEY)(login_to_imgix)
    imgix.command("logout")(logout_of_imgix)
    imgix.add_typer(sources.commands, name="sources")
    imgix.add_typer(assets.commands, name="assets")
    imgix.command()(upload.upload)
    imgix.command()(delivery.purge)
    imgix.add_typer(reports.commands, name="reports")
    app.add_typer(imgix, name="imgix", rich_help_panel="imgix")
