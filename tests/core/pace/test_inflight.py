from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgwire_async.core.pace.latency_cap import InFlightCap
from tests.core.virtual_time import VirtualTime


def feed(
    cap: InFlightCap, time: VirtualTime, seconds: int, latency: float, in_flight: int | None = None
) -> None:
    for _ in range(seconds * 20):
        time.now += 0.05
        cap.answered(latency, cap.value if in_flight is None else in_flight)


def test_rejects_a_limit_below_one() -> None:
    with pytest.raises(ValueError, match="limit"):
        InFlightCap(clock=lambda: 0.0, limit=0)


def test_grows_to_its_limit_while_responses_stay_fast_and_it_is_used() -> None:
    time = VirtualTime()
    cap = InFlightCap(clock=time.monotonic, limit=300)
    feed(cap, time, 10, 0.1)
    assert cap.value == 300


def test_a_changed_limit_applies_at_once() -> None:
    time = VirtualTime()
    cap = InFlightCap(clock=time.monotonic, limit=300)
    feed(cap, time, 10, 0.1)
    cap.limit_to(30)
    assert cap.value == 30
    cap.limit_to(60)
    feed(cap, time, 10, 0.1)
    assert cap.value == 60


def test_does_not_grow_while_less_than_half_of_it_is_used() -> None:
    time = VirtualTime()
    cap = InFlightCap(clock=time.monotonic, limit=300)
    feed(cap, time, 60, 0.1, in_flight=5)
    assert cap.value == 20


def test_shrinks_when_responses_take_twice_as_long() -> None:
    time = VirtualTime()
    cap = InFlightCap(clock=time.monotonic, limit=300)
    feed(cap, time, 10, 0.1)
    feed(cap, time, 5, 0.3)
    assert cap.value < 200


def test_a_service_that_became_permanently_slower_does_not_limit_it_for_ever() -> None:
    time = VirtualTime()
    cap = InFlightCap(clock=time.monotonic, limit=300)
    feed(cap, time, 10, 0.1)
    feed(cap, time, 600, 1.0)
    assert cap.value > 100


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 500)), max_size=200), st.integers(1, 50))
def test_stays_between_one_and_its_limit(answers: list[tuple[float, int]], limit: int) -> None:
    time = VirtualTime()
    cap = InFlightCap(clock=time.monotonic, limit=limit)
    for latency, in_flight in answers:
        time.now += 0.3
        cap.answered(latency, in_flight)
        assert 1 <= cap.value <= limit
