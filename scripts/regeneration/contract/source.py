"""Reads the vendor's document from a file, or from a URL with limits on size and time."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import anyio
import httpx

from regeneration.contract.document import RegenerationError

MAX_BYTES = 20 * 1024 * 1024
MAX_SECONDS = 30.0
MAX_REDIRECTS = 5


def read(source: str) -> bytes:
    """The bytes of a document.

    Args:
        source: a path, or an `https://` URL; `http://` is accepted for loopback hosts only.

    Raises:
        RegenerationError: it cannot be read, is larger than `MAX_BYTES`, or takes longer than `MAX_SECONDS`.
    """
    if "://" in source:
        return anyio.run(_fetch, source)
    path = Path(source)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise RegenerationError(f"{source} is larger than {MAX_BYTES} bytes")
        return path.read_bytes()
    except OSError as error:
        raise RegenerationError(f"{source} cannot be read: {error.strerror}") from error


async def _fetch(address: str) -> bytes:
    try:
        with anyio.fail_after(MAX_SECONDS):
            async with httpx.AsyncClient(timeout=None) as client:  # noqa: S113 - bounded as a whole, above
                return await _follow(client, httpx.URL(address))
    except TimeoutError as error:
        raise RegenerationError(f"{address} took longer than {MAX_SECONDS:g} seconds") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RegenerationError(f"{address} cannot be read: {str(error) or type(error).__name__}") from error


async def _follow(client: httpx.AsyncClient, url: httpx.URL) -> bytes:
    for _ in range(MAX_REDIRECTS + 1):
        _check_scheme(url)
        async with client.stream("GET", url, headers={"Accept": "application/json"}) as response:
            if response.next_request is not None:
                url = response.next_request.url
                continue
            if response.status_code != httpx.codes.OK:
                raise RegenerationError(f"{url} answered with status {response.status_code}")
            return await _body(response, url)
    raise RegenerationError(f"more than {MAX_REDIRECTS} redirects, the last one to {url}")


async def _body(response: httpx.Response, url: httpx.URL) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > MAX_BYTES:
            raise RegenerationError(f"{url} is larger than {MAX_BYTES} bytes")
    return bytes(content)


def _check_scheme(url: httpx.URL) -> None:
    if url.scheme == "https" or (url.scheme == "http" and _is_loopback(url.host)):
        return
    raise RegenerationError(f"{url}: only https is read, and http from a loopback host")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
