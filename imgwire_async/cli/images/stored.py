"""Commands for stored images."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from imgwire_async.cli.output import JsonFlag, RecordsShown, run, show_json, show_record
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

_PAGE: Final = 100
_TIMES: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command(rich_help_panel="Manage")(ls)
    app.command(rich_help_panel="Manage")(show)
    app.command(rich_help_panel="Manage")(rm)


class Status(StrEnum):
    """States of an image, as choices of an option."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    READY = "READY"
    QUARANTINE = "QUARANTINE"


def ls(
    limit: Annotated[int, typer.Option(min=1, help="How many images to list at most.")] = 25,
    page: Annotated[
        int,
        typer.Option(
            min=1, help="First page to list, of --limit images each (at most 100; 100 with filters)."
        ),
    ] = 1,
    every: Annotated[bool, typer.Option("--all", help="List all images, starting at --page.")] = False,
    status: Annotated[
        list[Status] | None,
        typer.Option(case_sensitive=False, help="Only images with this status; repeatable."),
    ] = None,
    purpose: Annotated[str | None, typer.Option(help="Only images with this purpose.")] = None,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN", help="Only images whose file name matches this pattern, e.g. '*.jpg'."
        ),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=_TIMES, metavar="TIME", help="Only images created at this time or later (UTC)."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=_TIMES, metavar="TIME", help="Only images created before this time (UTC)."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List images.

    The service always lists all images of the environment. Filters are applied locally, page by page, until
    --limit images are found.

    Example: imgwire-async ls --all --json | jq -r .id

    Example: imgwire-async ls --status QUARANTINE --since 2026-11-01
    """
    tests = _tests(status, purpose, name, since, until)
    most = None if every else limit

    async def work(imgwire: AsyncImgwireClient) -> None:
        size = _PAGE if tests else min(limit, _PAGE)
        listing = imgwire.images.list(page=page, limit=size, max_items=None if tests else most)
        shown = seen = total = 0
        with RecordsShown(COLUMNS, header=False) as table:
            async for one in listing.pages():
                total = one.pagination.total_count or total
                for image in one.data:
                    if shown == most:
                        break
                    seen += 1
                    if all(test(image) for test in tests):
                        shown += 1
                        show = show_json if as_json else table.add
                        show(image.to_dict())
                if shown == most:
                    break
        if as_json:
            return
        if not total and not seen:
            say("No images yet.")
        elif tests:
            note(f"{shown:,} found among {seen:,} of {total:,} images.")
        elif shown < total:
            note(f"{shown:,} of {total:,} images.")

    run(work, as_json=as_json)


def _tests(
    status: list[Status] | None,
    purpose: str | None,
    name: str | None,
    since: datetime | None,
    until: datetime | None,
) -> list[Callable[[Image], bool]]:
    """The filters for images. Times without a zone are in UTC."""
    found: list[Callable[[Image], bool]] = []
    wanted = {one.value for one in status or ()}
    if wanted:
        found.append(lambda image: str(image.status) in wanted)
    if purpose is not None:
        found.append(lambda image: image.purpose == purpose)
    if name is not None:
        like = re.compile(fnmatch.translate(name), re.IGNORECASE)
        found.append(lambda image: like.match(image.original_filename or "") is not None)
    if since is not None:
        first = since if since.tzinfo else since.replace(tzinfo=UTC)
        found.append(lambda image: image.created_at >= first)
    if until is not None:
        end = until if until.tzinfo else until.replace(tzinfo=UTC)
        found.append(lambda image: image.created_at < end)
    return found


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
