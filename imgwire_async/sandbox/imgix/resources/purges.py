"""Purging, publishing and unpublishing by URL."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote, urlsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from imgwire_async.sandbox.imgix import documents, origins
from imgwire_async.sandbox.imgix.documents import Attributes, bad_request, not_found
from imgwire_async.sandbox.imgix.operations import OPERATIONS
from imgwire_async.sandbox.imgix.resources import assets, sources
from imgwire_async.sandbox.imgix.runtime import Runtime, new_uuid
from imgwire_async.sandbox.server.errors import ApiError
from imgwire_async.sandbox.server.routes import Routes

_PURGE: Final[dict[str, tuple[type | None, ...]]] = {
    "url": (str,),
    "sub_image": (bool,),
    "source_id": (str, None),
}
_PUBLISH: Final[dict[str, tuple[type | None, ...]]] = {"url": (str,), "source_id": (str,)}


def router(runtime: Runtime) -> APIRouter:
    """Purge; publish and unpublish by both of their paths."""
    routes = Routes(OPERATIONS)

    @routes.operation("purges.create")
    async def purge(request: Request) -> Response:
        return _purge(runtime, await documents.read_attributes(request, "purges"))

    @routes.operation("publishes.create")
    async def publish(request: Request) -> Response:
        attributes = await documents.read_attributes(request, "publishes", other_kind="publish")
        return _publish(runtime, request.path_params | attributes, published=True)

    @routes.operation("unpublishes.create")
    async def unpublish(request: Request) -> Response:
        attributes = await documents.read_attributes(request, "unpublishes", other_kind="unpublish")
        return _publish(runtime, request.path_params | attributes, published=False)

    return routes


def _purge(runtime: Runtime, attributes: Attributes) -> Response:
    documents.check_members(attributes, _PURGE)
    if attributes.get("sub_image") and not attributes.get("source_id"):
        raise bad_request("sub_image needs the source_id of the images that contain it.", "source_id")
    if attributes.get("source_id"):
        sources.find(runtime, str(attributes["source_id"]))
    source_id, path = _addressed(runtime, attributes)
    origins.forget_fetched(runtime, source_id, path)
    key, now = f"{source_id}{path}", runtime.now()
    writer = runtime.database.writer
    row = writer.execute("SELECT purged_at FROM purges WHERE url = ?", (key,)).fetchone()
    if row is not None and now - row["purged_at"] < runtime.settings.purge_interval:
        raise ApiError(409, "Conflict", "This URL was purged within the last 10 seconds.")
    writer.execute("INSERT OR REPLACE INTO purges VALUES (?, ?)", (key, now))
    id = new_uuid()
    return documents.success(documents.resource("purges", id, {"purge_id": id}))


def _publish(runtime: Runtime, attributes: Attributes, *, published: bool) -> Response:
    documents.check_members(attributes, _PUBLISH)
    if not attributes.get("source_id"):
        raise bad_request("The attribute 'source_id' is required.", "source_id")
    sources.find(runtime, str(attributes["source_id"]))
    source_id, path = _addressed(runtime, attributes)
    if source_id != attributes["source_id"]:
        raise bad_request("The URL does not belong to this source.", "url")
    row = assets.known(runtime, source_id, path)
    runtime.database.writer.execute(
        "UPDATE assets SET published = ? WHERE sequence = ?", (published, row["sequence"])
    )
    word, id = ("publish" if published else "unpublish"), new_uuid()
    resource = documents.resource(f"{word}es", id, {f"{word}_id": id})
    return documents.success(resource, status=runtime.settings.accepted_status)


def _addressed(runtime: Runtime, attributes: Attributes) -> tuple[str, str]:
    """The source and the path of a URL; parameters are ignored.

    Raises:
        ApiError: 400, it is not a URL; 404, its host belongs to no source.
    """
    url = str(attributes.get("url") or "")
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise bad_request(f"url must be a full URL with a path, got {url!r}.", "url") from None
    if not host or parts.scheme not in {"http", "https"} or len(parts.path) < 2:
        raise bad_request(f"url must be a full URL with a path, got {url!r}.", "url")
    source = sources.of_host(runtime, host)
    if source is None:
        raise not_found()
    return source["id"], origins.normalized(unquote(parts.path))
