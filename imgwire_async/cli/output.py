"""Shared by all commands: running against the service, and output for people or scripts.

Shell completion loads all modules with commands, so they import what a command needs only when it runs.
"""

from __future__ import annotations

import errno
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn, Self, TextIO, TypeAlias, cast

import typer

from imgwire_async import errors
from imgwire_async.cli import interruptions
from imgwire_async.cli.credentials import configured_client
from imgwire_async.cli.exits import ExitCode, exit_code
from imgwire_async.cli.settings import ATTEMPTS, settings
from imgwire_async.cli.streams import LEAST_WIDTH, Beside, complain, is_terminal, note, plain, say, silence
from imgwire_async.cli.wording import details, failure_in_words, in_own_words, sentence

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text as RichText

    from imgwire_async.core.clients.events import RetryEvent
    from imgwire_async.imgwire.client import AsyncImgwireClient

_LEAST_COLUMNS: Final = 2
_MOST_CHARACTERS: Final = 40
_ROWS: Final = 100
_NO_WIDTH: Final = 10_000
_SILENCE_SECONDS: Final = 1.0
_COLOURS: Final = {
    "READY": "green",
    "PENDING": "yellow",
    "PROCESSING": "yellow",
    "QUARANTINE": "red",
    "deployed": "green",
    "deploying": "yellow",
    "disabled": "red",
}
_FACTS: Final = ("status", "error_type", "method", "url", "request_id", "retry_after", "idempotency_key")
"""Attributes of an error that are included in JSON besides its message."""

JsonFlag: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print one JSON object per line; errors as JSON to standard error.")
]
"""The option that every command has."""


def run(work: Callable[[AsyncImgwireClient], Awaitable[None]], *, as_json: bool) -> None:
    """Run a command with a client from the profile or environment variables, and `--base-url`."""

    async def main(imgwire: AsyncImgwireClient) -> None:
        async with imgwire:
            await work(imgwire)

    # Outside of the event loop: reading the key may take a while, or never end.
    guarded(
        lambda: interruptions.run(partial(main, configured_client(on_retry=retries_shown()))), as_json=as_json
    )


def retries_shown() -> Callable[[RetryEvent], None]:
    """A hook that reports retries, after a second of silence or with `--verbose`."""
    started = time.monotonic()

    def show(event: RetryEvent) -> None:
        if not settings.verbose and time.monotonic() - started + event.delay < _SILENCE_SECONDS:
            return
        responded = f"the service responded with {event.status}"
        cause = responded if event.failure is None else failure_in_words(event.failure)
        wait = f" in {event.delay:.0f} s" if event.delay >= _SILENCE_SECONDS else ""
        note(f"Retrying ({event.attempt + 1} of {ATTEMPTS}){wait}: {cause}")

    return show


def guarded(work: Callable[[], None], *, as_json: bool) -> None:
    """Run `work`; if it fails, exit with a message and an exit code.

    Raises:
        typer.Exit: it failed.
    """
    try:
        with interruptions.by_cancelling():
            work()
    except errors.ImgwireError as error:
        show_error(error, as_json=as_json)
        raise typer.Exit(exit_code(error)) from None
    except KeyboardInterrupt:
        raise typer.Exit(interruptions.code_of(interruptions.received())) from None
    except OSError as error:
        if error.filename is not None:
            problem = f"{error.strerror}: {error.filename!r}"
            complain(json.dumps({"error": "OSError", "message": problem}) if as_json else f"Error: {problem}")
            raise typer.Exit(ExitCode.FAILED) from None
        raise typer.Exit(unwritable(error)) from None


def wrong_usage(problem: str) -> NoReturn:
    """Exit with a message about invalid arguments.

    Raises:
        typer.Exit: always.
    """
    complain(f"Error: {problem}.")
    raise typer.Exit(ExitCode.USAGE)


def unwritable(error: OSError) -> ExitCode:
    """Report that standard output cannot be written, unless its reader ended early."""
    silence(sys.stdout)
    if error.errno != errno.EPIPE:
        closed = "standard output is closed" if error.errno == errno.EBADF else error.strerror
        complain(f"Error: cannot write the output: {closed or error}")
    return ExitCode.FAILED


def show_error(error: errors.ImgwireError, *, as_json: bool, about: str | None = None) -> None:
    """Print an error to standard error: a message, and with `--verbose` its details."""
    if as_json:
        facts: dict[str, object] = {"error": type(error).__name__, "message": in_own_words(error.message)}
        if about is not None:
            facts["item"] = about
        for name in _FACTS:
            if getattr(error, name, None) is not None:
                facts[name] = getattr(error, name)
        complain(json.dumps(facts))
        return
    complain(sentence(error, about))
    if settings.verbose:
        complain(*details(error))


def show_json(record: Mapping[str, Any]) -> None:
    """Print one line of JSON."""
    say(json.dumps(record))


class RecordsShown:
    """Prints records as a table while they arrive, in parts of 100 rows; the last part when the block ends.

    Args:
        columns: fields of the records to show.
        header: whether to print the header if there are no records.
    """

    def __init__(self, columns: Sequence[str], *, header: bool) -> None:
        self._columns = columns
        self._header = header
        self._waiting: list[Mapping[str, Any]] = []
        self._part: Table | None = None
        self._console = people()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._waiting or (self._header and self._part is None):
            self._print()

    def add(self, record: Mapping[str, Any]) -> None:
        """Add a row."""
        self._waiting.append(record)
        if len(self._waiting) >= _ROWS:
            self._print()

    def _print(self) -> None:
        self._part = records_table(self._waiting, self._columns, self._console, after=self._part)
        self._waiting = []
        self._console.print(self._part)


def show_records(records: Iterable[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Print records as a table of some of their fields, or as JSON with all of them."""
    if as_json:
        for record in records:
            show_json(record)
        return
    with RecordsShown(columns, header=True) as shown:
        for record in records:
            shown.add(record)


def records_table(
    records: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    console: Console,
    *,
    after: Table | None = None,
) -> Table:
    """A table of as many of the first `columns` as fit, but at least two.

    Args:
        records: the rows.
        columns: fields of the records.
        console: where it will be printed.
        after: the part before this one, whose columns it continues without a header.
    """
    if after is not None:
        return _continued(after, records, console)
    shown = list(columns)
    most = None if console.width == _NO_WIDTH else _MOST_CHARACTERS
    while True:
        table = _table()
        for column in shown:
            numbers = all(type(record.get(column)) in {int, float} for record in records)
            table.add_column(column, overflow="fold", max_width=most, justify="right" if numbers else "left")
        _add_rows(table, records)
        if len(shown) <= _LEAST_COLUMNS or width_of(table, console) <= console.width:
            return table
        shown.pop()


def _continued(before: Table, records: Sequence[Mapping[str, Any]], console: Console) -> Table:
    widths = [_width(column) for column in before.columns]
    if sum(widths) + 2 * len(widths) > console.width:  # columns have been narrowed, each to what fitted
        widths = [0] * len(widths)
    table = _table()
    table.show_header = False
    for column, width in zip(before.columns, widths, strict=True):
        table.add_column(
            column.header,
            overflow="fold",
            min_width=width,
            max_width=column.max_width,
            justify=column.justify,
        )
    _add_rows(table, records)
    return table


def _width(column: Column) -> int:
    from rich.cells import cell_len

    longest = max(cell_len(str(part)) for part in (column.header, *column.cells))
    return min(max(longest, column.min_width or 0), column.max_width or _NO_WIDTH)


def _table() -> Table:
    from rich.table import Table

    return Table(box=None, header_style="bold", pad_edge=False)


def _add_rows(table: Table, records: Iterable[Mapping[str, Any]]) -> None:
    names = [str(column.header) for column in table.columns]
    for record in records:
        table.add_row(*(_cell(name, record.get(name)) for name in names))


def width_of(table: Table, console: Console) -> int:
    """Width of a table without a limit, in characters."""
    return console.measure(table, options=console.options.update_width(_NO_WIDTH)).maximum


def show_record(record: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one record, field by field, or as JSON; one without fields as "Done."."""
    from rich.table import Table
    from rich.text import Text

    if as_json:
        show_json(record)
        return
    if not record:  # a deletion with an empty response
        people().print("Done.")
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in record.items():
        table.add_row(Text(name, style="bold"), _cell(name, value))
    people().print(table)


def people() -> Console:
    """The console for tables. Pipes and files have no width: each row is one complete line."""
    from rich.console import Console

    if not is_terminal(sys.stdout):
        return Console(width=_NO_WIDTH, force_terminal=False)
    console = Console(force_terminal=True)
    return console if console.width >= LEAST_WIDTH else Console(force_terminal=True, width=LEAST_WIDTH)


def beside() -> Console:
    """Standard error, where progress is shown on a terminal."""
    from rich.console import Console

    shown = is_terminal(sys.stderr)
    return Console(
        stderr=True,
        file=cast("TextIO", Beside(sys.stderr)) if shown else None,
        force_terminal=shown,
        quiet=settings.quiet,
    )


def _cell(column: str, value: object) -> RichText:
    """A value in a table. States are coloured if colours are enabled."""
    from rich.text import Text

    style = _COLOURS.get(str(value), "") if column.endswith("status") else ""
    return Text(plain(_text(value)), style=style, overflow="fold")


def _text(value: object) -> str:
    if value is None:
        return "-"
    return json.dumps(value) if isinstance(value, dict | list) else str(value)
