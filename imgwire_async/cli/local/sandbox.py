"""The command that runs a local Imgwire."""

from __future__ import annotations

import signal
import sys
import threading
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imgwire_async.cli.exits import ExitCode
from imgwire_async.cli.output import show_json
from imgwire_async.cli.streams import complain, is_terminal, plain, say

if TYPE_CHECKING:
    from imgwire_async.sandbox import ImgixSandbox, Sandbox


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(rich_help_panel="Try")(sandbox)


class LocalService(StrEnum):
    """A service that runs locally."""

    IMGWIRE = "imgwire"
    IMGIX = "imgix"


def sandbox(
    service: Annotated[LocalService, typer.Argument(help="Service to run.")] = LocalService.IMGWIRE,
    folder: Annotated[
        Path | None, typer.Option(help="Keep images, records and keys here. Default: a temporary folder.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="TCP port; 0 picks a free one. Default: 8787, or 0 with --env."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print address and keys as one JSON object once it is ready.")
    ] = False,
    env: Annotated[
        bool,
        typer.Option(
            "--env",
            help="Run in the background and print shell code (sh, bash, zsh) that sets the variables.",
        ),
    ] = False,
    stop: Annotated[
        bool,
        typer.Option("--stop", help="Stop the background service that the variables or --port name."),
    ] = False,
) -> None:
    """Run a local Imgwire or imgix service until Ctrl-C, and print its address and keys.

    With --env it runs in the background of the shell, whose variables lead to it, and ends with the shell.

    Example: imgwire-async sandbox --folder imgwire-data --port 8787

    Example: eval "$(imgwire-async sandbox --env)"

    Example: imgwire-async sandbox imgix
    """
    if env or stop:
        _in_background(service, folder, host, port, stop=stop)
        return
    try:
        from imgwire_async.sandbox import ImgixSandbox, Sandbox
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("imgwire_async"):
            raise
        complain("Error: the sandbox needs its extra: pip install 'imgwire-async[cli,sandbox]'.")
        raise typer.Exit(ExitCode.USAGE) from None
    port = 8787 if port is None else port
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    local: Sandbox | ImgixSandbox
    if service is LocalService.IMGIX:
        local = ImgixSandbox(folder, port=port, host=host)
    else:
        local = Sandbox(folder, port=port, host=host)
    try:
        local.start()
    except OSError as error:
        complain(f"Error: the sandbox cannot start on {host}:{port}: {error}.")
        raise typer.Exit(ExitCode.FAILED) from None
    try:
        if as_json:
            show_json(_facts(local))
        else:
            say(*_introduction(local, folder).split("\n"))
        stopped.wait()
    finally:
        local.stop()


def _in_background(
    service: LocalService, folder: Path | None, host: str, port: int | None, *, stop: bool
) -> None:
    try:
        from imgwire_async.cli.local import background
    except ModuleNotFoundError:
        complain("Error: --env and --stop need a system with POSIX shells.")
        raise typer.Exit(ExitCode.USAGE) from None
    try:
        if stop:
            say(f"Stopped {background.stop(port).base_url}.")
            return
        exports = background.start(folder, service=service, host=host, port=port or 0)
    except background.BackgroundError as error:
        complain(f"Error: {error}")
        if not stop:
            say("false")  # lets `eval` fail as well, where the variables still lead elsewhere
        raise typer.Exit(ExitCode.NOT_FOUND if stop else ExitCode.FAILED) from None
    say(*exports.split("\n"))
    if is_terminal(sys.stdout):
        complain('To set these variables: eval "$(imgwire-async sandbox --env)"')


def _facts(local: Sandbox | ImgixSandbox) -> dict[str, str]:
    from imgwire_async.sandbox import ImgixSandbox

    if isinstance(local, ImgixSandbox):
        return {"base_url": local.base_url, "api_key": local.api_key}
    return {
        "base_url": local.base_url,
        "server_key": local.server_key,
        "client_key": local.client_key,
        "session_token": local.session_token,
        "environment_id": str(local.environment_id),
    }


def _introduction(local: Sandbox | ImgixSandbox, folder: Path | None) -> str:
    from imgwire_async.sandbox import ImgixSandbox

    if isinstance(local, ImgixSandbox):
        return (
            f"imgix sandbox: {local.base_url}\n"
            f"Rendering:     {local.base_url}/~/SUBDOMAIN.imgix.net/PATH\n"
            f"Stored in:     {plain(str(folder)) if folder is not None else 'a temporary folder'}\n\n"
            f"export IMGIX_API_KEY={local.api_key}\n"
            f"export IMGIX_API_BASE_URL={local.base_url}\n\n"
            "Ctrl-C stops it."
        )
    return (
        f"Imgwire sandbox: {local.base_url}\n"
        f"Session token:   {local.session_token}\n"
        f"Stored in:       {plain(str(folder)) if folder is not None else 'a temporary folder'}\n\n"
        f"export IMGWIRE_API_KEY={local.server_key}\n"
        f"export IMGWIRE_API_BASE_URL={local.base_url}\n"
        f"export IMGWIRE_ENVIRONMENT_ID={local.environment_id}\n"
        f"export IMGWIRE_CLIENT_KEY={local.client_key}\n\n"
        "Ctrl-C stops it."
    )
