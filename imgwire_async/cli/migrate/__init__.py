"""`imgwire-async migrate …`: the commands for moving from imgix to Imgwire."""

from __future__ import annotations

import typer

from imgwire_async.cli.exits import EXIT_CODES
from imgwire_async.cli.migrate import rewrite, run, survey, verify


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    migrate = typer.Typer(
        no_args_is_help=True,
        help="Move from imgix to Imgwire: move images, rewrite URLs, and compare the images of both.",
    )
    migrate.command()(survey.survey)
    migrate.command(epilog=EXIT_CODES)(run.run)
    migrate.command()(rewrite.rewrite)
    migrate.command(epilog=EXIT_CODES)(verify.verify)
    app.add_typer(migrate, name="migrate", rich_help_panel="imgix")
