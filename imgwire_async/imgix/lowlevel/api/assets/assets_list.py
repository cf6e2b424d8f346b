"""List assets."""

from __future__ import annotations

from collections.abc import Mapping

from imgwire_async.core.operation import Caller, QueryValue, Request, Response

from ...models import AssetList, MediaKind
from ...operations import ASSETS_LIST
from ...types import UNSET, Unset, to_query


async def assets_list(
    caller: Caller,
    source_id: str,
    *,
    page_cursor: str | None | Unset = UNSET,
    page_limit: int | None | Unset = UNSET,
    sort: str | None | Unset = UNSET,
    fields_assets: str | None | Unset = UNSET,
    filter_categories: str | None | Unset = UNSET,
    filter_colors: str | None | Unset = UNSET,
    filter_face_count: str | None | Unset = UNSET,
    filter_has_frames: bool | None | Unset = UNSET,
    filter_keyword: str | None | Unset = UNSET,
    filter_media_kind: MediaKind | None | Unset = UNSET,
    filter_origin_path: str | None | Unset = UNSET,
    filter_tags: str | None | Unset = UNSET,
    filter_or_categories: str | None | Unset = UNSET,
    filter_or_keywords: str | None | Unset = UNSET,
    filter_or_origin_path: str | None | Unset = UNSET,
    further_query: Mapping[str, QueryValue] | None = None,
) -> Response[AssetList]:
    """List assets.

    Follow `meta.cursor.next` while `meta.cursor.hasMore` is true. Needs the permission Asset
    Browse.

    Args:
        caller: Makes the call.
        source_id: Id of the source.
        page_cursor: Cursor of the page to return. Default: the first page.
        page_limit: Maximum number of items per page. Default: 20.
        sort: Fields to sort by, separated by commas; a leading `-` reverses the order. Known:
            `date_created`, `date_modified`, `file_size`.
        fields_assets: Attributes to return, separated by commas; dots reach nested ones. Default:
            all.
        filter_categories: Categories, separated by commas; all must match.
        filter_colors: Color, in hexadecimal without `#`.
        filter_face_count: Number of faces: `3`, `1:3`, `1:` or `:2`.
        filter_has_frames: Whether the file is animated.
        filter_keyword: Word in any of several fields.
        filter_media_kind: Kind of media.
        filter_origin_path: Origin path; whether exact or a prefix is undocumented.
        filter_tags: Tags, separated by commas; all must match.
        filter_or_categories: Category; any of the `or:` filters may match.
        filter_or_keywords: Word; any of the `or:` filters may match.
        filter_or_origin_path: Origin path; any of the `or:` filters may match.
        further_query: More query parameters, by the names that are sent.
    """
    request = Request(
        operation=ASSETS_LIST,
        path_parameters={"source_id": str(source_id)},
        query=to_query(
            {
                "page[cursor]": page_cursor,
                "page[limit]": page_limit,
                "sort": sort,
                "fields[assets]": fields_assets,
                "filter[categories]": filter_categories,
                "filter[colors]": filter_colors,
                "filter[face_count]": filter_face_count,
                "filter[has_frames]": filter_has_frames,
                "filter[keyword]": filter_keyword,
                "filter[media_kind]": filter_media_kind,
                "filter[origin_path]": filter_origin_path,
                "filter[tags]": filter_tags,
                "filter[or:categories]": filter_or_categories,
                "filter[or:keywords]": filter_or_keywords,
                "filter[or:origin_path]": filter_or_origin_path,
                **(further_query or {}),
            }
        ),
    )
    return await caller.call(request, AssetList._take)
