"""The program: all commands by subject."""

from __future__ import annotations

import typer

from imgwire_async.cli import environment, images, imgix, ingest, local, migrate
from imgwire_async.cli.exits import EXIT_CODES

app = typer.Typer(
    name="imgwire-async",
    no_args_is_help=True,
    epilog=EXIT_CODES,
    pretty_exceptions_show_locals=False,  # they could hold a key
)


@app.callback()
def commands() -> None:
    """Upload, manage and deliver images with the Imgwire API.

    Configuration comes from IMGWIRE_API_KEY, IMGWIRE_API_BASE_URL and IMGWIRE_ENVIRONMENT_ID together.
    """


images.register(app)
ingest.register(app)
environment.register(app)
imgix.register(app)
migrate.register(app)
local.register(app)
