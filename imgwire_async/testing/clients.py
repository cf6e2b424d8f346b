"""Clients for a sandbox in tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from imgwire_async.core.clients.client import keep_time
from imgwire_async.imgwire.client import AsyncImgwireClient

if TYPE_CHECKING:
    from imgwire_async.imgix import AsyncImgixClient
    from imgwire_async.sandbox import ImgixSandbox, Sandbox
    from imgwire_async.testing.clock import VirtualClock


@contextmanager
def virtual_client(sandbox: Sandbox, clock: VirtualClock) -> Iterator[AsyncImgwireClient]:
    """A client with the sandbox's server key that waits on `clock` before retries and between polls.

    Use `with_options` to change retries or deadlines. It need not be closed: its connections end with the
    event loop that used them.
    """
    client = AsyncImgwireClient(sandbox.server_key, base_url=sandbox.base_url)
    keep_time(client, clock)
    yield client
    client._owns_connections = False  # noqa: SLF001 - so that nobody is warned


@contextmanager
def virtual_imgix_client(sandbox: ImgixSandbox, clock: VirtualClock) -> Iterator[AsyncImgixClient]:
    """A client for the local imgix with all permissions and without the published limits."""
    from imgwire_async.imgix import AsyncImgixClient

    client = AsyncImgixClient(sandbox.api_key, base_url=sandbox.base_url)
    keep_time(client, clock)
    yield client
    client._owns_connections = False  # noqa: SLF001 - so that nobody is warned
