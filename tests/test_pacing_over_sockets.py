"""Adaptive pacing against a rate limit unknown to the client, over real sockets and in real time.

The algorithm is tested in virtual time, with narrow bounds. These tests show that it works with real
requests: limits are far below the speed of a busy machine, and the service's own log counts the requests.
"""

from __future__ import annotations

import anyio
import pytest

from imgwire_async import AsyncImgwireClient, RetryEvent
from imgwire_async.sandbox import Sandbox, SteadyRate
from imgwire_async.sandbox.server.requests.rate_limits import RetryAfterForm
from tests.request_rates import settled

pytestmark = pytest.mark.measures_time

LIMIT = 20.0  # requests per second
SETTLED_AFTER = 80  # accepted requests after the first 429
MEASURED = 120  # accepted requests


@pytest.mark.slow
async def test_auto_concurrency_finds_and_keeps_an_unknown_rate_limit() -> None:
    rates = {"images.list": SteadyRate(rate=LIMIT, burst=10, retry_after=None)}
    retries: list[RetryEvent] = []
    async with (
        Sandbox(rate_limits=rates) as sandbox,
        AsyncImgwireClient(
            api_key=sandbox.server_key,
            base_url=sandbox.base_url,
            concurrency="auto",
            max_retries=20,
            on_retry=retries.append,
        ) as imgwire,
    ):
        left = SETTLED_AFTER + MEASURED
        unthrottled = 1_000  # calls until the limit must have been determined

        async def worker() -> None:
            nonlocal left, unthrottled
            while left > 0 and unthrottled > 0:
                await imgwire.images.list(limit=1)
                left -= bool(retries)
                unthrottled -= not retries

        async with anyio.create_task_group() as workers:
            for _ in range(32):
                workers.start_soon(worker)
        requests = list(sandbox.requests)

    goodput, share = settled(requests, SETTLED_AFTER, MEASURED)
    assert 0.4 * LIMIT <= goodput <= 1.08 * LIMIT
    assert share <= 0.1  # without pacing more than half


async def _burst(calls: int, limit: SteadyRate, rounds: int) -> list[tuple[float, int]]:
    """Concurrent calls of a default client: accepted calls per second and number of 429s, for each round."""
    results = []
    async with (
        Sandbox(rate_limits={"images.list": limit}) as sandbox,
        AsyncImgwireClient(sandbox.server_key, base_url=sandbox.base_url, max_retries=20) as imgwire,
    ):
        for _ in range(rounds):
            before, started = len(sandbox.requests), anyio.current_time()

            async def call() -> None:
                await imgwire.images.list(limit=1)

            async with anyio.create_task_group() as tasks:
                for _ in range(calls):
                    tasks.start_soon(call)
            throttled = sum(request.status == 429 for request in list(sandbox.requests)[before:])
            results.append((calls / (anyio.current_time() - started), throttled))
    return results


async def test_a_burst_over_the_limit_gets_at_most_half_of_the_429s_that_it_would_get_without_pacing() -> (
    None
):
    ((_, throttled),) = await _burst(200, SteadyRate(rate=30, burst=60, retry_after=None), 1)
    # Requests in flight at the first 429, up to one per slot, and then hardly any; without pacing about 260.
    assert 1 <= throttled <= 130


@pytest.mark.slow
@pytest.mark.parametrize("retry_after", [None, "seconds"])
async def test_six_hundred_calls_of_a_default_client_keep_to_an_unknown_limit(
    retry_after: RetryAfterForm,
) -> None:
    limit = SteadyRate(rate=50, burst=50, retry_after=retry_after)
    (goodput, throttled), *later = await _burst(600, limit, 3)
    assert goodput >= 0.4 * 50
    assert throttled <= 100  # one for each slot; usually far fewer
    assert sum(count for _, count in later) / (2 * 600) <= 0.03
    assert min(rate for rate, _ in later) >= 0.4 * 50
