"""The `imgwire-async` command (extra: `cli`)."""

from __future__ import annotations

import sys

from imgwire_async.cli import interruptions


def main() -> None:
    """Run the command; without the extra, explain how to install it."""
    interruptions.at_once()
    interruptions.not_ignored()
    from imgwire_async.cli.streams import prepare_streams

    prepare_streams()
    try:
        from imgwire_async.cli.program import run_program
    except ModuleNotFoundError as error:
        if error.name != "typer":
            raise
        print("Error: the command needs its extra: pip install 'imgwire-async[cli]'.", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None  # ExitCode.USAGE, which cannot be imported without the extra
    run_program()
