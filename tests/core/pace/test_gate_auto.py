"""A gate with `concurrency="auto"`, against a service with an unknown limit."""

from __future__ import annotations

import itertools
import random

import anyio
import pytest

from imgwire_async.core.pace.gate import MOST_IN_FLIGHT, Gate
from imgwire_async.core.time import RealTime
from imgwire_async.imgwire.service import RateClass
from tests.core.pace.service_model import TokenBucket
from tests.core.virtual_time import VirtualTime
from tests.hangs import HANGS

CREATE, READ = RateClass.CREATE, RateClass.READ

pytestmark = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def auto_gate(time: VirtualTime) -> Gate:
    return Gate("auto", time=time, rng=random.Random(1))


@pytest.mark.parametrize("hints", [False, True])
def test_finds_the_rate_that_the_service_accepts(backend: str, hints: bool) -> None:
    time = VirtualTime()
    gate = auto_gate(time)
    service = TokenBucket(20, 5, hints=hints)
    rng = random.Random(1)
    answers: list[tuple[float, bool]] = []

    async def caller() -> None:
        while time.now < 90.0:
            async with gate.admit(CREATE) as permit:
                reply = service.handle(time.now, rng)
                await time.sleep(reply.at - time.now)
                answers.append((time.now, reply.throttled))
                if reply.throttled:
                    permit.throttled(reply.hint)
                else:
                    permit.accepted()

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(caller)

    time.run(main, backend=backend)

    late = [throttled for at, throttled in answers if 30.0 <= at < 90.0]
    assert late.count(False) / 60.0 >= 0.9 * 20
    assert late.count(True) / len(late) < 0.01


def test_a_hint_delays_its_class_and_no_other(backend: str) -> None:
    time = VirtualTime()
    gate = auto_gate(time)
    admitted: dict[RateClass, float] = {}

    async def send(rate_class: RateClass) -> None:
        async with gate.admit(rate_class):
            admitted[rate_class] = time.now

    async def main() -> None:
        async with gate.admit(CREATE) as permit:
            permit.throttled(20.0)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send, CREATE)
            tasks.start_soon(send, READ)

    time.run(main, backend=backend)
    assert 20.0 <= admitted[CREATE] <= 22.0
    assert admitted[READ] == 0.0


def test_a_probe_without_a_response_allows_the_next_one(backend: str) -> None:
    time = VirtualTime()
    gate = auto_gate(time)
    admitted: list[float] = []

    async def unanswered() -> None:
        async with gate.admit(CREATE):
            admitted.append(time.now)
            await time.sleep(5.0)

    async def main() -> None:
        async with gate.admit(CREATE) as permit:
            permit.throttled(10.0)
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(unanswered)

    time.run(main, backend=backend)
    gaps = [after - before for before, after in itertools.pairwise(admitted)]
    assert gaps == pytest.approx([5.0, 5.0])


def test_a_cancelled_request_releases_its_slot(backend: str) -> None:
    time = VirtualTime()
    gate = auto_gate(time)

    async def hang() -> None:
        async with gate.admit(READ):
            await anyio.sleep_forever()

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(2 * MOST_IN_FLIGHT):
                tasks.start_soon(hang)
            await time.sleep(10.0)
            in_flight = gate.stats().in_flight
            assert 10 <= in_flight <= MOST_IN_FLIGHT
            tasks.cancel_scope.cancel()
        assert (gate.stats().in_flight, gate.stats().waiting) == (0, 0)
        async with gate.admit(READ):
            assert gate.stats().in_flight == 1

    time.run(main, backend=backend)


def test_admits_although_the_clock_moves_between_two_readings(backend: str) -> None:
    class Ticking(RealTime):
        def __init__(self) -> None:
            self.instants = itertools.count()

        def monotonic(self) -> float:
            return next(self.instants) * 1e-6

    gate = Gate("auto", time=Ticking(), rng=random.Random(1))

    async def admitted() -> int:
        with anyio.fail_after(HANGS):
            async with gate.admit(READ):
                return gate.stats().in_flight

    assert anyio.run(admitted, backend=backend) == 1
