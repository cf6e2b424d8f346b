"""A gate with a fixed concurrency after its first 429: the rate it determines, and when it drops it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import anyio
import anyio.lowlevel
import pytest

from imgwire_async.core.pace.gate import Gate
from imgwire_async.core.pace.limits import RateLimit
from imgwire_async.core.pace.throttled import FORGET_AFTER, UNPACED, ThrottledPacer
from imgwire_async.core.retry import RetryPolicy
from imgwire_async.imgwire.service import RateClass
from tests.core.pace.service_model import TRAVEL, FixedWindow, Service, TokenBucket
from tests.core.virtual_time import VirtualTime

READ, CREATE = RateClass.READ, RateClass.CREATE


@dataclass
class Load:
    """Concurrent calls, with their retries, against a model of a service."""

    time: VirtualTime
    gate: Gate
    service: Service
    seed: int
    throttled: int = 0
    accepted: int = 0
    sent_at: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    async def call(self) -> None:
        policy = RetryPolicy()
        for retry in range(50):
            async with self.gate.admit(READ) as permit:
                self.sent_at.append(self.time.now)
                await self.time.sleep(TRAVEL * self.rng.uniform(0.8, 1.2))
                reply = self.service.handle(self.time.now, self.rng)
                await self.time.sleep(reply.at - self.time.now + TRAVEL)
                if not reply.throttled:
                    self.accepted += 1
                    permit.accepted()
                    return
                self.throttled += 1
                permit.throttled(reply.hint)
            await self.time.sleep(policy.delay(retry, reply.hint, self.rng))
        raise AssertionError("never accepted")

    async def burst(self, calls: int) -> tuple[float, float]:
        """Accepted calls per second, and the share of 429s among the responses."""
        began, self.throttled, self.accepted = self.time.now, 0, 0
        async with anyio.create_task_group() as tasks:
            for _ in range(calls):
                tasks.start_soon(self.call)
        return calls / (self.time.now - began), self.throttled / (self.throttled + calls)


def load(time: VirtualTime, service: Service, seed: int) -> Load:
    return Load(time, Gate(100, time=time, rng=random.Random(seed)), service, seed)


@pytest.mark.parametrize(
    ("burst", "hints", "seed"),
    [(100, False, 1), (100, False, 2), (100, True, 1), (50, False, 1)],
)
def test_six_hundred_concurrent_calls_are_soon_paced(burst: int, hints: bool, seed: int) -> None:
    time = VirtualTime()
    many = load(time, TokenBucket(100, burst, hints=hints), seed)
    results: list[tuple[float, float]] = []

    async def main() -> None:
        results.extend([await many.burst(600) for _ in range(3)])

    time.run(main)

    (goodput, throttled), *later = results
    assert goodput >= 0.9 * 100
    # Nearly all of them are responses to requests in flight at the first 429, which cannot be recalled.
    assert throttled <= 0.105
    assert sum(share for _, share in later) / 2 <= 0.01
    if not hints:  # each pause of a whole second is a large part of such a short run
        assert min(rate for rate, _ in later) >= 0.9 * 100


def test_a_high_limit_is_approached_within_a_second() -> None:
    time = VirtualTime()
    many = load(time, TokenBucket(400, 100), 1)
    results: list[tuple[float, float]] = []

    async def main() -> None:
        results.append(await many.burst(600))

    time.run(main)

    goodput, throttled = results[0]
    assert goodput >= 0.6 * 400
    assert throttled <= 0.05


@pytest.mark.parametrize(("accepted", "rate"), [(5, 10.0), (100, 50.0)])
def test_the_pace_starts_at_half_of_what_was_accepted_in_the_second_before(
    accepted: int, rate: float
) -> None:
    time = VirtualTime()
    gate = Gate(100, time=time, rng=random.Random(1))
    instants: list[float] = []

    async def main() -> None:
        await _instants(gate, time, READ, accepted)
        await _throttle(gate)
        instants.extend(await _instants(gate, time, READ, 1))

    time.run(main)
    assert 1.0 / instants[0] == pytest.approx(rate)


def test_responses_that_arrive_during_a_pause_count_as_accepted_before_it() -> None:
    time = VirtualTime()
    pacer = ThrottledPacer(clock=lambda: time.now, rng=random.Random(1))
    pacer.throttled(UNPACED, 1.0)
    for _ in range(100):
        pacer.accepted(UNPACED)
    time.now += 2.0
    while pacer.next_send() <= time.now:
        pacer.begin()
    time.now = pacer.next_send()
    pacer.begin()

    assert 1.0 / (pacer.next_send() - time.now) == pytest.approx(50.0, rel=0.1)


def test_a_burst_leaves_the_event_loop_time_to_read_a_429() -> None:
    """Otherwise 100 requests would be sent before the response to the first one is read."""
    time = VirtualTime()
    gate = Gate(100, time=time, rng=random.Random(1))
    admitted: list[int] = []

    async def send(number: int) -> None:
        async with gate.admit(READ) as permit:
            admitted.append(number)
            if number == 0:
                for _ in range(3):
                    await anyio.lowlevel.checkpoint()
                permit.throttled(None)
            await time.sleep(0.1)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for number in range(100):
                tasks.start_soon(send, number)
            await time.sleep(0.05)
            assert 8 <= len(admitted) <= 48
            assert admitted == list(range(len(admitted)))
            tasks.cancel_scope.cancel()

    time.run(main)


@pytest.mark.parametrize(("limit", "calls"), [(5, 150), (20, 300)])
def test_other_limits_are_found_as_well(limit: int, calls: int) -> None:
    time = VirtualTime()
    many = load(time, TokenBucket(limit, limit), 1)
    results: list[tuple[float, float]] = []

    async def main() -> None:
        results.extend([await many.burst(calls) for _ in range(2)])

    time.run(main)

    assert results[0][0] >= 0.9 * limit
    assert results[1][0] >= 0.9 * limit
    assert results[1][1] <= 0.01


def test_an_exhausted_quota_per_window_is_not_stormed() -> None:
    time = VirtualTime()
    many = load(time, FixedWindow(300, 60.0), 1)
    shares: list[float] = []

    async def main() -> None:
        shares.append((await many.burst(600))[1])

    time.run(main)
    assert shares[0] <= 0.2
    assert time.now <= 75.0


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_nothing_is_paced_before_the_first_429(backend: str) -> None:
    time = VirtualTime()
    gate = Gate(100, time=time)
    many = Load(time, gate, TokenBucket(1e6, 1e6), 1)

    async def main() -> None:
        await many.burst(100)

    time.run(main, backend=backend)

    assert many.sent_at == [0.0] * 100
    assert gate.ceilings() == {}


async def _throttle(gate: Gate) -> None:
    async with gate.admit(READ) as permit:
        permit.throttled(None)


async def _instants(gate: Gate, time: VirtualTime, rate_class: RateClass, count: int) -> list[float]:
    began, instants = time.now, []

    async def send() -> None:
        async with gate.admit(rate_class) as permit:
            instants.append(time.now - began)
            await time.sleep(0.1)
            permit.accepted()

    async with anyio.create_task_group() as tasks:
        for _ in range(count):
            tasks.start_soon(send)
    return instants


def test_the_first_429_paces_its_class_and_no_other() -> None:
    time = VirtualTime()
    gate = Gate(100, time=time, rng=random.Random(1))
    found: dict[RateClass, list[float]] = {}

    async def main() -> None:
        await _throttle(gate)
        found[CREATE] = await _instants(gate, time, CREATE, 20)
        found[READ] = await _instants(gate, time, READ, 20)

    time.run(main)
    assert set(found[CREATE]) == {0.0}
    assert len(set(found[READ])) == 20


@pytest.mark.parametrize(("quiet", "paced"), [(FORGET_AFTER - 1.0, True), (FORGET_AFTER + 1.0, False)])
def test_a_pace_is_forgotten_after_a_quiet_while(quiet: float, paced: bool) -> None:
    time = VirtualTime()
    gate = Gate(100, time=time, rng=random.Random(1))
    instants: list[float] = []

    async def main() -> None:
        await _throttle(gate)
        await time.sleep(quiet)
        instants.extend(await _instants(gate, time, READ, 20))

    time.run(main)
    assert (len(set(instants)) > 1) == paced


def test_under_steady_demand_a_pace_is_not_forgotten() -> None:
    time = VirtualTime()
    many = load(time, TokenBucket(5, 5), 1)

    async def main() -> None:
        await many.burst(200)
        await many.burst(700)

    time.run(main)

    assert many.throttled <= 0.01 * 700


def test_a_429_after_a_forgotten_pace_starts_a_new_one() -> None:
    time = VirtualTime()
    gate = Gate(100, time=time, rng=random.Random(1))
    instants: list[float] = []

    async def main() -> None:
        await _throttle(gate)
        async with gate.admit(READ) as old:
            await time.sleep(FORGET_AFTER + 1.0)
            await _instants(gate, time, READ, 1)
            await _throttle(gate)
            old.accepted()
        instants.extend(await _instants(gate, time, READ, 20))

    time.run(main)
    assert len(set(instants)) > 1
    assert gate.stats().in_flight == 0


@pytest.mark.parametrize(("published", "at_least", "at_most"), [(True, 20.0, 80.0), (False, 0.0, 10.0)])
def test_sporadic_429s_leave_an_eighth_of_a_published_limit(
    published: bool, at_least: float, at_most: float
) -> None:
    time, rng = VirtualTime(), random.Random(1)
    gate = Gate(
        100,
        rate_limits={READ: RateLimit(160.0)},
        time=time,
        rng=random.Random(1),
        limits_are_published=published,
    )

    async def send() -> None:
        async with gate.admit(READ) as permit:
            await time.sleep(0.05)
            if rng.random() < 0.05:
                permit.throttled(0.02)
            else:
                permit.accepted()

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(800):
                tasks.start_soon(send)

    time.run(main)
    assert at_least * 0.8 < 800 / time.now < at_most
