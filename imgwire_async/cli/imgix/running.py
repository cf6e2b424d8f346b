"""What the commands for imgix share: running against the service, and doing the same with several items."""

from __future__ import annotations

import functools
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import typer

from imgwire_async import errors
from imgwire_async.cli.exits import ExitCode, exit_code
from imgwire_async.cli.output import guarded, show_error, show_json, show_records
from imgwire_async.cli.streams import complain

if TYPE_CHECKING:
    from imgwire_async.imgix import AsyncImgixClient

_AT_ONCE: Final = 8
"""Calls that a command for several items has in flight; the client keeps the published limits."""

SourceId: TypeAlias = Annotated[str, typer.Argument(help="Id of a source.", metavar="SOURCE")]
Wait: TypeAlias = Annotated[float, typer.Option(min=0, help="Seconds to wait at most.")]


def run(work: Callable[[AsyncImgixClient], Awaitable[None]], *, as_json: bool) -> None:
    """Do the work of a command with a client made from the environment variables."""
    import anyio

    from imgwire_async.imgix.client import AsyncImgixClient

    async def main() -> None:
        if not os.environ.get("IMGIX_API_KEY"):
            raise errors.ConfigurationError("no API key: set the environment variable IMGIX_API_KEY")
        async with AsyncImgixClient() as imgix:
            with in_terms_of_options():
                await work(imgix)

    guarded(functools.partial(anyio.run, main), as_json=as_json)


@contextmanager
def in_terms_of_options() -> Iterator[None]:
    """Let errors that leave the block name options of a command instead of arguments in Python."""
    try:
        yield
    except errors.ImgwireError as error:
        error.message = error.message.replace("pass overwrite=True", "use --overwrite")
        raise


async def each(
    items: Sequence[str],
    work: Callable[[str], Awaitable[Mapping[str, Any]]],
    columns: Sequence[str],
    *,
    as_json: bool,
) -> None:
    """Do the same with several items, a few at a time, and print the results.

    An item that fails does not keep the others from being done, unless its error concerns all of them.

    Raises:
        typer.Exit: an item failed; every failure has been printed.
        ImgwireError: the key is not accepted.
    """
    import anyio

    waiting = iter(enumerate(items))
    results: dict[int, Mapping[str, Any]] = {}
    failures: list[errors.ImgwireError] = []
    refusal: errors.ImgwireError | None = None

    async def worker() -> None:
        nonlocal refusal
        for number, item in waiting:
            try:
                with in_terms_of_options():
                    results[number] = await work(item)
            except (errors.AuthenticationError, errors.PermissionDeniedError) as error:
                refusal = error
            except errors.ImgwireError as error:
                failures.append(error)
                show_error(error, as_json=as_json, about=item)
            else:
                if as_json:
                    show_json(results[number])
            if refusal is not None:
                return

    async with anyio.create_task_group() as tasks:
        for _ in range(min(_AT_ONCE, len(items))):
            tasks.start_soon(worker)
    if results and not as_json:
        show_records([results[number] for number in sorted(results)], columns, as_json=False)
    if refusal is not None:
        raise refusal
    if failures:
        raise typer.Exit(exit_code(failures[0]))


def pairs(arguments: Sequence[str] | None) -> dict[str, str]:
    """The values of an option that is given as NAME=VALUE.

    Raises:
        typer.Exit: one is not.
    """
    found: dict[str, str] = {}
    for argument in arguments or ():
        name, sign, value = argument.partition("=")
        if not (name and sign):
            raise wrong_usage(f"expected NAME=VALUE, got {argument!r:.80}")
        found[name] = value
    return found


def wrong_usage(problem: str) -> typer.Exit:
    """Say what is wrong with the arguments, and return what ends the command."""
    complain(f"Error: {problem}.")
    return typer.Exit(ExitCode.USAGE)
