"""The command that runs a local Imgwire."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(sandbox)


def sandbox(
    folder: Annotated[
        Path | None, typer.Option(help="Keep images, records and keys here; without it nothing is kept.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port; 0 takes a free one.")] = 8787,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Run a local Imgwire service until Ctrl-C."""
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
        typer.echo(
            f"Imgwire sandbox: {local.base_url}\n"
            f"Client key:      {local.client_key}\n"
            f"Session token:   {local.session_token}\n"
            f"Stored in:       {folder if folder is not None else 'a temporary folder'}\n\n"
            f"export IMGWIRE_API_KEY={local.server_key}\n"
            f"export IMGWIRE_API_BASE_URL={local.base_url}\n"
            f"export IMGWIRE_ENVIRONMENT_ID={local.environment_id}\n\n"
            "Ctrl-C stops it."
        )
        stopped.wait()
    finally:
        local.stop()
