"""The command that purges images from the caches of imgix."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imgwire_async.cli.imgix.running import each, run
from imgwire_async.cli.output import JsonFlag, wrong_usage

if TYPE_CHECKING:
    from imgwire_async.imgix import AsyncImgixClient


def purge(
    urls: Annotated[
        list[str],
        typer.Argument(
            help="Full URLs of images; - reads them from standard input, one per line.", metavar="URL..."
        ),
    ],
    sub_image: Annotated[
        bool, typer.Option("--sub-image", help="Also purge the images that contain this one.")
    ] = False,
    source: Annotated[
        str | None,
        typer.Option("--source", help="Id of the source of the images that contain it.", metavar="SOURCE"),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Remove images and all their renderings from the caches of imgix. 10 per second.

    imgix accepts a purge but does not report when it is finished. A URL that was already purged within the
    last 10 seconds is shown as a duplicate.

    Example: imgwire-async imgix purge https://my-shop.imgix.net/heroes/hero.jpg

    Example: imgwire-async imgix purge - --json < urls.txt
    """
    if sub_image and source is None:
        wrong_usage("--sub-image needs --source")
    wanted = [url for given in urls for url in (_lines() if given == "-" else [given])]

    async def work(imgix: AsyncImgixClient) -> None:
        async def one(url: str) -> Mapping[str, Any]:
            receipt = await imgix.purge(url, sub_image=sub_image, source=source)
            return {"url": url, "purge_id": receipt.purge_id, "duplicate": receipt.duplicate}

        await each(wanted, one, ("url", "purge_id", "duplicate"), as_json=as_json)

    run(work, as_json=as_json)


def _lines() -> list[str]:
    try:
        # PowerShell writes a byte order mark.
        lines = [line.removeprefix("\ufeff").strip() for line in sys.stdin]
    except (OSError, UnicodeDecodeError) as error:
        wrong_usage(f"cannot read standard input: {getattr(error, 'strerror', None) or 'it is not text'}")
    return [line for line in lines if line]
