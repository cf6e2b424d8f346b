"""The adaptive pace against a rate limit that the client is not told, over real sockets and in real time.

The algorithm itself is tested in virtual time; this shows that it is wired to what really happens.
"""

from __future__ import annotations

import time

import anyio
import pytest

from imgwire_async import AsyncImgwireClient
from imgwire_async.sandbox import Sandbox, SteadyRate
from imgwire_async.sandbox.server.requests.rate_limits import RetryAfterForm

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


async def _burst(calls: int, limit: SteadyRate, rounds: int) -> list[tuple[float, int]]:
    """Calls made at once by a default client: those accepted per second, and the 429s, of each round."""
    results = []
    async with (
        Sandbox(rate_limits={"images.list": limit}) as sandbox,
        AsyncImgwireClient(sandbox.server_key, base_url=sandbox.base_url, max_retries=20) as imgwire,
    ):
        for _ in range(rounds):
            before, started = len(sandbox.requests), time.monotonic()

            async def call() -> None:
                await imgwire.images.list(limit=1)

            async with anyio.create_task_group() as tasks:
                for _ in range(calls):
                    tasks.start_soon(call)
            throttled = sum(request.status == 429 for request in list(sandbox.requests)[before:])
            results.append((calls / (time.monotonic() - started), throttled))
    return results


async def test_a_burst_over_the_limit_is_throttled_less_than_once_per_slot() -> None:
    ((_, throttled),) = await _burst(200, SteadyRate(rate=200, burst=100, retry_after=None), 1)
    # What was in flight at the first 429, and then hardly any.
    assert 1 <= throttled <= 90


@pytest.mark.slow
@pytest.mark.parametrize("retry_after", [None, "seconds"])
async def test_six_hundred_calls_of_a_default_client_keep_to_a_limit_they_are_not_told(
    retry_after: RetryAfterForm,
) -> None:
    limit = SteadyRate(rate=100, burst=100, retry_after=retry_after)
    (goodput, throttled), *later = await _burst(600, limit, 3)
    assert goodput >= 0.9 * 100
    assert throttled <= 100  # one for each slot; mostly far fewer
    assert sum(count for _, count in later) / (2 * 600) <= 0.015
    if retry_after is None:
        assert min(rate for rate, _ in later) >= 0.9 * 0.85 * 100
