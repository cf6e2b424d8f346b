"""The command that runs a local Imgwire."""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from imgwire_async.cli.exits import ExitCode
from imgwire_async.cli.local.services import LocalService, Setup, exports, make, problem_of, show_in_browser
from imgwire_async.cli.output import show_json, wrong_usage
from imgwire_async.cli.settings import settings
from imgwire_async.cli.streams import complain, is_terminal, plain, say

if TYPE_CHECKING:
    from imgwire_async.sandbox import ImgixSandbox, Sandbox


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(rich_help_panel="Try")(sandbox)


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
    open_browser: Annotated[bool, typer.Option("--open", help="Open its pages in the browser.")] = False,
    faults: Annotated[
        list[str] | None,
        typer.Option(
            "--fault",
            metavar="NAME[@OPERATION][=RATE]",
            help="Make requests fail: all, those of an operation, or a share such as 0.1; repeatable.",
        ),
    ] = None,
    processing_delay: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Seconds that processing an uploaded image takes."),
    ] = None,
    rate_limit: Annotated[
        float | None,
        typer.Option(metavar="NUMBER", help="Respond with 429 above this many requests per second."),
    ] = None,
    stop: Annotated[
        bool,
        typer.Option("--stop", help="Stop the background service of --port or of the environment variables."),
    ] = False,
) -> None:
    """Run a local Imgwire or imgix service until Ctrl-C, and print its address and keys.

    Open its address in a browser for a gallery with a developer's view. Requests are logged to standard
    error, unless --quiet is given. With --env it runs in the background of the shell, sets the shell's
    variables, and ends with the shell.

    Faults are a status from 400 to 599, reset, lost-response, stall, truncate, slow or interrupt.

    Example: imgwire-async sandbox --folder imgwire-data --port 8787 --open

    Example: imgwire-async sandbox --fault 503=0.1 --fault slow@store.put --rate-limit 20

    Example: eval "$(imgwire-async sandbox --env)"

    Example: imgwire-async sandbox imgix
    """
    setup = Setup(
        service=service,
        folder=None if folder is None else str(folder),
        host=host,
        port=port if port is not None else 0 if env else 8787,
        faults=faults or (),
        processing_delay=processing_delay,
        rate_limit=rate_limit,
        open=open_browser,
    )
    if stop:
        _stop(port)
    elif env:
        _in_background(setup)
    else:
        _in_foreground(setup, as_json=as_json)


def _in_foreground(setup: Setup, *, as_json: bool) -> None:
    try:
        local = make(setup)
    except ValueError as error:
        wrong_usage(str(error))
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("imgwire_async"):
            raise
        complain("Error: the sandbox needs its extra: pip install 'imgwire-async[cli,sandbox]'.")
        raise typer.Exit(ExitCode.USAGE) from None
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with _requests_shown():
        try:
            local.start()
        except OSError as error:
            sentence, code = problem_of(error, setup)
            complain(f"Error: {sentence}.")
            raise typer.Exit(code) from None
        try:
            if as_json:
                show_json(_facts(local))
            else:
                say(*_introduction(local, setup.folder).split("\n"))
            if setup.open:
                show_in_browser(local)
            stopped.wait()
        finally:
            local.stop()


class _Lines(logging.Handler):
    """Writes the sandbox's log to standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one entry."""
        complain(*self.format(record).split("\n"))


@contextlib.contextmanager
def _requests_shown() -> Iterator[None]:
    """Show the sandbox's log with a line per request; with `--quiet`, errors only."""
    log = logging.getLogger("imgwire_async.sandbox")
    handler, level = _Lines(), log.level
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    log.addHandler(handler)
    log.setLevel(logging.ERROR if settings.quiet else logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


def _stop(port: int | None) -> None:
    background = _background()
    try:
        say(f"Stopped {background.stop(port).base_url}.")
    except background.BackgroundError as error:
        complain(f"Error: {error}")
        raise typer.Exit(ExitCode.NOT_FOUND) from None


def _in_background(setup: Setup) -> None:
    background = _background()
    try:
        exports = background.start(setup)
    except background.BackgroundError as error:
        complain(f"Error: {error}")
        say("false")  # makes `eval` fail as well, because the variables are not set
        raise typer.Exit(error.code) from None
    say(*exports.split("\n"))
    if is_terminal(sys.stdout):
        complain('To set these variables: eval "$(imgwire-async sandbox --env)"')


def _background() -> ModuleType:
    try:
        from imgwire_async.cli.local import background
    except ModuleNotFoundError:
        complain("Error: --env and --stop need a system with POSIX shells.")
        raise typer.Exit(ExitCode.USAGE) from None
    return background


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


def _introduction(local: Sandbox | ImgixSandbox, folder: str | None) -> str:
    from imgwire_async.sandbox import ImgixSandbox

    if isinstance(local, ImgixSandbox):
        lines = [
            f"imgix sandbox:   {local.base_url}",
            f"Rendering:       {local.base_url}/~/SUBDOMAIN.imgix.net/PATH",
        ]
    else:
        lines = [f"Imgwire sandbox: {local.base_url}", f"Session token:   {local.session_token}"]
    lines += [
        f"Developer view:  {local.base_url}/developer/requests",
        f"Stored in:       {plain(folder) if folder is not None else 'a temporary folder'}",
        "",
        *exports(local.variables),
        "",
        "Press Ctrl-C to stop.",
    ]
    return "\n".join(lines)
