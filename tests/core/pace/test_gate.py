from __future__ import annotations

import asyncio
import math
import pickle
import random
from collections.abc import Awaitable, Callable
from typing import Literal

import anyio
import anyio.lowlevel
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from imgwire_async.core.pace.gate import Gate
from imgwire_async.core.pace.limits import RateLimit, Scope
from imgwire_async.core.pace.permits import (
    LONGEST_CLOSURE,
    AdmissionTimeoutError,
    ClosedTooLongError,
    LimitedTooLongError,
)
from imgwire_async.core.pace.stats import GateStats
from imgwire_async.core.time import RealTime
from imgwire_async.imgwire.service import RateClass
from tests.core.virtual_time import VirtualTime
from tests.hangs import HANGS

CREATE, READ = RateClass.CREATE, RateClass.READ

BACKENDS = ("asyncio", "trio")


def in_virtual_time(test: Callable[[VirtualTime], Awaitable[None]]) -> Callable[[str], None]:
    """Run a test function on both event loops, in virtual time."""

    @pytest.mark.parametrize("backend", BACKENDS)
    def run(backend: str) -> None:
        time = VirtualTime(100.0)
        time.run(lambda: test(time), backend=backend)

    return run


def new_gate(
    time: VirtualTime, concurrency: int = 100, limits: dict[RateClass, RateLimit] | None = None
) -> Gate:
    return Gate(concurrency, rate_limits=limits, time=time)


class Log:
    """Sends requests through a gate and records when each was admitted, relative to the start."""

    def __init__(self, gate: Gate, time: VirtualTime) -> None:
        self.gate = gate
        self.time = time
        self.start = time.now
        self.admitted: list[tuple[str, float]] = []

    async def send(
        self, name: str, rate_class: RateClass = CREATE, takes: float = 0.0, deadline: float | None = None
    ) -> None:
        async with self.gate.admit(rate_class, deadline=deadline):
            self.admitted.append((name, round(self.time.now - self.start, 6)))
            await self.time.sleep(takes)


@pytest.mark.parametrize("concurrency", [0, -1])
def test_rejects_a_concurrency_below_one(concurrency: int) -> None:
    with pytest.raises(ValueError, match="concurrency"):
        Gate(concurrency)


@pytest.mark.parametrize(
    ("rate", "burst"), [(0.0, 1), (-1.0, 1), (float("nan"), 1), (float("inf"), 1), (1.0, 0)]
)
def test_rejects_an_impossible_rate_limit(rate: float, burst: int) -> None:
    with pytest.raises(ValueError, match=r"rate|burst"):
        RateLimit(rate, burst)


@in_virtual_time
async def test_never_more_in_flight_than_the_limit(time: VirtualTime) -> None:
    log = Log(new_gate(time, concurrency=2), time)
    async with anyio.create_task_group() as tasks:
        for name, takes in [("a", 10.0), ("b", 11.0), ("c", 10.0), ("d", 10.0), ("e", 10.0)]:
            tasks.start_soon(log.send, name, CREATE, takes)
            await time.settle()
    assert log.admitted == [("a", 0.0), ("b", 0.0), ("c", 10.0), ("d", 11.0), ("e", 20.0)]


@in_virtual_time
async def test_a_changed_limit_admits_more_at_once_or_waits_for_requests_in_flight(
    time: VirtualTime,
) -> None:
    gate = new_gate(time, concurrency=1)
    log = Log(gate, time)
    async with anyio.create_task_group() as tasks:
        for name in "abcde":
            tasks.start_soon(log.send, name, CREATE, 10.0)
            await time.settle()
        await time.sleep(5.0)
        gate.resize(3)
        await time.sleep(1.0)
        gate.resize(1)
    # Trio wakes requests that are admitted at the same time in any order.
    assert sorted(log.admitted) == [("a", 0.0), ("b", 5.0), ("c", 5.0), ("d", 15.0), ("e", 25.0)]


@in_virtual_time
async def test_a_rate_limit_spaces_requests_after_the_burst(time: VirtualTime) -> None:
    log = Log(new_gate(time, limits={CREATE: RateLimit(2.0, burst=3)}), time)
    async with anyio.create_task_group() as tasks:
        for name in "abcdef":
            tasks.start_soon(log.send, name)
            await time.settle()
    assert log.admitted == [("a", 0.0), ("b", 0.0), ("c", 0.0), ("d", 0.5), ("e", 1.0), ("f", 1.5)]


@in_virtual_time
async def test_an_idle_bucket_fills_up_to_its_burst_and_no_further(time: VirtualTime) -> None:
    log = Log(new_gate(time, limits={CREATE: RateLimit(2.0, burst=2)}), time)
    await log.send("a")
    await time.sleep(100.0)
    async with anyio.create_task_group() as tasks:
        for name in "bcd":
            tasks.start_soon(log.send, name)
            await time.settle()
    assert [at for _, at in log.admitted] == [0.0, 100.0, 100.0, 100.5]


@in_virtual_time
async def test_a_closed_class_admits_no_request_and_delays_no_other_class(time: VirtualTime) -> None:
    gate = new_gate(time, concurrency=1)
    log = Log(gate, time)
    gate.close(CREATE, time.now + 30.0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(log.send, "create")
        await time.settle()
        tasks.start_soon(log.send, "read", READ)
    assert log.admitted == [("read", 0.0), ("create", 30.0)]


@in_virtual_time
async def test_a_throttled_response_delays_every_caller_of_its_class(time: VirtualTime) -> None:
    log = Log(new_gate(time), time)
    async with log.gate.admit(CREATE) as permit:
        permit.throttled(7.0)
    async with anyio.create_task_group() as tasks:
        for name in "ab":
            tasks.start_soon(log.send, name)
        tasks.start_soon(log.send, "read", READ)
    admitted = dict(log.admitted)
    assert 7.0 <= admitted["a"] <= 7.7 + 0.5
    assert 7.0 <= admitted["b"] <= 7.7 + 0.5
    assert admitted["read"] == 0.0


@in_virtual_time
async def test_a_throttled_response_without_a_hint_starts_a_slow_pace(time: VirtualTime) -> None:
    log = Log(new_gate(time), time)
    async with log.gate.admit(CREATE) as permit:
        permit.throttled(None)
    await log.send("a")
    assert log.admitted == [("a", 0.1)]


@in_virtual_time
async def test_a_closure_is_extended_for_waiting_requests_and_never_shortened(time: VirtualTime) -> None:
    gate = new_gate(time)
    log = Log(gate, time)
    gate.close(CREATE, time.now + 5.0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(log.send, "a")
        await time.settle()
        gate.close(CREATE, time.now + 10.0)
        gate.close(CREATE, time.now + 1.0)
    assert log.admitted == [("a", 10.0)]


@in_virtual_time
async def test_a_closure_ends_whatever_the_hint(time: VirtualTime) -> None:
    gate = new_gate(time)
    log = Log(gate, time)
    for until in (float("nan"), float("-inf"), float("inf"), 1e300):
        gate.close(CREATE, until)
    await log.send("a")
    assert log.admitted == [("a", LONGEST_CLOSURE)]


@in_virtual_time
async def test_between_classes_the_first_to_arrive_goes_first(time: VirtualTime) -> None:
    log = Log(new_gate(time, concurrency=1), time)
    async with anyio.create_task_group() as tasks:
        for name, rate_class in [("a", CREATE), ("b", READ), ("c", CREATE), ("d", READ)]:
            tasks.start_soon(log.send, name, rate_class, 1.0)
            await time.settle()
    assert [name for name, _ in log.admitted] == ["a", "b", "c", "d"]


@in_virtual_time
async def test_a_late_request_does_not_overtake_those_that_wait_for_a_token(time: VirtualTime) -> None:
    log = Log(new_gate(time, limits={CREATE: RateLimit(1.0)}), time)
    async with anyio.create_task_group() as tasks:
        for name in "abc":
            tasks.start_soon(log.send, name)
            await time.settle()
        await time.sleep(1.5)
        await log.send("late")
    assert [name for name, _ in log.admitted] == ["a", "b", "c", "late"]


@in_virtual_time
async def test_a_deadline_ends_the_waiting_for_others(time: VirtualTime) -> None:
    log = Log(new_gate(time, concurrency=1), time)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(log.send, "a", CREATE, 10.0)
        await time.settle()
        with pytest.raises(AdmissionTimeoutError, match="too many requests are ahead") as caught:
            await log.send("b", deadline=time.now + 3.0)
        assert time.now == log.start + 3.0
        assert (caught.value.waited, caught.value.closed_for) == (3.0, 0.0)
        assert log.gate.stats().waiting == 0


@in_virtual_time
async def test_a_closure_beyond_the_deadline_is_not_waited_for(time: VirtualTime) -> None:
    gate = new_gate(time)
    gate.close(CREATE, time.now + 30.0)
    with pytest.raises(AdmissionTimeoutError, match=r"another 30\.0 s") as caught:
        await Log(gate, time).send("a", deadline=time.now + 5.0)
    assert (caught.value.waited, caught.value.closed_for) == (0.0, 30.0)


@in_virtual_time
async def test_a_deadline_that_has_passed_admits_no_request(time: VirtualTime) -> None:
    log = Log(new_gate(time), time)
    with pytest.raises(AdmissionTimeoutError):
        await log.send("a", deadline=time.now)
    assert log.admitted == []


def test_the_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(AdmissionTimeoutError(CREATE, 3.0, 30.0)))
    assert (error.rate_class, error.waited, error.closed_for) == (CREATE, 3.0, 30.0)
    assert "30.0 s" in str(error)


@in_virtual_time
async def test_the_next_in_line_takes_over_when_the_head_is_cancelled(time: VirtualTime) -> None:
    gate = new_gate(time)
    log = Log(gate, time)
    gate.close(CREATE, time.now + 5.0)
    async with anyio.create_task_group() as tasks:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as heads:
                heads.start_soon(log.send, "head")
                await time.settle()
                tasks.start_soon(log.send, "next")
                await time.settle()
                scope.cancel()
    assert log.admitted == [("next", 5.0)]


@in_virtual_time
async def test_an_error_in_the_block_releases_the_slot(time: VirtualTime) -> None:
    gate = new_gate(time, concurrency=1)
    with pytest.raises(ZeroDivisionError):
        async with gate.admit(CREATE):
            raise ZeroDivisionError
    await Log(gate, time).send("a")


@in_virtual_time
async def test_counts_what_happens(time: VirtualTime) -> None:
    gate = new_gate(time, concurrency=1)
    log = Log(gate, time)
    async with anyio.create_task_group() as tasks:
        for name in "abc":
            tasks.start_soon(log.send, name, CREATE, 10.0)
            await time.settle()
        assert gate.stats() == GateStats(in_flight=1, waiting=2, admitted=1, throttled_seconds=0.0)
    assert gate.stats() == GateStats(in_flight=0, waiting=0, admitted=3, throttled_seconds=30.0)


@pytest.mark.parametrize("backend", BACKENDS)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_no_slot_is_lost_and_no_limit_exceeded_when_any_task_is_cancelled_at_any_time(
    backend: str, seed: int
) -> None:
    rng = random.Random(seed)
    time = VirtualTime()
    concurrency = rng.randint(1, 4)
    limits = {CREATE: RateLimit(rng.uniform(0.5, 5.0), rng.randint(1, 3))} if rng.random() < 0.5 else {}
    gate = new_gate(time, concurrency, limits)
    sent: list[float] = []
    in_flight = 0

    async def request() -> None:
        nonlocal in_flight
        rate_class = rng.choice([CREATE, READ])
        deadline = time.now + rng.uniform(0, 10) if rng.random() < 0.4 else None
        try:
            async with gate.admit(rate_class, deadline=deadline) as permit:
                in_flight += 1
                try:
                    assert in_flight <= concurrency
                    if rate_class is CREATE:
                        sent.append(time.now)
                    await time.sleep(rng.choice([0.0, 0.5, rng.uniform(0, 3)]))
                    if rng.random() < 0.1:
                        permit.throttled(rng.choice([None, 0.0, 2.0, 1e9]))
                finally:
                    in_flight -= 1
        except AdmissionTimeoutError:
            assert deadline is not None

    async def cancelled_request(started: anyio.Event) -> None:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(request)
                started.set()
                await time.sleep(rng.choice([0.0, 0.5, rng.uniform(0, 6)]))
                scope.cancel()

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(30):
                if rng.random() < 0.5:
                    tasks.start_soon(request)
                else:
                    tasks.start_soon(cancelled_request, anyio.Event())
                await time.sleep(rng.choice([0.0, 0.0, rng.uniform(0, 1)]))
        stats = gate.stats()
        assert (stats.in_flight, stats.waiting) == (0, 0)
        # Every slot can still be acquired, all at the same time.
        async with anyio.create_task_group() as tasks:
            for _ in range(concurrency):
                tasks.start_soon(request)

    time.run(main, backend=backend)
    if limits:
        limit = limits[CREATE]
        for first, begin in enumerate(sent):
            for count, end in enumerate(sent[first:], 1):
                # A few milliseconds of tolerance for late timers.
                assert count <= limit.burst + limit.rate * (end - begin + 0.02) + 1e-6


async def test_native_task_cancellation_loses_no_slot_and_is_never_swallowed() -> None:
    gate = Gate(2, rate_limits={CREATE: RateLimit(2_000.0)})
    rng = random.Random(5)
    finished: set[int] = set()

    async def request(number: int) -> None:
        async with gate.admit(rng.choice([CREATE, READ])):
            await asyncio.sleep(rng.choice([0, 0.0005]))
        finished.add(number)

    tasks = [asyncio.create_task(request(number)) for number in range(500)]
    victims = []
    for number in rng.sample(range(500), 250):
        await asyncio.sleep(0)
        if tasks[number].cancel():
            victims.append(number)
    await asyncio.gather(*tasks, return_exceptions=True)

    assert victims
    assert all(tasks[number].cancelled() for number in victims)
    assert finished == {number for number in range(500) if not tasks[number].cancelled()}
    stats = gate.stats()
    assert (stats.in_flight, stats.waiting) == (0, 0)
    async with gate.admit(READ), gate.admit(READ):
        assert gate.stats().in_flight == 2


@pytest.mark.parametrize("backend", BACKENDS)
def test_waits_on_the_real_clock_by_default(backend: str) -> None:
    async def main() -> float:
        gate = Gate(5, rate_limits={CREATE: RateLimit(50.0)})
        began = gate.clock()
        for _ in range(3):
            async with gate.admit(CREATE):
                pass
        return gate.clock() - began

    assert anyio.run(main, backend=backend) >= 0.035


@pytest.mark.parametrize("concurrency", [100, "auto"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_pause_longer_than_its_patience_rejects_a_request_at_once(
    backend: str, concurrency: int | Literal["auto"]
) -> None:
    time = VirtualTime(100.0)
    gate = Gate(concurrency, time=time, rng=random.Random(1))

    async def main() -> None:
        async with gate.admit(CREATE) as permit:
            permit.throttled(40.0)
        time.now += 10.0
        with pytest.raises(ClosedTooLongError, match=r"another 30\.0 s"):
            await gate.admit(CREATE, patience=29.0).__aenter__()
        assert time.now == 110.0
        async with gate.admit(READ, patience=0.0):
            assert time.now == 110.0  # another class
        async with gate.admit(CREATE, patience=31.0):
            assert 140.0 <= time.now <= 144.0
        assert (gate.stats().in_flight, gate.stats().waiting) == (0, 0)

    time.run(main, backend=backend)


@in_virtual_time
async def test_a_pause_also_rejects_requests_that_already_wait(time: VirtualTime) -> None:
    gate = new_gate(time, concurrency=1)
    ended: dict[str, float] = {}
    left: list[float] = []

    async def send(name: str, patience: float) -> None:
        try:
            async with gate.admit(CREATE, patience=patience):
                await time.sleep(1.0)
        except ClosedTooLongError as error:
            left.append(error.closed_for)
        ended[name] = time.now - 100.0

    async with anyio.create_task_group() as tasks, gate.admit(CREATE) as permit:
        for name, patience in (("patient", 60.0), ("impatient", 5.0), ("endless", math.inf)):
            tasks.start_soon(send, name, patience)
            await time.settle()
        permit.throttled(40.0)
        await time.sleep(1.0)

    assert ended["impatient"] == 0.0
    assert 41.0 <= ended["patient"] <= ended["endless"] - 1.0 <= 45.0
    assert left == [40.0]


@in_virtual_time
async def test_a_pause_without_a_hint_is_waited_for_even_without_patience(time: VirtualTime) -> None:
    gate = new_gate(time)
    async with gate.admit(CREATE) as permit:
        permit.throttled(None)
    async with gate.admit(CREATE, patience=0.0):
        assert time.now > 100.0


@in_virtual_time
async def test_a_pause_as_long_as_its_patience_is_waited_for(time: VirtualTime) -> None:
    gate = new_gate(time)
    time.now = 100.74  # where adding and subtracting 60 gives more than 60
    async with gate.admit(CREATE) as permit:
        permit.throttled(LONGEST_CLOSURE)
    async with gate.admit(CREATE, patience=LONGEST_CLOSURE):
        assert time.now >= 160


def test_gates_of_one_scope_share_a_limit() -> None:
    time = VirtualTime()
    limits = {READ: RateLimit(10)}
    gates = [Gate(100, rate_limits=limits, time=time, scope=Scope("service key")) for _ in range(2)]
    other = Gate(100, rate_limits=limits, time=time, scope=Scope("service another key"))
    instants: list[float] = []

    async def send(gate: Gate) -> None:
        async with gate.admit(READ):
            instants.append(time.monotonic())

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                for gate in gates:
                    tasks.start_soon(send, gate)
        await send(other)

    time.run(main)

    assert instants[:20] == pytest.approx([0.1 * number for number in range(20)])
    assert instants[20] == pytest.approx(1.9)


def test_a_request_that_a_limit_would_delay_too_long_is_not_sent() -> None:
    time = VirtualTime()
    gate = Gate(100, rate_limits={READ: RateLimit(60 / 3600, burst=2)}, time=time)

    async def send() -> None:
        async with gate.admit(READ, longest_wait=90):
            pass

    async def main() -> None:
        await send()
        await send()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            await anyio.lowlevel.checkpoint()
            with pytest.raises(LimitedTooLongError, match="would delay it by") as caught:
                await send()
            assert caught.value.closed_for == pytest.approx(120)
        assert time.monotonic() == pytest.approx(60)

    time.run(main)


@pytest.mark.parametrize("step", [0.0011, 0.0017, 0.0023, 0.0029, 0.0031])
async def test_a_class_that_opens_while_its_head_queues_is_not_waited_for(step: float) -> None:
    class Ticking(RealTime):
        now = 0.0

        def monotonic(self) -> float:
            self.now += step
            return self.now

    gate = Gate(100, rate_limits={READ: RateLimit(100)}, time=Ticking())
    with anyio.fail_after(HANGS):
        for _ in range(20):
            async with gate.admit(READ):
                pass
