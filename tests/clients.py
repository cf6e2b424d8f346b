"""Clients for a sandbox that do not wait between attempts."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import anyio

from imgwire_async import AsyncImgwireClient
from imgwire_async.core.clients.client import ServiceClient, core_of, keep_time
from imgwire_async.core.time import RealTime
from imgwire_async.sandbox import Sandbox

AnyClient = TypeVar("AnyClient", bound=ServiceClient)


def client_of(server: Any, **arguments: Any) -> AsyncImgwireClient:
    """A client for any server with a `base_url`, such as a sandbox, with its server key if it has one."""
    key = server.server_key if isinstance(server, Sandbox) else "sk_test"
    return without_waits(AsyncImgwireClient(**{"api_key": key, "base_url": server.base_url} | arguments))


class ShortWaits(RealTime):
    """A real clock that shortens the waits before a retry and between two polls.

    For tests with a real server, whose time is real. Where only the client waits, use a
    `VirtualClock`.

    Args:
        faster: how many times shorter; math.inf for no wait at all.
    """

    def __init__(self, faster: float) -> None:
        self.faster = faster

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds / self.faster)


def without_waits(client: AnyClient) -> AnyClient:
    """Skip the waits before retries; deadlines still count them."""
    keep_time(client, ShortWaits(math.inf), rate_limits=core_of(client).shared.gate.rate_limits)
    return client
