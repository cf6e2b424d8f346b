"""Configurable rate limits that lead to 429."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgwire_async.sandbox import FixedWindow, MaxInFlight, SteadyRate
from imgwire_async.sandbox.server.requests.rate_limits import RateLimiter
from tests.sandbox.imgwire.support import Api, eventually


def test_a_token_bucket_rejects_after_its_burst_and_refills(start_api: Callable[..., Api]) -> None:
    now = [1_800_000_000.0]
    api = start_api(rate_limits={"health": SteadyRate(rate=0.5, burst=2)}, clock=lambda: now[0])

    answers = [api.http.get("/health") for _ in range(3)]
    now[0] += 2
    later = [api.http.get("/health").status_code for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"] == "2"
    assert answers[2].json()["error_type"] == "RateLimitExceededError"
    assert later == [200, 429]


def test_retry_after_can_be_a_date_or_missing(start_api: Callable[..., Api]) -> None:
    now = 1_800_000_000.0
    rules = {
        "health": FixedWindow(limit=1, seconds=60, retry_after="date"),
        "images.list": SteadyRate(rate=1, retry_after=None),
    }
    api = start_api(rate_limits=rules, clock=lambda: now)
    for path in ("/health", "/api/v1/images/"):
        api.http.get(path)

    dated, bare = api.http.get("/health"), api.http.get("/api/v1/images/")

    assert parsedate_to_datetime(dated.headers["retry-after"]).timestamp() == now - now % 60 + 60
    assert bare.status_code == 429
    assert "retry-after" not in bare.headers


def test_requests_in_flight_can_be_limited(start_api: Callable[..., Api]) -> None:
    api = start_api(rate_limits={"*": MaxInFlight(limit=1)})
    api.sandbox.faults.always("health", slow=10)
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(api.http.get, "/health")
        eventually(lambda: [request.status for request in api.sandbox.requests.of("health")] == [200])

        refused = api.http.get("/api/v1/images/").status_code
        assert slow.result().status_code == 200

    assert refused == 429
    assert api.http.get("/api/v1/images/").status_code == 200


def test_limits_of_unknown_operations_are_rejected(start_api: Callable[..., Api]) -> None:
    with pytest.raises(ValueError, match="unknown operation"):
        start_api(rate_limits={"images.creat": SteadyRate(rate=1)})


@given(
    rate=st.floats(0.1, 100),
    burst=st.integers(1, 20),
    steps=st.lists(st.floats(0, 2), max_size=60),
)
def test_a_token_bucket_never_admits_more_than_rate_and_burst(
    rate: float, burst: int, steps: list[float]
) -> None:
    now = [1000.0]
    limiter = RateLimiter({"*": SteadyRate(rate=rate, burst=burst)}, lambda: now[0])
    admitted = 0

    for step in steps:
        now[0] += step
        admitted += limiter.enter("health") is None

    assert admitted <= burst + (now[0] - 1000) * rate + 1e-6


@given(wait=st.floats(0, 10), rate=st.floats(0.1, 100))
def test_a_client_that_waits_as_requested_is_admitted(wait: float, rate: float) -> None:
    now = [1000.0 + wait]
    limiter = RateLimiter({"*": SteadyRate(rate=rate, burst=1)}, lambda: now[0])
    limiter.enter("health")
    refusal = limiter.enter("health")
    assert refusal is not None
    assert refusal.retry_after is not None

    now[0] += float(refusal.retry_after)

    assert limiter.enter("health") is None
