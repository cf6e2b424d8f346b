"""Fetching pictures from the delivery hosts of both services, each at its own pace."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import ClassVar, Final
from urllib.parse import urlsplit

from imgwire_async.core.call import Core
from imgwire_async.core.clients.client import new_core
from imgwire_async.core.fetch import Transfer, fetch
from imgwire_async.core.pace.limits import RateLimit
from imgwire_async.core.service import Service
from imgwire_async.core.values.redaction import Secret
from imgwire_async.errors import CallContext, DownloadError, InvalidArgumentError

LARGEST: Final = 64 * 1024 * 1024
"""Maximum bytes of a fetched picture."""


class _Pictures(Service):
    """A host that delivers public pictures and requires no key."""

    name = "the delivery host"
    key_variable = "-"
    url_variable = "-"
    public_url = "https://localhost"
    rate_classes: ClassVar[Mapping[str, RateLimit | None]] = {"delivery": None}


async def _no_key() -> str:
    return ""


class _Memory:
    """A download destination in memory."""

    def __init__(self) -> None:
        self.data = bytearray()

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            DownloadError: there are too many.
        """
        if len(self.data) + len(chunk) > LARGEST:
            raise DownloadError(f"the picture is over {LARGEST // 1024 // 1024} MiB")
        self.data += chunk

    async def restart(self) -> bool:
        """Discard all bytes."""
        self.data.clear()
        return True


class Delivery:
    """The delivery hosts of one service."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def get(self, url: str) -> tuple[bytes, str | None]:
        """Fetch a picture and its MIME type.

        Raises:
            DownloadError: the host rejects the request, or the picture is too large.
            APIConnectionError: the host cannot be reached.
        """
        sink = _Memory()
        transfer = Transfer(sink)
        await fetch(self._core, Secret(url), transfer, CallContext(operation="verify"))
        return bytes(sink.data), transfer.head.content_type


@asynccontextmanager
async def deliveries(rate: float | None, concurrency: int) -> AsyncGenerator[tuple[Delivery, Delivery], None]:
    """The delivery hosts of imgix and of Imgwire.

    Args:
        rate: Requests per second to each; None for no limit other than those in their responses.
        concurrency: Requests to each at the same time.

    Raises:
        InvalidArgumentError: the rate is not a positive number.
    """
    try:
        limits = None if rate is None else {"delivery": RateLimit(rate)}
    except ValueError as error:
        raise InvalidArgumentError(str(error)) from None
    cores = [
        new_core(
            _Pictures(),
            _no_key,
            "https://localhost",
            concurrency=concurrency,
            rate_limits=limits,
            hooks={},
            http_client=None,
            allow_insecure=False,
        )
        for _ in range(2)
    ]
    try:
        yield Delivery(cores[0]), Delivery(cores[1])
    finally:
        for core in cores:
            await core.shared.engine.aclose()


def imgix_address(url: str, base_url: str | None, token: str | None) -> str:
    """The URL to fetch an imgix picture from: signed if a token is passed, and on `base_url` if passed.

    Args:
        url: The URL, unsigned.
        base_url: Base URL of a local imgix, which expects host and path after `/~/`.
        token: `secure_url_token` of the source.
    """
    parts = urlsplit(url if "://" in url else f"https:{url}")
    query = parts.query
    if token is not None:
        from imgwire_async.imgix.urls import url_signature

        signature = url_signature(token, parts.path, query)
        query = f"{query}&s={signature}" if query else f"s={signature}"
    base = f"{parts.scheme}://" if base_url is None else f"{base_url.rstrip('/')}/~/"
    return f"{base}{parts.netloc}{parts.path}" + (f"?{query}" if query else "")
