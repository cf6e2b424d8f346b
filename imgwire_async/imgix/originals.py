"""URLs from which the original of an asset can be fetched: at a rendering host or at its origin."""

from __future__ import annotations

from urllib.parse import quote

from imgwire_async.imgix.records import Source
from imgwire_async.imgix.urls import imgix_url


class NoOriginalError(Exception):
    """The original of an asset is not available; the message says why and what to do."""


def plain_url(host: str, origin_path: str) -> str:
    """The URL of an asset at a rendering host, without parameters and signature.

    Raises:
        InvalidArgumentError: the path is empty, or cannot be encoded.
    """
    return imgix_url(host, proxied_url(origin_path) or origin_path)


def proxied_url(origin_path: str) -> str | None:
    """The URL in the origin path of a web proxy; None for any other path."""
    path = origin_path.removeprefix("/")
    return path if path.lower().startswith(("http://", "https://")) else None


def original_url(source: Source, origin_path: str, *, rendering_base_url: str | None = None) -> str:
    """The URL at which a service can fetch the original of an asset.

    This is a plain URL of the source's first host, signed if the source requires it. If the source has
    `default_params`, no imgix URL returns the original, and only the origin of a web folder or web proxy can
    be used. Images of web proxies are always fetched from their origin.

    Args:
        source: the source.
        origin_path: path of the asset.
        rendering_base_url: where the rendering hosts can be reached without DNS, for a local imgix.

    Raises:
        NoOriginalError: the original is not available.
        InvalidArgumentError: the path is empty, or cannot be encoded.
    """
    deployment = source.deployment
    at_origin = _at_origin(source, origin_path)
    if at_origin is not None and (deployment.type == "webproxy" or deployment.default_params):
        return at_origin
    name = source.name or source.id
    if deployment.default_params:
        raise NoOriginalError(
            f"the source {name} has default parameters, so imgix serves no originals; remove them at imgix "
            "for the duration of the migration"
        )
    if source.enabled is False:
        raise NoOriginalError(f"the source {name} is disabled, so imgix serves nothing; enable it at imgix")
    if not source.hosts:
        raise NoOriginalError(f"the source {name} has no host")
    token = None
    if deployment.secure_url_enabled:
        token = source.secure_url_token
        if not token:
            raise NoOriginalError(
                f"the source {name} requires signed URLs, and imgix did not return its token; use an API key "
                "with the Sources permission"
            )
    host = source.hosts[0]
    url = imgix_url(host, proxied_url(origin_path) or origin_path, token=token)
    if rendering_base_url is not None:
        # A local imgix expects the host as the first part of the path.
        return f"{rendering_base_url.rstrip('/')}/~/{host}{url.removeprefix(f'https://{host}')}"
    return url


def _at_origin(source: Source, origin_path: str) -> str | None:
    """The URL of an asset at its origin, if it is publicly available there."""
    deployment = source.deployment
    if deployment.username or deployment.password_set or deployment.request_handshake_set:
        return None
    if (proxied := proxied_url(origin_path)) is not None:
        return quote(proxied, safe="!#$%&'()*+,/:;=?@[]~")
    if deployment.type == "webfolder" and deployment.webfolder_base_url:
        path = quote(origin_path.removeprefix("/"), safe="!$&'()*+,/:;=@~")
        return f"{deployment.webfolder_base_url.rstrip('/')}/{path}"
    return None
