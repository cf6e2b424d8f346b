"""`client.assets`: the files of a source that the Asset Manager knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from imgwire_async.bodies.progress import ProgressHook
from imgwire_async.bodies.sources import UploadFile
from imgwire_async.core.call import Core
from imgwire_async.core.operation import Response
from imgwire_async.core.paging import Listing
from imgwire_async.errors import ConflictError, InvalidArgumentError
from imgwire_async.imgix.arguments import (
    SourceId,
    as_custom_fields,
    as_origin_path,
    as_source_id,
    unless_none,
)
from imgwire_async.imgix.filters import ASSET_FILTERS, AssetFilters, AssetSort, comma_list, filter_query
from imgwire_async.imgix.listing import by_cursor
from imgwire_async.imgix.lowlevel import models
from imgwire_async.imgix.lowlevel.api import assets as api
from imgwire_async.imgix.lowlevel.types import UNSET, Unset
from imgwire_async.imgix.records import Asset
from imgwire_async.imgix.repeats import CalledAs
from imgwire_async.imgix.upload import Upload, UploadPlan, accepted

if TYPE_CHECKING:
    from imgwire_async.imgix.resources.raw import AssetsWithRawResponse

DIRECT_UPLOAD_LIMIT: Final = 30_000_000
"""Maximum bytes of an upload without a session: imgix documents "30 MB"."""


class Assets:
    """Operations on the assets of a source: files of its origin that the Asset Manager has indexed.

    The index may lack files of the origin: imgix adds files some minutes after they were requested through
    the rendering host, up to a monthly limit. Assets cannot be deleted.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    @property
    def with_raw_response(self) -> AssetsWithRawResponse:
        """The same methods, but they return the whole response: `await ….with_raw_response.…()`."""
        from imgwire_async.imgix.resources.raw import AssetsWithRawResponse

        return AssetsWithRawResponse(self._core)

    def list(
        self,
        source: SourceId,
        *,
        filters: AssetFilters | None = None,
        sort: AssetSort | Iterable[AssetSort] | None = None,
        fields: str | Iterable[str] | None = None,
        cursor: str | None = None,
        limit: int | None = None,
        max_items: int | None = None,
    ) -> Listing[Asset]:
        """List assets: `await` gives one `Page`, `async for` gives every asset of every page.

        Lists of assets are paged by cursor. imgix stops counting `total_count` at a limit; whether lists end
        there as well is undocumented. Needs the permission Asset Browse.

        Args:
            source: the source, or its id.
            filters: all of them must match; see `AssetFilters`.
            sort: field to sort by, or several; a leading `-` reverses the order.
            fields: attributes to return, with dots for nested ones. Default: all.
            cursor: `next_cursor` of a page, or `resume_cursor` of an error, to start there.
            limit: assets per page, from 1 to 1000; imgix's default is 20, its maximum is undocumented.
            max_items: end the iteration after this many assets.

        Raises:
            InvalidArgumentError: a number is out of range, or a filter is unknown.
            NotFoundError: the source does not exist.
        """
        operation = "assets.list"
        identity = as_source_id(source, operation)
        query = filter_query(filters, ASSET_FILTERS, operation)
        ordered = comma_list(sort, "sort", operation)
        sparse = comma_list(fields, "fields", operation)

        async def fetch(position: str | None, size: int | None) -> Response[models.AssetList]:
            return await api.assets_list(
                self._core,
                identity,
                page_cursor=unless_none(position),
                page_limit=unless_none(size),
                sort=unless_none(ordered),
                fields_assets=unless_none(sparse),
                further_query=query,
            )

        return by_cursor(
            fetch, Asset.of, operation=operation, cursor=cursor, limit=limit, max_items=max_items
        )

    async def retrieve(
        self, source: SourceId, origin_path: str, *, fields: str | Iterable[str] | None = None
    ) -> Asset:
        """Read one asset. Needs the permission Asset Browse. 10 per second; `list` returns many at once.

        Args:
            source: the source, or its id.
            origin_path: path of the file at the origin, with or without its leading slash, not encoded.
            fields: attributes to return, as for `list`.

        Raises:
            InvalidArgumentError: a segment of the path is empty, `.` or `..`.
            NotFoundError: the asset is not indexed; the file may still exist at the origin.
        """
        operation = "assets.retrieve"
        sparse = comma_list(fields, "fields", operation)
        response = await api.assets_retrieve(
            self._core,
            as_source_id(source, operation),
            as_origin_path(origin_path, operation),
            fields_assets=unless_none(sparse),
        )
        return Asset.of(response.data.data)

    async def update(
        self,
        source: SourceId,
        origin_path: str,
        *,
        name: str | Unset | None = UNSET,
        description: str | Unset | None = UNSET,
        categories: Iterable[str] | Unset | None = UNSET,
        tags: Mapping[str, float] | Iterable[str] | Unset | None = UNSET,
        custom_fields: Mapping[str, str | int | float | bool | None] | Unset | None = UNSET,
    ) -> Asset:
        """Change the metadata of an asset; omitted fields keep their values. Needs the permission Asset Edit.

        A list or mapping replaces the previous one as a whole: to add a field, pass
        `custom_fields={**(asset.custom_fields or {}), "season": "spring"}`. Whether None clears a field, and
        which form of `tags` is accepted, is undocumented.

        Args:
            source: the source, or its id.
            origin_path: path of the file at the origin.
            name: title.
            description: description.
            categories: categories.
            tags: tags with their confidence, or only their names.
            custom_fields: your own fields.

        Raises:
            InvalidArgumentError: no field was given, or a value is of the wrong type.
            NotFoundError: the asset is not indexed.
        """
        operation = "assets.update"
        identity, path = as_source_id(source, operation), as_origin_path(origin_path, operation)
        attributes = models.AssetUpdateAttributes(
            name=name,
            description=description,
            categories=_texts(categories, "categories", operation),
            tags=dict(tags) if isinstance(tags, Mapping) else _texts(tags, "tags", operation),
            custom_fields=(
                custom_fields
                if isinstance(custom_fields, Unset | None)
                else as_custom_fields(custom_fields, operation)
            ),
        )
        if not attributes.to_dict():
            raise InvalidArgumentError("pass at least one field to change", operation=operation)
        body = models.AssetUpdate(data=models.AssetUpdateData(id=f"{identity}/{path}", attributes=attributes))
        caller = CalledAs(self._core, operation, if_empty={})
        raw = (await api.assets_update(caller, identity, path, body=body)).data.data
        return accepted(raw, identity, path, **attributes.to_dict())

    async def add(self, source: SourceId, origin_path: str) -> Asset:
        """Index a file that is already at the origin, without uploading. Needs the permission Asset Edit.

        imgix only queues the file: the returned asset has few fields, and `retrieve` raises `NotFoundError`
        until it has been indexed. Adding an indexed file changes nothing, so a retry is harmless; if imgix
        responds with a conflict, the existing asset is returned.

        Raises:
            InvalidArgumentError: a segment of the path is empty, `.` or `..`.
        """
        operation = "assets.add"
        identity, path = as_source_id(source, operation), as_origin_path(origin_path, operation)
        core = self._core.with_deadline_from_now()
        try:
            caller = CalledAs(core, operation, if_empty={})
            return accepted((await api.assets_add(caller, identity, path)).data.data, identity, path)
        except ConflictError:
            return await Assets(core).retrieve(identity, path)

    async def refresh(self, source: SourceId, origin_path: str) -> Asset:
        """Make imgix read a file from its origin again and purge it. 10 per minute.

        A retry is harmless. Needs the permissions Asset Edit and Asset Purge.

        Raises:
            InvalidArgumentError: a segment of the path is empty, `.` or `..`.
            NotFoundError: the asset is not indexed.
        """
        operation = "assets.refresh"
        identity, path = as_source_id(source, operation), as_origin_path(origin_path, operation)
        caller = CalledAs(self._core, operation, if_empty={})
        return accepted((await api.assets_refresh(caller, identity, path)).data.data, identity, path)

    async def upload(
        self,
        source: SourceId,
        origin_path: str,
        file: UploadFile,
        *,
        size: int | None = None,
        content_type: str | None = None,
        overwrite: bool = False,
        wait: bool = False,
        timeout: float = 120.0,  # noqa: ASYNC109
        on_progress: ProgressHook | None = None,
    ) -> Asset:
        """Upload a file to the origin of a source: up to 30,000,000 bytes directly, else through a session.

        The bytes are streamed with a `Content-Length`. Only sources with write credentials accept uploads
        (`source.deployment.allows_upload`); web folders and web proxies never do. Needs the permission Asset
        Edit, and Asset Purge to overwrite. Uploads without a session: 2 per second.

        imgix has no idempotency keys. If the response to a direct upload is lost, the asset is looked up
        before the bytes are sent again: if it exists, is new, and has the same size, the upload has
        succeeded.

        Args:
            source: the source, or its id.
            origin_path: where to store the file; with or without a leading slash, not encoded.
            file: anything that `AsyncImgwireClient.images.upload` accepts: a path, bytes, an open file, an
                uploaded file of a web framework, a response, an iterator of bytes, or a function that returns
                one. It need not be an image.
            size: number of bytes, for a `file` of unknown size.
            content_type: MIME type. Default: detected from content and name, else
                `application/octet-stream`.
            overwrite: replace an existing file at this path. Without it, the upload raises `ConflictError`.
            wait: return when the asset is indexed. Results of imgix's analysis, such as the size in pixels,
                may follow later.
            timeout: seconds to wait, with `wait`.
            on_progress: called with the upload's progress at the start, at the end, and at most ten times a
                second in between. Sync or async; an exception that it raises ends the upload.

        The client's `deadline` covers everything here. The upload also ends if reading `file` yields nothing
        for as long as the shortest of the client's `read`, `write` and `total` timeouts.

        Returns:
            The asset with the few fields that are known at once; with `wait`, the indexed asset.

        Raises:
            InvalidArgumentError: a segment of the path is empty, `.` or `..`, or `size` is not a number.
            UploadSourceError: `file` does not exist, cannot be read, is empty, or is of an unsupported type;
                or reading it raised an exception, which is the `__cause__`.
            SourceChangedError: the file's size changed while it was being sent.
            UploadRejectedError: the store rejected the bytes of a session, or the session failed.
            DeadlineExceededError: the client's `deadline` passed, or the asset was not indexed in time.
            APIStatusError: and the other errors of any call, see `imgwire_async.errors`.
        """
        upload = Upload(
            self._core,
            UploadPlan(
                operation="assets.upload",
                source_id=as_source_id(source, "assets.upload"),
                origin_path=as_origin_path(origin_path, "assets.upload"),
                content_type=content_type,
                overwrite=overwrite,
                largest_direct=DIRECT_UPLOAD_LIMIT,
                wait=wait,
                timeout=timeout,
                on_progress=on_progress,
            ),
        )
        return await upload.run(file, size)

    async def upload_large(
        self,
        source: SourceId,
        origin_path: str,
        file: UploadFile,
        *,
        size: int | None = None,
        content_type: str | None = None,
        overwrite: bool = False,
        wait: bool = False,
        timeout: float = 120.0,  # noqa: ASYNC109
        on_progress: ProgressHook | None = None,
    ) -> Asset:
        """Upload a file of any size, up to 5 GB, through an upload session.

        Opens the session, sends the bytes to its presigned URL without the API key, and closes it. If a step
        fails or is cancelled, the session is cancelled. `upload` does this for large files.

        A session replaces an existing file, so without `overwrite` the asset is looked up first, and an
        existing one raises `ConflictError`. Arguments and other errors are the same as for `upload`.
        """
        upload = Upload(
            self._core,
            UploadPlan(
                operation="assets.upload_large",
                source_id=as_source_id(source, "assets.upload_large"),
                origin_path=as_origin_path(origin_path, "assets.upload_large"),
                content_type=content_type,
                overwrite=overwrite,
                largest_direct=0,
                wait=wait,
                timeout=timeout,
                on_progress=on_progress,
            ),
        )
        return await upload.run(file, size)


def _texts(values: Any, name: str, operation: str) -> Any:  # noqa: ANN401 - Unset and None pass through
    if isinstance(values, Unset | None):
        return values
    texts = [] if isinstance(values, str) or not isinstance(values, Iterable) else [*values]
    if isinstance(values, str) or not all(isinstance(text, str) for text in texts):
        raise InvalidArgumentError(
            f"{name} must be a list of strings, got {values!r:.80}", operation=operation
        )
    return texts
