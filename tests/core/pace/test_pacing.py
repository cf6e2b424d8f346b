from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgwire_async.core.pace.controller import LONGEST_CLOSURE, Lease, RateController
from tests.core.virtual_time import VirtualTime


def new_controller(
    time: VirtualTime, *, start_rate: float = 10.0, max_rate: float = math.inf
) -> RateController:
    return RateController(
        clock=time.monotonic, rng=random.Random(1), start_rate=start_rate, max_rate=max_rate
    )


def send_all(controller: RateController, time: VirtualTime, seconds: float) -> list[int]:
    """Send as fast as allowed for this many seconds; returns the generations."""
    end = time.now + seconds
    generations = []
    while (due := controller.next_send()) < end:
        time.now = max(time.now, due)
        generations += [controller.lease(1, horizon=0.0).generation]
    time.now = end
    return generations


def accept_for(controller: RateController, time: VirtualTime, seconds: float) -> int:
    """Send as fast as allowed, with every request accepted at once; returns their number."""
    end = time.now + seconds
    accepted = 0
    while (due := controller.next_send()) < end:
        time.now = max(time.now, due)
        lease = controller.lease(1, horizon=0.0)
        accepted += len(lease.delays)
        controller.report(len(lease.delays), 0, None, lease.generation)
    time.now = end
    return accepted


@pytest.mark.parametrize(
    "rates",
    [
        {"min_rate": 0.0},
        {"start_rate": 0.01},
        {"start_rate": 5.0, "max_rate": 4.0},
        {"start_rate": float("nan")},
    ],
)
def test_rejects_rates_out_of_order(rates: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="min_rate"):
        RateController(clock=lambda: 0.0, rng=random.Random(1), **rates)


def test_requests_are_spaced_by_the_rate() -> None:
    time = VirtualTime()
    controller = new_controller(time, start_rate=10.0, max_rate=10.0)
    dues = []
    for _ in range(5):
        time.now = max(time.now, controller.next_send())
        dues.append(round(time.now, 6))
        controller.lease(1, horizon=0.0)
    assert dues == [0.0, 0.1, 0.2, 0.3, 0.4]


def test_a_pause_does_not_end_in_a_burst() -> None:
    time = VirtualTime()
    controller = new_controller(time, start_rate=100.0, max_rate=100.0)
    time.now = 1_000.0
    assert len(controller.lease(1_000, horizon=0.0).delays) == 5


def test_the_rate_doubles_every_two_seconds_while_everything_is_accepted() -> None:
    time = VirtualTime()
    controller = new_controller(time)
    accept_for(controller, time, 6.0)
    assert controller.rate == pytest.approx(80.0, rel=0.1)
    assert controller.ceiling is None


def test_the_rate_does_not_grow_while_it_is_not_used() -> None:
    time = VirtualTime()
    controller = new_controller(time)
    for _ in range(200):
        time.now += 0.5
        lease = controller.lease(1)
        controller.report(1, 0, None, lease.generation)
    assert controller.rate == pytest.approx(10.0, rel=0.05)


def test_a_429_takes_15_percent_off_and_the_old_ceiling_is_back_after_the_recovery() -> None:
    time = VirtualTime()
    controller = new_controller(time)
    accept_for(controller, time, 6.0)
    lease = controller.lease(1)
    before = controller.rate
    controller.report(0, 1, None, lease.generation)
    assert controller.rate == pytest.approx(0.85 * before)
    assert controller.ceiling == pytest.approx(before)
    accept_for(controller, time, 23.5)
    assert controller.rate == pytest.approx(before, rel=0.01)


def test_of_one_burst_of_429s_only_the_first_counts() -> None:
    time = VirtualTime()
    controller = new_controller(time)
    accept_for(controller, time, 4.0)
    before = controller.rate
    for generation in send_all(controller, time, 1.0):
        controller.report(0, 1, None, generation)
    assert controller.rate > 0.85 * before


def test_when_nothing_is_accepted_single_probes_detect_the_end_of_the_outage() -> None:
    time = VirtualTime()
    controller = new_controller(time)
    accept_for(controller, time, 4.0)
    for attempt in range(20):
        time.now = max(time.now, controller.next_send())
        lease = controller.lease(100)
        if attempt > 5:
            assert len(lease.delays) == 1
            assert controller.next_send() == math.inf
            assert controller.lease(1).delays == ()
        time.now += 0.05
        controller.report(0, len(lease.delays), None, lease.generation)
    assert 5.0 <= controller.next_send() - time.now <= 10.0

    time.now = controller.next_send()
    controller.report(1, 0, None, controller.lease(1).generation)
    assert len(controller.lease(2).delays) == 2


def test_a_probe_that_never_gets_a_response_does_not_block_for_ever() -> None:
    time = VirtualTime()
    controller = new_controller(time)
    controller.report(0, 1, 10.0, controller.lease(1).generation)
    time.now = controller.next_send()
    assert len(controller.lease(5).delays) == 1
    assert controller.next_send() == math.inf
    time.now += 31.0
    assert controller.next_send() <= time.now


@pytest.mark.parametrize("stale", [False, True])
def test_a_hint_stops_everybody_until_it_has_passed(stale: bool) -> None:
    time = VirtualTime()
    controller = new_controller(time)
    accept_for(controller, time, 1.0)
    first, second = controller.lease(1).generation, controller.lease(1).generation
    if stale:
        controller.report(0, 1, None, second)
    controller.report(0, 1, 5.0, first)
    assert 5.0 <= controller.next_send() - time.now <= 5.5
    assert controller.lease(1).delays == ()


def test_a_hint_never_shortens_a_pause() -> None:
    time = VirtualTime()
    controller = new_controller(time)
    first, second = controller.lease(1).generation, controller.lease(1).generation
    controller.report(0, 1, 20.0, first)
    until = controller.closed_until
    controller.report(0, 1, 1.0, second)
    assert controller.closed_until == until


@pytest.mark.parametrize("hint", [0.0, -5.0, 3_600.0, 1e300, float("nan"), float("inf"), float("-inf"), None])
def test_whatever_the_hint_the_pause_stays_within_its_cap(hint: float | None) -> None:
    time = VirtualTime()
    controller = new_controller(time)
    for _ in range(10):
        controller.report(0, 1, hint, controller.lease(1).generation)
        time.now += 1.0
    assert controller.closed_until - time.now <= LONGEST_CLOSURE
    assert controller.next_send() <= time.now + LONGEST_CLOSURE


@pytest.mark.parametrize("jump", [-1e6, 1e6])
def test_a_jumping_clock_neither_stops_it_nor_admits_a_burst(jump: float) -> None:
    time = VirtualTime()
    controller = new_controller(time)
    accept_for(controller, time, 4.0)
    controller.report(0, 1, 10.0, controller.lease(1).generation)
    time.now += jump
    assert controller.next_send() - time.now <= LONGEST_CLOSURE
    time.now = max(time.now, controller.next_send())
    assert len(controller.lease(100).delays) == 1
    assert controller.rate <= 40.0


def test_a_lease_is_paced_within_its_horizon() -> None:
    time = VirtualTime()
    controller = new_controller(time, start_rate=100.0, max_rate=100.0)
    controller.lease(1)
    lease = controller.lease(100)
    assert len(lease.delays) == 25
    gaps = [after - before for before, after in zip(lease.delays, lease.delays[1:], strict=False)]
    assert gaps == pytest.approx([0.01] * 24)
    assert lease.delays[-1] <= 0.25 + 1e-6
    assert controller.lease(100).delays == ()


def test_leases_of_zero_requests_are_empty() -> None:
    controller = new_controller(VirtualTime())
    assert controller.lease(0).delays == ()
    assert controller.lease(-3).delays == ()


def test_a_pause_voids_the_leases_before_it() -> None:
    time = VirtualTime()
    controller = new_controller(time)
    old = controller.lease(2).generation
    assert controller.report(1, 0, None, old) <= old
    assert controller.report(0, 1, 3.0, old) > old


events = st.one_of(
    st.tuples(st.just("lease"), st.integers(-1, 50)),
    st.tuples(st.just("answer"), st.sampled_from(["ok", "429", "lost"])),
    st.tuples(st.just("hint"), st.one_of(st.floats(allow_nan=True), st.sampled_from([0.0, 1.0, 30.0]))),
    st.tuples(st.just("wait"), st.one_of(st.floats(0, 100), st.sampled_from([-1e5, 0.0, 1e5]))),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(events, max_size=120))
def test_any_history_leaves_a_sane_rate_and_a_finite_wait(history: list[tuple[str, float]]) -> None:
    time = VirtualTime()
    controller = RateController(clock=time.monotonic, rng=random.Random(1), max_rate=500.0)
    open_slots: list[int] = []
    for kind, value in history:
        if kind == "wait":
            time.now += float(value)
        elif kind == "lease":
            lease: Lease = controller.lease(int(value))
            assert len(lease.delays) <= max(0, value)
            assert all(0.0 <= delay <= 0.25 + 1e-5 for delay in lease.delays)
            open_slots += [lease.generation] * len(lease.delays)
        elif open_slots:
            generation = open_slots.pop(0)
            if kind == "hint":
                controller.report(0, 1, float(value), generation)
            else:
                controller.report(int(str(value) == "ok"), int(str(value) == "429"), None, generation)
        assert 0.1 <= controller.rate <= 500.0
        wait = controller.next_send() - time.now
        if math.isinf(wait):
            time.now += 31.0
            wait = controller.next_send() - time.now
        # A token takes at most 1 / min_rate seconds, and tokens for 0.25 s may already be leased.
        assert wait <= max(LONGEST_CLOSURE, 10.0 + 0.25 * 500.0 / 0.1)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 0.5), st.integers(1, 100)), max_size=100))
def test_never_grants_more_slots_than_the_rate_allows(demands: list[tuple[float, int]]) -> None:
    time = VirtualTime()
    controller = new_controller(time, start_rate=50.0, max_rate=50.0)
    granted = 0
    for wait, count in demands:
        time.now += wait
        granted += len(controller.lease(count).delays)
    depth, horizon = 0.05 * 50.0, 0.25 * 50.0
    assert granted <= depth + horizon + 50.0 * time.now + 1e-3
