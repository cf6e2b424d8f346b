"""The command that uploads files to a source of imgix."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imgwire_async.cli.images.uploads import standard_input
from imgwire_async.cli.imgix.records import as_record
from imgwire_async.cli.imgix.running import SourceId, each, run
from imgwire_async.cli.output import JsonFlag, wrong_usage
from imgwire_async.cli.parameters import STANDARD, Longest, longest_wait
from imgwire_async.cli.progress import upload_bars

if TYPE_CHECKING:
    from imgwire_async.imgix import AsyncImgixClient


def upload(
    source: SourceId,
    files: Annotated[
        list[Path], typer.Argument(help="Files to upload; - for standard input.", metavar="FILE...")
    ],
    origin_path: Annotated[
        str | None,
        typer.Option(
            "--to",
            help="Path at the origin, or with a trailing slash the folder for the files. "
            "Default: the names of the files.",
            metavar="PATH",
        ),
    ] = None,
    content_type: Annotated[
        str | None, typer.Option(help="MIME type to store. Default: detected.", metavar="TYPE")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the asset is indexed.")] = False,
    timeout: Longest = None,
    as_json: JsonFlag = False,
) -> None:
    """Upload files to the origin of a source. Large files go through an upload session.

    Example: imgwire-async imgix upload SOURCE hero.jpg other.jpg --to heroes/ --wait

    Example: convert hero.psd png:- | imgwire-async imgix upload SOURCE - --to heroes/hero.png
    """
    places = _places(files, origin_path)
    seconds = longest_wait(timeout, wait=wait)

    async def work(imgix: AsyncImgixClient) -> None:
        with upload_bars() as bar:

            async def one(name: str) -> Mapping[str, Any]:
                path = Path(name)
                asset = await imgix.assets.upload(
                    source,
                    places[name],
                    standard_input() if path == STANDARD else path,
                    content_type=content_type,
                    overwrite=overwrite,
                    wait=wait,
                    timeout=seconds,
                    on_progress=bar(path.name),
                )
                return as_record(asset)

            await each(list(places), one, ("origin_path", "content_type", "file_size"), as_json=as_json)

    run(work, as_json=as_json)


def _places(files: list[Path], origin_path: str | None) -> dict[str, str]:
    """The path at the origin for each file.

    Raises:
        typer.Exit: a file has no path, or two files have the same one.
    """
    folder = origin_path is None or origin_path.endswith("/")
    if not folder and len(files) > 1:
        wrong_usage(
            "--to is the path of one file; for several files, end it with a slash to name their folder"
        )
    if folder and STANDARD in files:
        wrong_usage("standard input has no name; use --to PATH")
    places: dict[str, str] = {}
    for file in files:
        place = f"{origin_path or ''}{file.name}" if folder else origin_path or ""
        if place in places.values():
            wrong_usage(f"two files would be stored at {place!r:.200}")
        places[str(file)] = place
    return places
