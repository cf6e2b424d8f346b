"""The 429s of 600 concurrent calls, 100 of which are in flight when the first 429 arrives, over many seeds.

A client that has seen no 429 does not know the limit and sends at full concurrency. Requests in flight when
the first 429 arrives cannot be recalled, so no controller can avoid their 429s. That is the minimum: if the
service allows bursts of B requests, about (100 - B) of (700 - B). The tests check the 429s beyond it.

A `Retry-After` in whole seconds costs one second for every late 429, and the service's bucket makes up for at
most B requests of it. Even a client that knew the limit would only reach `at_best`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest

from tests.core.pace.service_model import TRAVEL, Calls, TokenBucket

CALLS = 600
SLOTS = 100
SEEDS = range(1, 7)


@dataclass(frozen=True)
class Result:
    """Means over seeds: of a first run of calls, and of the two runs right after it."""

    goodput: float
    """Accepted calls per second, as a share of the limit."""
    floor: float
    """Unavoidable 429s, as a share of the responses."""
    above_floor: float
    later_goodput: float
    later_share: float


def measured(limit: float, burst: float, hints: bool | Literal["exact"]) -> Result:
    goodput = floor = above = later = share = 0.0
    for seed in SEEDS:
        calls = Calls(seed, TokenBucket(limit, burst, hints=hints), slots=SLOTS)
        goodput += CALLS / calls.make(CALLS) / limit
        floor += calls.unavoidable / (calls.throttled + CALLS)
        above += (calls.throttled - calls.unavoidable) / (calls.throttled + CALLS)
        for _ in range(2):
            later += CALLS / calls.make(CALLS) / limit / 2
            share += calls.throttled / (calls.throttled + CALLS) / 2
    return Result(*(total / len(SEEDS) for total in (goodput, floor, above, later, share)))


def at_best(limit: float, burst: float, pauses: int) -> float:
    """The goodput of a client that knows the limit and is paused for a second this many times."""
    seconds = (CALLS - burst * (1 + pauses)) / limit + pauses * (1.05 + 2 * TRAVEL) + 0.17
    return CALLS / seconds / limit


@pytest.mark.parametrize("hints", [False, "exact"])
@pytest.mark.parametrize(
    ("limit", "burst"), [(20, 20), (20, 100), (50, 10), (100, 10), (100, 20), (100, 50), (100, 100)]
)
def test_nearly_all_429s_were_in_flight_when_the_first_one_arrived(
    limit: int, burst: int, hints: Literal[False, "exact"]
) -> None:
    result = measured(limit, burst, hints)

    if burst < SLOTS:
        assert result.floor == pytest.approx((SLOTS - burst) / (CALLS + SLOTS - burst), abs=0.01)
    assert result.above_floor <= (0.035 if burst > limit else 0.015)
    assert result.goodput >= 0.88
    assert result.later_goodput >= 0.94
    assert result.later_share <= 0.005


@pytest.mark.parametrize("burst", [10, 20, 50])
def test_pauses_of_whole_seconds_are_rare(burst: int) -> None:
    result = measured(100, burst, True)

    # One pause because the limit is unknown, and one while it is determined.
    assert result.goodput >= at_best(100, burst, 2) - 0.12
    assert result.above_floor <= 0.02
    assert result.later_goodput >= 0.88
    assert result.later_share <= 0.005


def test_pauses_of_whole_seconds_alone_cost_a_tenth_where_the_service_allows_small_bursts() -> None:
    assert [round(at_best(100, burst, 1), 2) for burst in (10, 20, 50)] == [0.85, 0.87, 0.96]
    assert [round(at_best(100, burst, 2), 2) for burst in (10, 20, 50)] == [0.75, 0.77, 0.88]


def test_a_high_limit_is_approached_without_a_storm() -> None:
    result = measured(400, 100, False)

    assert result.goodput >= 0.65
    assert result.above_floor <= 0.005
    assert result.later_share <= 0.01
