"""Commands for the URLs of images."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, cast

import typer

from imgwire_async.cli.exits import ExitCode
from imgwire_async.cli.output import JsonFlag, guarded, run, show_json, show_records
from imgwire_async.cli.parameters import Changes, PresetName, PresetOption, name_value_pairs
from imgwire_async.cli.streams import complain, say

if TYPE_CHECKING:
    from imgwire_async.imgwire.cdn import Preset, Transformations
    from imgwire_async.imgwire.client import AsyncImgwireClient

_SUBJECT = "Deliver"
ImageOrUrl = Annotated[str, typer.Argument(help="Id of an image, or its CDN URL.", metavar="ID|URL")]


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command(rich_help_panel=_SUBJECT)(url)
    app.command("open", rich_help_panel=_SUBJECT)(open_url)
    app.command(rich_help_panel=_SUBJECT)(transformations)


def url(
    image: ImageOrUrl,
    changes: Changes = None,
    preset: PresetOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Print the URL of an image, with a preset and transformations. A CDN URL needs no request.

    Example: imgwire-async url ID width=300 height=200 resizing_type=cover format=auto
    """

    def show(made: str) -> None:
        if as_json:
            show_json({"url": made})
        else:
            say(made)

    _with_url(image, changes, preset, show, as_json=as_json)


def open_url(
    image: ImageOrUrl,
    changes: Changes = None,
    preset: PresetOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show an image in the browser, with a preset and transformations, and print its URL.

    Example: imgwire-async open ID width=800
    """

    def show(made: str) -> None:
        import webbrowser

        if as_json:
            show_json({"url": made})
        else:
            say(made)
        if not webbrowser.open(made):
            complain("Error: no browser was found.")
            raise typer.Exit(ExitCode.FAILED)

    _with_url(image, changes, preset, show, as_json=as_json)


def transformations(as_json: JsonFlag = False) -> None:
    """List all transformations with their values and aliases.

    Example: imgwire-async transformations
    """

    def work() -> None:
        from imgwire_async.imgwire.cdn.table import TABLE

        rows = [
            {
                "name": row.name,
                "values": _values_in_urls(row.kind.allowed),
                "meaning": row.summary,
                "aliases": row.aliases.split() if as_json else row.aliases.replace(" ", ", "),
            }
            for row in TABLE
        ]
        show_records(rows, ("name", "values", "meaning", "aliases"), as_json=as_json)

    guarded(work, as_json=as_json)


def _values_in_urls(allowed: str) -> str:
    """The values as written in a URL, without Python's object forms."""
    ways = [way for way in allowed.replace("`", "").split("; or ") if not way.startswith("an object of")]
    return "; or ".join(ways)


def _with_url(
    image: str,
    changes: list[str] | None,
    preset: PresetName | None,
    show: Callable[[str], None],
    *,
    as_json: bool,
) -> None:
    """Call `show` with the URL of an image. A CDN URL needs no request."""
    changed = cast("Transformations", name_value_pairs(changes))
    name = cast("Preset | None", preset and preset.value)

    def show_url(base: str) -> None:
        from imgwire_async.imgwire.cdn import cdn_url

        show(cdn_url(base, name, **changed))

    async def work(imgwire: AsyncImgwireClient) -> None:
        show_url((await imgwire.images.retrieve(image)).cdn_url)

    if "://" in image:
        guarded(lambda: show_url(image), as_json=as_json)
    else:
        run(work, as_json=as_json)
