"""Commands about stored images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from imgwire_async.cli.output import JsonFlag, run, show_json, show_record, show_records
from imgwire_async.cli.parameters import ImageIds
from imgwire_async.cli.streams import note, say

if TYPE_CHECKING:
    from imgwire_async.imgwire.client import AsyncImgwireClient
    from imgwire_async.models import Image

COLUMNS: Final = (
    "id",
    "status",
    "original_filename",
    "mime_type",
    "width",
    "height",
    "size_bytes",
    "created_at",
    "cdn_url",
)


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command(rich_help_panel="Manage")(ls)
    app.command(rich_help_panel="Manage")(show)
    app.command(rich_help_panel="Manage")(rm)


def ls(
    limit: Annotated[int, typer.Option(min=1, help="How many images to list at most.")] = 25,
    page: Annotated[
        int, typer.Option(min=1, help="First page to list, of --limit images each (at most 100).")
    ] = 1,
    every: Annotated[bool, typer.Option("--all", help="List all images, starting at --page.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """List images.

    Example: imgwire-async ls --all --json | jq -r .id
    """

    async def work(imgwire: AsyncImgwireClient) -> None:
        images = imgwire.images.list(page=page, limit=min(limit, 100), max_items=None if every else limit)
        if as_json:
            async for image in images:
                show_json(image.to_dict())
            return
        total: int | None = None
        found: list[Image] = []
        async for one in images.pages():
            total = one.pagination.total_count
            found += one.data
            if not every and len(found) >= limit:
                break
        shown = [image.to_dict() for image in (found if every else found[:limit])]
        if shown:
            show_records(shown, COLUMNS, as_json=False)
        elif not total:
            say("No images yet.")
        if total and len(shown) < total:
            note(f"{len(shown):,} of {total:,} images.")

    run(work, as_json=as_json)


def show(image_id: Annotated[str, typer.Argument(metavar="ID")], as_json: JsonFlag = False) -> None:
    """Show all fields of one image.

    Example: imgwire-async show ID --json
    """

    async def work(imgwire: AsyncImgwireClient) -> None:
        show_record((await imgwire.images.retrieve(image_id)).to_dict(), as_json=as_json)

    run(work, as_json=as_json)


def rm(
    image_ids: ImageIds,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation prompt.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Delete images.

    A single unknown id is an error; among several, unknown ids are not reported.

    Example: imgwire-async rm ID1 ID2 --yes
    """
    if not yes:
        typer.confirm(
            f"Delete {len(image_ids)} image{'s' * (len(image_ids) > 1)} for good?", abort=True, err=True
        )

    async def work(imgwire: AsyncImgwireClient) -> None:
        images = imgwire.images
        answer = await (images.delete(image_ids[0]) if len(image_ids) == 1 else images.bulk_delete(image_ids))
        show_record(answer, as_json=as_json)

    run(work, as_json=as_json)
