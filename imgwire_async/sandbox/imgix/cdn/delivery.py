"""The rendering hosts: originals, and renderings made of them.

A host is addressed by the `Host` header, or without DNS by the path `/~/{host}/…`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import quote, unquote

from fastapi import APIRouter
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from imgwire_async.sandbox.imgix import origins
from imgwire_async.sandbox.imgix.cdn.parameters import Parameters
from imgwire_async.sandbox.imgix.cdn.substitutes import substitute, text_file
from imgwire_async.sandbox.imgix.resources import assets, sources
from imgwire_async.sandbox.imgix.runtime import Runtime
from imgwire_async.sandbox.server.errors import ApiError
from imgwire_async.sandbox.server.requests.bodies import BlockFileResponse
from imgwire_async.sandbox.server.requests.negotiation import accepted_types, modern_formats
from imgwire_async.sandbox.server.runtime import logger
from imgwire_async.sandbox.server.storage.variants import Variant, VariantResponse, is_current

if TYPE_CHECKING:
    from imgwire_async.sandbox.imgix.cdn.rendering import Rendered

HOST_PREFIX: Final = "/~/"
NOT_RENDERED_HEADER: Final = "x-imgix-sandbox-not-rendered"
"""Names of the parameters that had no effect, percent-encoded and separated by commas."""
_MEDIA_TYPES: Final = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
    "gif": "image/gif",
}


class HostRouting:
    """ASGI middleware that routes requests for a rendering host to its path."""

    def __init__(self, application: ASGIApp, runtime: Runtime) -> None:
        self._application = application
        self._runtime = runtime

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        host = Headers(scope=scope).get("host", "").rpartition(":")[0] or Headers(scope=scope).get("host", "")
        if host.lower().endswith(sources.IMGIX_HOST) or (host and self._is_custom(host)):
            prefix = f"{HOST_PREFIX}{host.lower()}"
            scope = {
                **scope,
                "path": prefix + scope["path"],
                "raw_path": prefix.encode() + scope["raw_path"],
            }
        await self._application(scope, receive, send)

    def _is_custom(self, host: str) -> bool:
        try:
            return sources.of_host(self._runtime, host) is not None
        except sqlite3.Error:
            return False  # the request itself reports it


def router(runtime: Runtime) -> APIRouter:
    """The rendering hosts' one route."""
    routes = APIRouter()

    @routes.api_route(f"{HOST_PREFIX}{{host}}/{{path:path}}", methods=["GET", "HEAD"])
    async def deliver(request: Request, host: str) -> Response:
        source = sources.of_host(runtime, host)
        deployment = None if source is None else sources.active_deployment(runtime, source)
        if source is None or deployment is None:
            raise ApiError(404, "NotFound", "No source is deployed at this host.")
        if not source["enabled"]:
            raise ApiError(410, "Gone", "The source is disabled.")
        raw = cast("bytes", request.scope["raw_path"]).partition(b"?")[0].decode("latin-1")
        path = raw[len(HOST_PREFIX) + len(host) :]
        query = cast("bytes", request.scope["query_string"])
        if deployment["secure_url_enabled"]:
            check_signature(source["token"], path, query.decode("latin-1"))
        parameters = Parameters.read(query, cast("dict[str, object]", deployment["default_params"]))
        expires = parameters.number("expires", 0, 2**53)
        if expires is not None and expires < runtime.now():
            raise ApiError(404, "NotFound", "The URL has expired.")
        origin_path = origins.normalized(unquote(path))
        text = text_file(deployment, origin_path)
        if text is not None:
            return text
        try:
            file = await _published(runtime, source, origin_path)
            return await _deliver(runtime, request, file, parameters, deployment)
        except ApiError as error:
            instead = await substitute(runtime, request, deployment, HOST_PREFIX, error)
            if instead is None:
                raise
            return instead

    return routes


def check_signature(token: str, path: str, query: str) -> None:
    """Check the signature of a URL as it was sent.

    Raises:
        ApiError: 403, it is missing or does not match.
    """
    base, mark, given = query.rpartition("s=")
    if not mark or (base and not base.endswith("&")):
        raise ApiError(403, "Forbidden", "The URL is not signed.")
    base = base.removesuffix("&")
    signed = f"{token}{path}" + (f"?{base}" if base else "")
    expected = hashlib.md5(signed.encode("latin-1"), usedforsecurity=False).hexdigest()
    if not hmac.compare_digest(expected.encode(), given.encode("latin-1")):
        raise ApiError(403, "Forbidden", "URI signature match failed.")


async def _published(runtime: Runtime, source: sqlite3.Row, origin_path: str) -> sqlite3.Row:
    """The file at a path.

    Raises:
        ApiError: 404, there is none, or its asset is not published; 502, the origin does not respond.
    """
    asset = assets.find(runtime, source["id"], origin_path)
    if asset is not None and not asset["published"]:
        raise ApiError(404, "NotFound", "The asset is not published.")
    return await origins.get(runtime, source, origin_path)


async def _deliver(
    runtime: Runtime,
    request: Request,
    file: sqlite3.Row,
    parameters: Parameters,
    deployment: Mapping[str, object],
) -> Response:
    facts = origins.facts_of(file)
    media_type = str(facts["content_type"])
    headers = {
        "cache-control": f"public, max-age={deployment['cache_ttl_value']}",
        "access-control-allow-origin": "*",
    }
    if parameters.is_plain or "media_width" not in facts:
        headers["etag"] = f'"{file["sha256"]}"'
        if not parameters.is_plain:
            headers[NOT_RENDERED_HEADER] = _names(sorted(parameters.values))
        if is_current(request, headers["etag"]):
            return Response(status_code=304, headers=headers)
        return BlockFileResponse(runtime.files.original(file["file"]), headers=headers, media_type=media_type)
    accepted: tuple[str, ...] = ()
    if "format" in parameters.words("auto"):
        headers["vary"] = "Accept"
        accepted = modern_formats(accepted_types(",".join(request.headers.getlist("accept"))))
    key = hashlib.sha256(
        repr((file["file"], file["sha256"], sorted(parameters.values.items()), accepted)).encode()
    ).hexdigest()
    headers["etag"] = f'"{key}"'
    if is_current(request, headers["etag"]):
        return Response(status_code=304, headers=headers)
    variant = runtime.variants.find(key)
    if variant is None:
        original = runtime.files.original(file["file"])
        variant, _ = await runtime.variants.make(
            key, lambda path: _render(runtime, path, original, media_type, parameters, accepted)
        )
    if variant.not_rendered:
        headers[NOT_RENDERED_HEADER] = _names(variant.not_rendered)
    return VariantResponse(runtime.variants, variant, headers, _MEDIA_TYPES[variant.format])


def _names(names: Iterable[str]) -> str:
    """Names in the form of a header: encoded, because they come from the request and may be any text."""
    return ", ".join(quote(name, safe="=") for name in names)


async def _render(
    runtime: Runtime,
    target: Path,
    original: Path,
    media_type: str,
    parameters: Parameters,
    accepted: tuple[str, ...],
) -> Variant:
    def render() -> tuple[Rendered, int]:
        # Image libraries take a quarter of a second to import; here that delays neither start nor loop.
        import pyvips

        from imgwire_async.sandbox.imgix.cdn.rendering import render as make

        try:
            done = make(
                original,
                media_type,
                parameters,
                target,
                accepted=accepted,
                cancelled=runtime.closing.is_set,
            )
        except pyvips.Error as error:
            if runtime.closing.is_set():
                raise ApiError(503, "ServiceUnavailable", "The sandbox is stopping.") from error
            logger.error("A picture could not be rendered: %s", error)
            raise ApiError(
                500, "RenderingFailed", "The picture could not be rendered; see the log."
            ) from error
        return done, target.stat().st_size

    done, size = await asyncio.get_running_loop().run_in_executor(runtime.rendering_threads, render)
    return Variant(target, size, done.format, done.not_rendered)
