"""The `imgwire-async` command (extra: `cli`)."""

from __future__ import annotations

import io
import sys


def main() -> None:
    """Run the command; without the extra, say how to get it."""
    try:
        import typer  # noqa: F401 - only whether it is there
    except ModuleNotFoundError as error:
        if error.name != "typer":
            raise
        sys.exit("The imgwire-async command needs its extra: pip install 'imgwire-async[cli]'.")
    from imgwire_async.cli.app import app

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # whatever encoding a pipe or an old terminal has
    app()
