"""The command that runs a local Imgwire."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imgwire_async.cli.output import show_json
from imgwire_async.cli.streams import say

if TYPE_CHECKING:
    from imgwire_async.sandbox import Sandbox


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(sandbox)


def sandbox(
    folder: Annotated[
        Path | None, typer.Option(help="Keep images, records and keys here; without it nothing is kept.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port; 0 takes a free one.")] = 8787,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print address and keys as one JSON object when it is ready.")
    ] = False,
) -> None:
    """Run a local Imgwire service until Ctrl-C. Its keys are good for nothing else, and are printed.

    Example: imgwire-async sandbox --folder imgwire-data --port 8787
    """
    try:
        from imgwire_async.sandbox import Sandbox
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("imgwire_async"):
            raise
        typer.echo("The sandbox needs its extra: pip install 'imgwire-async[cli,sandbox]'.", err=True)
        raise typer.Exit(1) from None
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    local = Sandbox(folder, port=port, host=host)
    try:
        local.start()
    except OSError as error:
        typer.echo(f"The sandbox cannot start on {host}:{port}: {error}.", err=True)
        raise typer.Exit(1) from None
    try:
        if as_json:
            show_json(_facts(local))
        else:
            say(_introduction(local, folder))
        stopped.wait()
    finally:
        local.stop()


def _facts(local: Sandbox) -> dict[str, str]:
    return {
        "base_url": local.base_url,
        "server_key": local.server_key,
        "client_key": local.client_key,
        "session_token": local.session_token,
        "environment_id": str(local.environment_id),
    }


def _introduction(local: Sandbox, folder: Path | None) -> str:
    return (
        f"Imgwire sandbox: {local.base_url}\n"
        f"Session token:   {local.session_token}\n"
        f"Stored in:       {folder if folder is not None else 'a temporary folder'}\n\n"
        f"export IMGWIRE_API_KEY={local.server_key}\n"
        f"export IMGWIRE_API_BASE_URL={local.base_url}\n"
        f"export IMGWIRE_ENVIRONMENT_ID={local.environment_id}\n"
        f"export IMGWIRE_CLIENT_KEY={local.client_key}\n\n"
        "Ctrl-C stops it."
    )
