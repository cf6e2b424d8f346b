"""Clients of a sandbox that do not wait between attempts."""

from __future__ import annotations

from typing import Any, TypeVar

import anyio.lowlevel

from imgwire_async import AsyncImgwireClient
from imgwire_async.core.clients.client import ServiceClient, core_of, keep_time
from imgwire_async.core.time import RealTime
from imgwire_async.sandbox import Sandbox

AnyClient = TypeVar("AnyClient", bound=ServiceClient)


def client_of(server: Any, **arguments: Any) -> AsyncImgwireClient:
    """A client of anything with a `base_url`, such as a sandbox, with its server key if it has one."""
    key = server.server_key if isinstance(server, Sandbox) else "sk_test"
    return without_waits(AsyncImgwireClient(**{"api_key": key, "base_url": server.base_url} | arguments))


class NoWaits(RealTime):
    """Real clocks, on which nobody waits before a retry or between two looks."""

    async def sleep(self, seconds: float) -> None:  # noqa: ARG002 - the interface
        await anyio.lowlevel.checkpoint()


def without_waits(client: AnyClient) -> AnyClient:
    """Let the waits before retries pass at once; the waits of a call's deadline still count them."""
    keep_time(client, NoWaits(), rate_limits=core_of(client).shared.gate.rate_limits)
    return client
