"""Commands for assets of imgix: the files of a source that the Asset Manager has indexed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, cast

import typer

from imgwire_async.cli.imgix.records import (
    PAGE,
    Every,
    Filters,
    Limit,
    Sort,
    as_record,
    row,
    show_list,
    show_one,
)
from imgwire_async.cli.imgix.running import SourceId, each, run
from imgwire_async.cli.output import JsonFlag, show_record, wrong_usage
from imgwire_async.cli.parameters import name_value_pairs

if TYPE_CHECKING:
    from imgwire_async.imgix import AssetFilters, AssetSort, AsyncImgixClient

commands = typer.Typer(
    no_args_is_help=True, help="Assets: the files of a source that the Asset Manager has indexed."
)

_COLUMNS: Final = ("origin_path", "content_type", "media_width", "media_height", "file_size", "date_modified")

OriginPath: TypeAlias = Annotated[
    str, typer.Argument(help="Path of the file at the origin, not encoded.", metavar="PATH")
]
OriginPaths: TypeAlias = Annotated[
    list[str], typer.Argument(help="Paths of files at the origin, not encoded.", metavar="PATH...")
]
Place: TypeAlias = Annotated[
    str,
    typer.Argument(help="Path of the file at the origin, or the full URL of the image.", metavar="PATH|URL"),
]


@commands.command()
def ls(
    source: SourceId,
    filters: Filters = None,
    sort: Sort = None,
    limit: Limit = 25,
    every: Every = False,
    as_json: JsonFlag = False,
) -> None:
    """List the assets of a source.

    Filters: categories, colors, face_count, has_frames, keyword, media_kind, origin_path, tags, custom:NAME,
    or:categories, or:keywords, or:origin_path.

    Example: imgwire-async imgix assets ls SOURCE --filter media_kind=IMAGE --filter custom:season=spring

    Example: imgwire-async imgix assets ls SOURCE --all --json | jq -r .origin_path
    """

    async def work(imgix: AsyncImgixClient) -> None:
        listing = imgix.assets.list(
            source,
            filters=cast("AssetFilters", name_value_pairs(filters)),
            sort=cast("AssetSort | None", sort),
            limit=min(limit, PAGE),
            max_items=None if every else limit,
        )
        await show_list(listing, _COLUMNS, as_json=as_json)

    run(work, as_json=as_json)


@commands.command()
def show(source: SourceId, origin_path: OriginPath, as_json: JsonFlag = False) -> None:
    """Show all fields of one asset.

    Example: imgwire-async imgix assets show SOURCE heroes/hero.jpg
    """

    async def work(imgix: AsyncImgixClient) -> None:
        show_one(await imgix.assets.retrieve(source, origin_path), as_json=as_json)

    run(work, as_json=as_json)


@commands.command()
def update(
    source: SourceId,
    origin_path: OriginPath,
    name: Annotated[str | None, typer.Option(help="Title.")] = None,
    description: Annotated[str | None, typer.Option(help="Description.")] = None,
    categories: Annotated[
        list[str] | None, typer.Option("--category", help="Replace all categories; repeatable.")
    ] = None,
    tags: Annotated[list[str] | None, typer.Option("--tag", help="Replace all tags; repeatable.")] = None,
    custom_fields: Annotated[
        list[str] | None,
        typer.Option("--field", help="Set a custom field, NAME=VALUE; repeatable. Other fields are kept."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Change the metadata of an asset. Fields not given keep their values.

    Example: imgwire-async imgix assets update SOURCE heroes/hero.jpg --category shoes --field season=spring
    """
    given = {"name": name, "description": description, "categories": categories, "tags": tags}
    changes: dict[str, Any] = {field: value for field, value in given.items() if value is not None}
    added = name_value_pairs(custom_fields)
    if not changes and not added:
        wrong_usage("nothing to change; use --name, --description, --category, --tag or --field")

    async def work(imgix: AsyncImgixClient) -> None:
        if added:  # imgix replaces all of them
            asset = await imgix.assets.retrieve(source, origin_path)
            changes["custom_fields"] = {**(asset.custom_fields or {}), **added}
        show_one(await imgix.assets.update(source, origin_path, **changes), as_json=as_json)

    run(work, as_json=as_json)


@commands.command()
def add(source: SourceId, origin_paths: OriginPaths, as_json: JsonFlag = False) -> None:
    """Queue files that are at the origin for indexing. Nothing is uploaded.

    Example: imgwire-async imgix assets add SOURCE heroes/hero.jpg heroes/other.jpg
    """

    async def work(imgix: AsyncImgixClient) -> None:
        async def one(path: str) -> Mapping[str, Any]:
            return as_record(await imgix.assets.add(source, path))

        await each(origin_paths, one, _COLUMNS[:2], as_json=as_json)

    run(work, as_json=as_json)


@commands.command()
def refresh(source: SourceId, origin_paths: OriginPaths, as_json: JsonFlag = False) -> None:
    """Make imgix read files from their origin again, and purge them. 10 files per minute.

    Example: imgwire-async imgix assets refresh SOURCE heroes/hero.jpg
    """

    async def work(imgix: AsyncImgixClient) -> None:
        async def one(path: str) -> Mapping[str, Any]:
            asset = await imgix.assets.refresh(source, path)
            return as_record(asset) if as_json else row(asset)

        await each(origin_paths, one, _COLUMNS, as_json=as_json)

    run(work, as_json=as_json)


@commands.command()
def publish(source: SourceId, place: Place, as_json: JsonFlag = False) -> None:
    """Make an unpublished asset available again.

    Example: imgwire-async imgix assets publish SOURCE heroes/hero.jpg
    """

    async def work(imgix: AsyncImgixClient) -> None:
        url = await _url(imgix, source, place)
        receipt = await imgix.publish(url, source=source)
        show_record({"url": url, "publish_id": receipt.publish_id}, as_json=as_json)

    run(work, as_json=as_json)


@commands.command()
def unpublish(source: SourceId, place: Place, as_json: JsonFlag = False) -> None:
    """Stop delivering an asset.

    Example: imgwire-async imgix assets unpublish SOURCE https://my-shop.imgix.net/heroes/hero.jpg
    """

    async def work(imgix: AsyncImgixClient) -> None:
        url = await _url(imgix, source, place)
        receipt = await imgix.unpublish(url, source=source)
        show_record({"url": url, "unpublish_id": receipt.unpublish_id}, as_json=as_json)

    run(work, as_json=as_json)


async def _url(imgix: AsyncImgixClient, source: str, place: str) -> str:
    """The URL of an image, given as a URL or by its path."""
    if "://" in place:
        return place
    from imgwire_async.errors import InvalidArgumentError
    from imgwire_async.imgix import imgix_url

    hosts = (await imgix.sources.retrieve(source)).hosts
    if not hosts:
        raise InvalidArgumentError(f"source {source} has no host; give the full URL of the image")
    return imgix_url(hosts[0], place)
