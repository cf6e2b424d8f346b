"""The controller against services with unknown limits, in simulated time.

Rates are measured after the first 60 s unless a test's name says otherwise.
"""

from __future__ import annotations

import math
import random

import pytest

from imgwire_async.core.pace.controller import RateController
from tests.core.pace.service_model import (
    Client,
    ConcurrencyLimit,
    FixedWindow,
    Queue,
    Record,
    Service,
    Steps,
    TokenBucket,
    Worker,
    World,
)

SEEDS = (1, 2, 3)
ONE_SEED_BY_DEFAULT = [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in SEEDS[1:])]
"""For cases that take long to compute."""


class WithoutEpochGuard(RateController):
    """Attributes every response to the current rate, even if the request was sent long ago."""

    def report(
        self, ok: int, throttled: int, hint: float | None, generation: int, took: float | None = None
    ) -> int:
        del generation
        return super().report(ok, throttled, hint, self._generation, took)


class WithoutGrowthGuard(RateController):
    """Increases the rate although the requests are limited by something else."""

    def _grow(self) -> None:
        self._idle = 0.0
        super()._grow()


def simulate(
    service: Service,
    seed: int,
    end: float,
    *,
    jitter: float = 0.2,
    kind: type[RateController] = RateController,
) -> tuple[Record, Client]:
    world = World(seed, jitter=jitter)
    record = Record()
    controller = kind(clock=world.clock, rng=random.Random(seed + 1))
    client = Client(world, service, record, controller)
    world.run_until(end)
    assert record.sent <= record.granted
    return record, client


def bucket_cases(*, hints: bool) -> list[object]:
    """Rate, burst and seed: from a burst of one request to one second's worth."""
    cases = [
        (rate, burst, seed)
        for rate in (2, 20, 200)
        for burst in sorted({1, max(1, rate // 10), rate})
        for seed in SEEDS
    ]
    cases += [(1_000, 100, seed) for seed in SEEDS]
    if not hints:
        cases += [(1_000, 1, 1), (1_000, 1_000, 1)]
    # The fast ones take long to compute.
    return [
        pytest.param(rate, burst, seed, marks=pytest.mark.slow if rate >= 200 and seed > 1 else ())
        for rate, burst, seed in cases
    ]


def bucket_record(rate: int, burst: int, seed: int, *, hints: bool) -> tuple[Record, float]:
    end = {2: 360.0, 20: 150.0, 200: 140.0 if hints else 100.0, 1_000: 80.0}[rate]
    # A bucket of one token rejects requests that jitter pushes together; no controller can avoid that.
    jitter = 0.0 if burst == 1 else 0.2
    return simulate(TokenBucket(rate, burst, hints=hints), seed, end, jitter=jitter)[0], end


@pytest.mark.parametrize(("rate", "burst", "seed"), bucket_cases(hints=False))
def test_finds_the_rate_of_a_token_bucket(rate: int, burst: int, seed: int) -> None:
    record, end = bucket_record(rate, burst, seed, hints=False)
    assert 0.92 <= record.goodput(60, end) / rate <= 1.08
    assert record.throttled_share(60, end) < 0.01
    assert record.reached(0.9 * rate, 0, end) < 45


@pytest.mark.parametrize(("rate", "burst", "seed"), bucket_cases(hints=True))
def test_obeys_whole_second_hints_of_a_token_bucket(rate: int, burst: int, seed: int) -> None:
    record, end = bucket_record(rate, burst, seed, hints=True)
    assert record.goodput(60, end) / rate >= 0.90
    assert record.throttled_share(60, end) < 0.005


@pytest.mark.parametrize(
    ("quota", "window", "least", "seed"),
    [
        *((600, 60, 0.92, seed) for seed in SEEDS),
        *((1_200, 300, 0.92, seed) for seed in SEEDS),
        (12_000, 60, 0.85, 1),
        *(pytest.param(12_000, 60, 0.85, seed, marks=pytest.mark.slow) for seed in SEEDS[1:]),
    ],
)
def test_finds_a_quota_per_window_that_gives_no_hints(
    quota: int, window: int, least: float, seed: int
) -> None:
    record, _ = simulate(FixedWindow(quota, window), seed, window * 11)
    assert record.ok(window, window * 11) / (10 * quota) >= least
    assert record.throttled_share(window, window * 11) < 0.04
    assert record.throttled_share(0, window) < 0.12


@pytest.mark.parametrize(
    ("quota", "window", "seed"),
    [
        (600, 60, 1),
        (600, 60, 2),
        (600, 60, 3),
        (1_200, 300, 1),
        (1_200, 300, 2),
        (1_200, 300, 3),
        (12_000, 60, 1),
    ],
)
def test_waits_for_the_next_window_if_a_hint_names_it(quota: int, window: int, seed: int) -> None:
    record, _ = simulate(FixedWindow(quota, window, hints=True), seed, window * 11)
    assert record.ok(window, window * 11) / (10 * quota) >= 0.97
    assert record.throttled_share(window, window * 11) < 0.02


@pytest.mark.parametrize("seed", SEEDS)
def test_follows_a_limit_that_is_cut_and_raised(seed: int) -> None:
    record, _ = simulate(Steps([(0, 200), (60, 50), (150, 400)]), seed, 250)
    assert record.throttled_share(60, 90) < 0.12
    assert record.throttled_share(90, 150) < 0.005
    assert record.reached(0.9 * 400, 150, 250) < 90


@pytest.mark.parametrize("seed", SEEDS)
def test_most_of_a_limit_on_requests_in_flight_is_used(seed: int) -> None:
    # A known weakness: the rate is controlled, and the number in flight follows it only roughly.
    service = ConcurrencyLimit(20)
    record, _ = simulate(service, seed, 180)
    assert record.goodput(60, 180) / service.rate >= 0.6
    assert record.throttled_share(60, 180) < 0.005


@pytest.mark.parametrize(
    ("workers", "seed"), [(10, 1), (10, 2), (10, 3), (50, 1), (50, 2), (50, 3), (200, 1)]
)
def test_a_server_that_queues_is_kept_busy_and_its_queue_short(workers: int, seed: int) -> None:
    service = Queue(workers)
    record, _ = simulate(service, seed, 100)
    assert record.goodput(60, 100) / service.rate >= 0.97
    assert record.latency(0.99, 60, 100) < 1.0  # 0.24 s without a queue


def share_between(workers: int, service: Service, seed: int, end: float) -> Record:
    world = World(seed)
    record = Record()
    controller = RateController(clock=world.clock, rng=random.Random(seed + 1))
    for number in range(workers):
        Worker(number, world, service, record, controller, workers)
    world.run_until(end)
    assert record.sent <= record.granted
    return record


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("workers", [4, 16, 64])
def test_workers_share_a_limit_through_leases(workers: int, seed: int) -> None:
    record = share_between(workers, TokenBucket(200, 50), seed, 120)
    assert record.goodput(60, 120) / 200 >= 0.92
    assert record.throttled_share(60, 120) < 0.005
    assert record.fairness() >= 0.85


@pytest.mark.parametrize("seed", ONE_SEED_BY_DEFAULT)
@pytest.mark.parametrize("workers", [4, 16, 64])
def test_workers_share_a_quota_per_window_through_leases(workers: int, seed: int) -> None:
    record = share_between(workers, FixedWindow(12_000, 60), seed, 660)
    assert record.ok(60, 660) / 120_000 >= 0.92
    assert record.throttled_share(60, 660) < 0.04
    assert record.fairness() >= 0.85


@pytest.mark.parametrize("seed", ONE_SEED_BY_DEFAULT)
def test_without_the_epoch_guard_the_rate_is_not_found(seed: int) -> None:
    record, _ = simulate(TokenBucket(1_000, 100), seed, 80, kind=WithoutEpochGuard)
    assert record.goodput(60, 80) / 1_000 < 0.92


def throttled_after_idling(kind: type[RateController], seed: int) -> float:
    """The share of 429s in the minute after a minute that used only half of the limit."""
    world = World(seed)
    record = Record()
    controller = kind(clock=world.clock, rng=random.Random(seed + 1))
    client = Client(world, TokenBucket(200, 50), record, controller, demand=100.0)
    world.run_until(60)
    client.demand = math.inf
    world.run_until(120)
    return record.throttled_share(60, 120)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_time_of_little_demand_does_not_end_in_a_burst_of_429s(seed: int) -> None:
    assert throttled_after_idling(RateController, seed) < 0.01


@pytest.mark.parametrize("seed", SEEDS)
def test_without_the_growth_guard_it_would_end_in_a_burst_of_429s(seed: int) -> None:
    assert throttled_after_idling(WithoutGrowthGuard, seed) > 0.01
