"""The adaptive pace against a rate limit that the client is not told, over real sockets and in real time.

The algorithm itself is tested in virtual time; this shows that it is wired to what really happens.
"""

from __future__ import annotations

import time

import anyio
import pytest

from imgwire_async import AsyncImgwireClient
from imgwire_async.sandbox import Sandbox, SteadyRate

pytestmark = pytest.mark.measures_time

LIMIT = 40.0  # requests per second
SECONDS = 20.0
SETTLED_AFTER = 8.0


async def test_auto_concurrency_finds_and_keeps_an_unknown_rate_limit() -> None:
    rates = {"images.list": SteadyRate(rate=LIMIT, burst=10, retry_after=None)}
    successes: list[float] = []
    async with (
        Sandbox(rate_limits=rates) as sandbox,
        AsyncImgwireClient(
            api_key=sandbox.server_key, base_url=sandbox.base_url, concurrency="auto", max_retries=20
        ) as imgwire,
    ):
        started = time.monotonic()

        async def worker() -> None:
            while time.monotonic() - started < SECONDS:
                await imgwire.images.list(limit=1)
                successes.append(time.monotonic() - started)

        async with anyio.create_task_group() as workers:
            for _ in range(32):
                workers.start_soon(worker)
        refused = sum(request.status == 429 for request in sandbox.requests)

    settled = [instant for instant in successes if SETTLED_AFTER < instant <= SECONDS]
    goodput = len(settled) / (SECONDS - SETTLED_AFTER) / LIMIT
    assert 0.85 * 0.92 <= goodput <= 1.08
    assert refused / (refused + len(successes)) < 0.02
