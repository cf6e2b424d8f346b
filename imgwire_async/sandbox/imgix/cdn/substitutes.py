"""What a rendering host serves besides files of its source: substitutes for images, and two text files."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit, urlunsplit

import httpx
from starlette.requests import Request
from starlette.responses import Response

from imgwire_async.sandbox.imgix.documents import Attributes
from imgwire_async.sandbox.imgix.resources import sources
from imgwire_async.sandbox.imgix.runtime import Runtime
from imgwire_async.sandbox.server.errors import ApiError
from imgwire_async.sandbox.server.runtime import logger

_SECONDS: Final = 30.0
_SUBSTITUTE: Final = "x-imgix-sandbox-substitute"
"""Header of a request for a substitute, which has no substitute itself, and of responses with one."""
_ROBOTS: Final = {"allow-all": "User-agent: *\nDisallow:\n", "disallow-all": "User-agent: *\nDisallow: /\n"}
_CROSSDOMAIN: Final = (
    '<?xml version="1.0"?>\n<cross-domain-policy><allow-access-from domain="*"/></cross-domain-policy>\n'
)


def text_file(deployment: Attributes, origin_path: str) -> Response | None:
    """`robots.txt` and `crossdomain.xml`, if the deployment has them; otherwise None."""
    robots = _ROBOTS.get(str(deployment.get("robots.txt")))
    if origin_path == "/robots.txt" and robots is not None:
        return Response(robots, media_type="text/plain")
    if origin_path == "/crossdomain.xml" and deployment["crossdomain_xml_enabled"]:
        return Response(_CROSSDOMAIN, media_type="text/xml")
    return None


async def substitute(
    runtime: Runtime, request: Request, deployment: Attributes, host_prefix: str, error: ApiError
) -> Response | None:
    """The image that the deployment names for a missing image (404) or an unavailable one (500 and above).

    imgix does not publish the status of such a response; here it is 200.

    Returns:
        None if there is none, or it is unavailable as well.
    """
    if _SUBSTITUTE in request.headers:
        return None
    name = "image_missing" if error.status == 404 else "image_error" if error.status >= 500 else ""
    address = deployment.get(name)
    if not address:
        return None
    url = str(address)
    if deployment[f"{name}_append_qs"] and request.url.query:
        url += f"{'&' if '?' in url else '?'}{request.url.query}"
    try:
        async with httpx.AsyncClient(timeout=_SECONDS, follow_redirects=True, trust_env=False) as client:
            response = await client.get(_reachable(runtime, url, host_prefix), headers={_SUBSTITUTE: name})
    except (httpx.HTTPError, httpx.InvalidURL) as problem:
        logger.info("%s is not available: %r", name, problem)
        return None
    if response.status_code != 200:
        return None
    headers = {"content-type": response.headers.get("content-type", "application/octet-stream")}
    return Response(response.content, headers={**headers, _SUBSTITUTE: name})


def _reachable(runtime: Runtime, url: str, host_prefix: str) -> str:
    """A URL of one of our hosts in the form that works without DNS; any other unchanged."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if sources.of_host(runtime, host) is None:
        return url
    address = urlsplit(runtime.base_url)
    return urlunsplit((address.scheme, address.netloc, f"{host_prefix}{host}{parts.path}", parts.query, ""))
