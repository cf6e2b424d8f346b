"""The command that downloads an image."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Annotated, cast

import typer

from imgwire_async import errors
from imgwire_async.cli.output import JsonFlag, beside, run, show_record, wrong_usage
from imgwire_async.cli.parameters import STANDARD, Changes, PresetOption, name_value_pairs
from imgwire_async.cli.streams import is_terminal

if TYPE_CHECKING:
    from imgwire_async.imgwire.cdn import Preset, Transformations
    from imgwire_async.imgwire.client import AsyncImgwireClient


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(rich_help_panel="Deliver")(download)


def download(
    image_id: Annotated[str, typer.Argument(metavar="ID")],
    changes: Changes = None,
    to: Annotated[
        str | None,
        typer.Option(
            help="File or object (s3://bucket/key) to write, or a folder or prefix/ to put it in under the "
            "image's name; - for standard output. Default: the current folder."
        ),
    ] = None,
    preset: PresetOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Download an image, original or transformed.

    Example: imgwire-async download ID width=1600 format=webp --to hero.webp

    Example: imgwire-async download ID format=png --to - | pngquant - > hero.png
    """
    transformations = cast("Transformations", name_value_pairs(changes))
    name = cast("Preset | None", preset and preset.value)

    if to == str(STANDARD) and is_terminal(sys.stdout):
        wrong_usage("--to - would print the image on the terminal; redirect standard output")

    async def work(imgwire: AsyncImgwireClient) -> None:
        if to == str(STANDARD):
            await _to_standard_output(
                imgwire.images.download(image_id, to=sys.stdout.buffer, preset=name, **transformations)
            )
            return
        with beside().status("Downloading ..."):
            file = await imgwire.images.download(
                image_id, to="." if to is None else to, overwrite=overwrite, preset=name, **transformations
            )
        record = {
            "path": str(file.path if file.uri is None else file.uri),
            "size": file.size,
            "content_type": file.content_type,
        }
        show_record(record, as_json=as_json)

    run(work, as_json=as_json)


async def _to_standard_output(download: Awaitable[object]) -> None:
    try:
        await download
    except errors.DownloadTargetError as error:
        if error.errno is None:
            raise
        # As when a command cannot print: a reader that has seen enough is no error.
        raise OSError(error.errno, os.strerror(error.errno)) from error
