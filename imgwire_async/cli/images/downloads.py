"""The commands that download images."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Annotated, cast

import typer

from imgwire_async import errors
from imgwire_async.cli.output import JsonFlag, beside, run, show_record, show_records, wrong_usage
from imgwire_async.cli.parameters import STANDARD, Changes, ImageIds, PresetOption, name_value_pairs
from imgwire_async.cli.streams import is_terminal, note

if TYPE_CHECKING:
    from imgwire_async.imgwire.cdn import Preset, Transformations
    from imgwire_async.imgwire.client import AsyncImgwireClient


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command(rich_help_panel="Deliver")(download)
    app.command(rich_help_panel="Deliver")(bulk_download)


def download(
    image_id: Annotated[str, typer.Argument(metavar="ID")],
    changes: Changes = None,
    to: Annotated[
        str | None,
        typer.Option(
            help="File or object (s3://bucket/key) to write, or a folder or prefix/ to put it in under the "
            "name of the image; - for standard output. Default: the current folder."
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


def bulk_download(
    image_ids: ImageIds,
    to: Annotated[
        str,
        typer.Option(
            metavar="PATH",
            help="Folder to write the images into, or a .zip file or object (s3://bucket/key.zip) for the "
            "archive itself.",
        ),
    ] = ".",
    timeout: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="Seconds to wait for the archive at most.")
    ] = 600.0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Download the originals of several images as one archive built by the service.

    For all images of an environment, resumable and verified: imgwire-async export.

    Example: imgwire-async bulk-download ID1 ID2 --to photos/

    Example: imgwire-async bulk-download ID1 ID2 --to photos.zip
    """
    if to == str(STANDARD):
        wrong_usage("--to must be a folder, a .zip file or an object, not standard output")

    async def work(imgwire: AsyncImgwireClient) -> None:
        images = imgwire.images
        with beside().status("Waiting for the archive ...") as shown:
            job = await images.create_bulk_download_job(image_ids)
            job = await images.wait_for_bulk_download(job, timeout=timeout)
            shown.update("Downloading ...")
            if to.lower().endswith(".zip"):
                file = await images.download_archive(job, to=to, overwrite=overwrite)
                where = file.path if file.uri is None else file.uri
                show_record({"path": str(where), "size": file.size}, as_json=as_json)
                return
            paths = await images.download_archive(job, to=to, extract=True, overwrite=overwrite)
        show_records([{"path": str(path)} for path in paths], ["path"], as_json=as_json)
        for renamed in paths.renamed:
            note(f"{renamed.entry!r} of the archive is {renamed.path.name!r}.")

    run(work, as_json=as_json)


async def _to_standard_output(download: Awaitable[object]) -> None:
    try:
        await download
    except errors.DownloadTargetError as error:
        if error.errno is None:
            raise
        # As when a command cannot print: a reader that ends early is not an error.
        raise OSError(error.errno, os.strerror(error.errno)) from error
