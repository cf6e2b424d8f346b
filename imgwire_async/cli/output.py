"""What all commands share: running against the service, output for people or scripts, exit codes."""

from __future__ import annotations

import errno
import functools
import json
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Annotated, Any, Final, TypeAlias

import anyio
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from imgwire_async import errors
from imgwire_async.client import AsyncImgwireClient

_LEAST_COLUMNS: Final = 2
_MOST_CHARACTERS: Final = 40
_NO_WIDTH: Final = 10_000

JsonFlag: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print one JSON object per line; errors too, to standard error.")
]
"""The option that every command has."""


class ExitCode(IntEnum):
    """How a command ends."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    NOT_FOUND = 4
    INVALID = 5
    UNREACHABLE = 6
    INTERRUPTED = 130


EXIT_CODES = """\
Exit codes: 0 done · 1 failed · 2 wrong usage or configuration · 3 key, plan or permission refused
(401, 402, 403) · 4 not found · 5 file or value refused ·
6 service unreachable, busy or failing · 130 interrupted.
"""


def exit_code(error: errors.ImgwireError) -> ExitCode:
    """The exit code for an error."""
    match error:
        case errors.ConfigurationError():
            return ExitCode.USAGE
        case errors.AuthenticationError() | errors.PaymentRequiredError() | errors.PermissionDeniedError():
            return ExitCode.REFUSED
        case errors.NotFoundError():
            return ExitCode.NOT_FOUND
        case errors.RateLimitError() | errors.InternalServerError():
            return ExitCode.UNREACHABLE
        case errors.APIConnectionError() | errors.DeadlineExceededError():
            return ExitCode.UNREACHABLE
        case errors.APIStatusError() | errors.UploadError() | ValueError():
            return ExitCode.INVALID
        case _:
            return ExitCode.FAILED


def run(work: Callable[[AsyncImgwireClient], Awaitable[None]], *, as_json: bool) -> None:
    """Do the work of a command with a client made from the environment variables."""

    async def main() -> None:
        async with AsyncImgwireClient() as imgwire:
            await work(imgwire)

    guarded(functools.partial(anyio.run, main), as_json=as_json)


def guarded(work: Callable[[], None], *, as_json: bool) -> None:
    """Do `work`, and end with a message and an exit code if it fails.

    Raises:
        typer.Exit: it failed.
    """
    try:
        work()
    except errors.ImgwireError as error:
        show_error(error, as_json=as_json)
        raise typer.Exit(exit_code(error)) from None
    except KeyboardInterrupt:
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except OSError as error:
        if error.errno == errno.EPIPE:  # whoever read the output has seen enough
            raise
        typer.echo(f"Error: cannot write the output: {error.strerror or error}", err=True)
        raise typer.Exit(ExitCode.FAILED) from None


def show_error(error: errors.ImgwireError, *, as_json: bool, about: str | None = None) -> None:
    """Print an error to standard error."""
    if as_json:
        facts: dict[str, object] = {"error": type(error).__name__, "message": str(error)}
        if about is not None:
            facts["item"] = about
        for name in ("status", "error_type", "request_id", "retry_after", "idempotency_key"):
            if getattr(error, name, None) is not None:
                facts[name] = getattr(error, name)
        typer.echo(json.dumps(facts), err=True)
        return
    typer.echo(plain(f"{about}: {error}" if about else f"Error: {error}"), err=True)


def show_json(record: Mapping[str, Any]) -> None:
    """Print one line of JSON."""
    typer.echo(json.dumps(record))


def show_records(records: Iterable[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Print records as a table of some of their fields, or as JSON with all of them."""
    if as_json:
        for record in records:
            show_json(record)
        return
    console = people()
    console.print(records_table(list(records), columns, console))


def records_table(records: Sequence[Mapping[str, Any]], columns: Sequence[str], console: Console) -> Table:
    """A table of the first of `columns`, as many as there is room for, but at least two."""
    shown = list(columns)
    most = None if console.width == _NO_WIDTH else _MOST_CHARACTERS
    while True:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for column in shown:
            table.add_column(column, overflow="fold", max_width=most)
        for record in records:
            table.add_row(*(Text(plain(_text(record.get(column)))) for column in shown))
        if len(shown) <= _LEAST_COLUMNS or width_of(table, console) <= console.width:
            return table
        shown.pop()


def width_of(table: Table, console: Console) -> int:
    """Characters that a table takes where nothing limits it."""
    return console.measure(table, options=console.options.update_width(_NO_WIDTH)).maximum


def show_record(record: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one record, field by field, or as JSON."""
    if as_json:
        show_json(record)
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in record.items():
        table.add_row(Text(name, style="bold"), Text(plain(_text(value)), overflow="fold"))
    people().print(table)


def people() -> Console:
    """Where tables go. Pipes and files have no width unless COLUMNS says so: each row is one line there."""
    console = Console()
    if console.is_terminal or "COLUMNS" in os.environ:
        return console
    return Console(width=_NO_WIDTH)


def plain(text: str) -> str:
    """`text` without control characters: names of files can hold those that rule a terminal."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )


def _text(value: object) -> str:
    if value is None:
        return "-"
    return json.dumps(value) if isinstance(value, dict | list) else str(value)
