"""Clients of a sandbox that do not wait between attempts."""

from __future__ import annotations

from typing import Any

import anyio.lowlevel

from imgwire_async import AsyncImgwireClient
from imgwire_async.sandbox import Sandbox


def client_of(server: Any, **arguments: Any) -> AsyncImgwireClient:
    """A client of anything with a `base_url`, such as a sandbox, with its server key if it has one."""
    key = server.server_key if isinstance(server, Sandbox) else "sk_test"
    return without_waits(AsyncImgwireClient(**{"api_key": key, "base_url": server.base_url} | arguments))


def without_waits(client: AsyncImgwireClient) -> AsyncImgwireClient:
    """Let the waits before retries pass at once; the waits of a call's deadline still count them."""

    async def sleep(seconds: float) -> None:  # noqa: ARG001 - the interface of anyio.sleep
        await anyio.lowlevel.checkpoint()

    client._core.shared.time.sleep = sleep  # type: ignore[method-assign]
    return client
