"""The local services, configured from the command's options."""

from __future__ import annotations

import errno
import shlex
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from imgwire_async.cli.exits import ExitCode

if TYPE_CHECKING:
    from imgwire_async.sandbox import ImgixSandbox, Sandbox
    from imgwire_async.sandbox.imgix.settings import ImgixSandboxOptions

LONGEST_DELAY: Final = 86_400.0  # seconds
FASTEST_RATE: Final = 1_000_000.0  # requests per second

_WRONG_VALUES: Final = frozenset(
    {errno.EACCES, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EEXIST, errno.ENOTDIR, errno.EPERM}
)
"""Errors for which an address or folder can never be used, unlike one that is in use."""


class LocalService(StrEnum):
    """A service that runs locally."""

    IMGWIRE = "imgwire"
    IMGIX = "imgix"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The options of the command."""

    service: str = LocalService.IMGWIRE
    folder: str | None = None
    host: str = "127.0.0.1"
    port: int = 0
    faults: tuple[str, ...] | list[str] = ()
    """As typed: `NAME[@OPERATION][=RATE]`."""
    processing_delay: float | None = None
    """Seconds; None keeps the service's default."""
    rate_limit: float | None = None
    """Requests per second."""
    open: bool = False
    """Whether the browser shows its pages."""


def make(setup: Setup) -> Sandbox | ImgixSandbox:
    """Create the service without starting it.

    Raises:
        ValueError: a fault or a number is invalid; the message is for display.
        ModuleNotFoundError: the extra is not installed.
    """
    from imgwire_async.sandbox import ImgixSandbox, Sandbox, SteadyRate
    from imgwire_async.sandbox.server.requests.named_faults import switch_on_text

    limits = {}
    if setup.rate_limit is not None:
        if not 0 < setup.rate_limit <= FASTEST_RATE:
            raise ValueError(
                f"--rate-limit must be above 0 and at most {FASTEST_RATE:,.0f} requests per second"
            )
        limits = {"*": SteadyRate(rate=setup.rate_limit, burst=max(1, round(setup.rate_limit)))}
    delay = setup.processing_delay
    if delay is not None and not 0 <= delay <= LONGEST_DELAY:
        raise ValueError(f"--processing-delay must be from 0 to {LONGEST_DELAY:,.0f} seconds")
    local: Sandbox | ImgixSandbox
    if setup.service == LocalService.IMGIX:
        options: ImgixSandboxOptions = {"rate_limits": limits}
        if delay is not None:
            options |= {"indexing_delay": delay, "session_delay": delay}
        local = ImgixSandbox(setup.folder, port=setup.port, host=setup.host, **options)
    else:
        local = Sandbox(
            setup.folder, port=setup.port, host=setup.host, rate_limits=limits, processing_delay=delay or 0.0
        )
    for text in setup.faults:
        try:
            switch_on_text(local.faults, text)
        except ValueError as error:
            raise ValueError(f"--fault {text}: {error}") from None
    return local


def exports(variables: Mapping[str, str]) -> list[str]:
    """Lines of shell code that set variables."""
    return [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]


def problem_of(error: OSError, setup: Setup) -> tuple[str, ExitCode]:
    """Why a service cannot start: a message for display, and the exit code."""
    if error.errno == errno.EADDRINUSE:
        sentence = f"port {setup.port} is in use by another program; choose another one with --port"
        return sentence, ExitCode.FAILED
    wrong = isinstance(error, socket.gaierror) or error.errno in _WRONG_VALUES
    code = ExitCode.USAGE if wrong else ExitCode.FAILED
    reason = error.strerror or str(error)
    if error.filename is not None:
        return f"cannot use the folder {error.filename}: {reason}", code
    if isinstance(error, socket.gaierror) or error.errno in {errno.EACCES, errno.EADDRNOTAVAIL, errno.EPERM}:
        return f"cannot listen on {setup.host}, port {setup.port}: {reason}", code
    return reason, code


def show_in_browser(local: Sandbox | ImgixSandbox) -> None:
    """Open the pages of a service, without waiting: some browsers return only when they are closed."""

    def show() -> None:
        import webbrowser

        from imgwire_async.cli.streams import complain

        if not webbrowser.open(local.base_url):
            complain(f"No browser was found; open {local.base_url} yourself.")

    threading.Thread(target=show, name="opening the browser", daemon=True).start()
