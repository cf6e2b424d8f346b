"""Shared by the commands for imgix: running against the service, and handling several items."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import typer

from imgwire_async import errors
from imgwire_async.cli import interruptions
from imgwire_async.cli.credentials import configured_imgix_client
from imgwire_async.cli.exits import exit_code
from imgwire_async.cli.output import guarded, retries_shown, show_error, show_json, show_records
from imgwire_async.cli.settings import settings

if TYPE_CHECKING:
    from imgwire_async.imgix.client import AsyncImgixClient

_AT_ONCE: Final = 8
"""Maximum calls in flight of a command for several items; the client keeps the published limits."""

SourceId: TypeAlias = Annotated[str, typer.Argument(help="Id of a source.", metavar="SOURCE")]
Wait: TypeAlias = Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Seconds to wait at most.")]


def run(work: Callable[[AsyncImgixClient], Awaitable[None]], *, as_json: bool) -> None:
    """Run a command with a client from the profile or environment variables, and `--base-url`."""

    async def main(imgix: AsyncImgixClient) -> None:
        async with imgix:
            await work(imgix)

    # Outside of the event loop: reading the key may take a while, or never end.
    guarded(
        lambda: interruptions.run(
            partial(main, configured_imgix_client(retries_shown(), base_url=settings.base_url))
        ),
        as_json=as_json,
    )


async def each(
    items: Sequence[str],
    work: Callable[[str], Awaitable[Mapping[str, Any]]],
    columns: Sequence[str],
    *,
    as_json: bool,
) -> None:
    """Run an operation on several items, a few at a time, and print the results.

    A failing item does not stop the others, unless its error affects all of them.

    Raises:
        typer.Exit: an item failed; every failure has been printed.
        ImgwireError: the key is not accepted.
        OSError: the results cannot be printed.
    """
    import anyio

    waiting = iter(enumerate(items))
    results: dict[int, Mapping[str, Any]] = {}
    failures: list[errors.ImgwireError] = []
    end: errors.ImgwireError | OSError | None = None

    async def worker() -> None:
        nonlocal end
        for number, item in waiting:
            try:
                result = await work(item)
                if as_json:
                    show_json(result)
                else:
                    results[number] = result
            except (errors.AuthenticationError, errors.PermissionDeniedError, OSError) as error:
                end = error
            except errors.ImgwireError as error:
                failures.append(error)
                show_error(error, as_json=as_json, about=item)
            if end is not None:
                return

    try:
        async with anyio.create_task_group() as tasks:
            for _ in range(min(_AT_ONCE, len(items))):
                tasks.start_soon(worker)
    finally:  # even after Ctrl-C, because this has been done
        if results:
            show_records([results[number] for number in sorted(results)], columns, as_json=False)
    if end is not None:
        raise end
    if failures:
        raise typer.Exit(exit_code(failures[0]))
