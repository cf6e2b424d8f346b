"""The program: all commands by subject."""

from __future__ import annotations

from typing import Annotated

import typer

from imgwire_async.cli import environment, imgix, migrate
from imgwire_async.cli.help import Group, with_plain_help
from imgwire_async.cli.images import delivery, downloads, stored, uploads
from imgwire_async.cli.jobs import export, ingest, status
from imgwire_async.cli.local import sandbox
from imgwire_async.cli.streams import say

app = typer.Typer(
    name="imgwire-async",
    no_args_is_help=True,
    rich_markup_mode=None,
    cls=Group,
    context_settings={"help_option_names": ["--help", "-h"]},
    pretty_exceptions_show_locals=False,  # they could contain a key
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        say(f"imgwire-async {version('imgwire-async')}")
        raise typer.Exit


@app.callback()
def commands(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version),
    ] = False,
) -> None:
    """Upload, manage and deliver images with the Imgwire API.

    Configuration comes from IMGWIRE_API_KEY, IMGWIRE_API_BASE_URL and IMGWIRE_ENVIRONMENT_ID together,
    or from a profile stored by `imgwire-async login`.

    Example: imgwire-async login

    Example: imgwire-async upload hero.jpg --wait

    Example: imgwire-async ls --limit 10
    """


uploads.register(app)
ingest.register(app)
status.register(app)
export.register(app)
stored.register(app)
delivery.register(app)
downloads.register(app)
environment.register(app)
imgix.register(app)
migrate.register(app)
sandbox.register(app)
with_plain_help(app)
