"""The `imgwire-async` command (extra: `cli`)."""

from __future__ import annotations

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

    app()
