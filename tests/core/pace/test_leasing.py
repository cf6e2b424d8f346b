"""Several gates that share one desk, like those of several processes, against an unknown limit."""

from __future__ import annotations

import random

import anyio
import pytest

from imgwire_async.core.pace import limits
from imgwire_async.core.pace.controller import Lease, RateController
from imgwire_async.core.pace.gate import Gate
from imgwire_async.core.pace.latency_cap import InFlightCap
from imgwire_async.core.pace.leases import LeaseDesk, LeasedPacer
from imgwire_async.core.pace.limits import RateLimit
from imgwire_async.imgwire.service import RateClass
from tests.core.pace.service_model import FixedWindow, Service, TokenBucket
from tests.core.virtual_time import VirtualTime

CREATE = RateClass.CREATE


class Shared:
    """Gates with pacers of one desk, in virtual time."""

    def __init__(self, time: VirtualTime, desk: LeaseDesk, gates: int) -> None:
        self.time = time
        self.desk = desk
        self.gates = [Gate(64, time=time) for _ in range(gates)]
        self.pacers = [
            LeasedPacer(
                gate,
                CREATE,
                desk,
                cap=InFlightCap(clock=time.monotonic, limit=64),
            )
            for gate in self.gates
        ]

    def void(self, generation: int) -> None:
        for pacer in self.pacers:
            pacer.void(generation)


def probing(time: VirtualTime, seed: int, gates: int) -> Shared:
    """Gates that determine the rate of the service together."""
    controller = RateController(clock=time.monotonic, rng=random.Random(seed))
    desk = LeaseDesk(controller, None, on_void=lambda oldest: shared.void(oldest), time=time)
    shared = Shared(time, desk, gates)
    return shared


def stated(time: VirtualTime, limit: RateLimit, gates: int) -> Shared:
    """Gates that share a configured limit."""
    desk = LeaseDesk(None, limits.TokenBucket(limit), on_void=lambda oldest: shared.void(oldest), time=time)
    shared = Shared(time, desk, gates)
    return shared


def answers_of(
    shared: Shared, service: Service, end: float, *, callers: int = 16
) -> list[list[tuple[float, bool]]]:
    """When the response to each gate's requests arrived, and whether it was a 429."""
    time, rng = shared.time, random.Random(7)
    answers: list[list[tuple[float, bool]]] = [[] for _ in shared.gates]

    async def caller(number: int) -> None:
        gate = shared.gates[number]
        while time.now < end:
            async with gate.admit(CREATE) as permit:
                await time.sleep(0.02)
                reply = service.handle(time.now, rng)
                await time.sleep(reply.at - time.now + 0.02)
                answers[number].append((time.now, reply.throttled))
                if reply.throttled:
                    permit.throttled(reply.hint)
                else:
                    permit.accepted()

    async def main() -> None:
        async with anyio.create_task_group() as background:
            for pacer in shared.pacers:
                background.start_soon(pacer.run)
            async with anyio.create_task_group() as tasks:
                for number in range(len(shared.gates)):
                    for _ in range(callers):
                        tasks.start_soon(caller, number)
            background.cancel_scope.cancel()

    time.run(main)
    return answers


@pytest.mark.parametrize(("rate", "burst"), [(20, 5), (40, 10)])
def test_four_gates_find_one_limit_and_share_it_fairly(rate: int, burst: int) -> None:
    shared = probing(VirtualTime(), 1, gates=4)
    answers = answers_of(shared, TokenBucket(rate, burst), 65.0)

    late = [[throttled for at, throttled in one if 30.0 <= at < 65.0] for one in answers]
    accepted = [one.count(False) for one in late]
    assert sum(accepted) / 35.0 >= 0.92 * rate
    assert sum(one.count(True) for one in late) / sum(map(len, late)) < 0.01
    assert sum(accepted) ** 2 / (4 * sum(count**2 for count in accepted)) >= 0.95  # Jain's fairness
    assert shared.desk.ceiling == pytest.approx(rate, rel=0.25)


def test_a_quota_per_window_is_used_and_stops_all_gates_when_it_is_exhausted() -> None:
    shared = probing(VirtualTime(), 1, gates=4)
    answers = answers_of(shared, FixedWindow(60, 6), 66.0)
    settled = [throttled for one in answers for at, throttled in one if 12.0 <= at < 66.0]
    assert settled.count(False) >= 0.85 * 60 * 9
    assert settled.count(True) / len(settled) < 0.06


def test_a_stated_limit_holds_for_the_sum_of_all_gates() -> None:
    shared = stated(VirtualTime(), RateLimit(rate=10, burst=3), gates=4)
    answers = answers_of(shared, TokenBucket(1_000, 1_000), 20.0)
    sent = sorted(at for one in answers for at, _ in one)
    assert 0.9 * 10 * 20 <= len(sent) <= 10 * 20 + 3 + 64
    for first, later in zip(sent, sent[20:], strict=False):
        assert later - first >= (20 - 3 - 4) / 10  # a burst, and one late slot in each gate


def test_a_stated_limit_holds_for_the_leases_and_the_gate_they_were_taken_from() -> None:
    time = VirtualTime()
    client = Gate(100, rate_limits={CREATE: RateLimit(10)}, time=time)
    desk = LeaseDesk(None, client.bucket(CREATE), on_void=lambda _: None, time=time)
    sent = 0

    async def call() -> None:
        nonlocal sent
        while time.monotonic() < 10.0:
            async with client.admit(CREATE):
                sent += 1

    async def job() -> None:
        nonlocal sent
        while time.monotonic() < 10.0:
            sent += len((await desk.lease(1)).delays)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            tasks.start_soon(job)

    time.run(main)

    assert 95 <= sent <= 105


def test_a_429_under_a_stated_limit_stops_all_gates() -> None:
    time = VirtualTime()
    shared = stated(time, RateLimit(rate=100, burst=10), gates=2)
    admitted: list[float] = []

    async def send(gate: Gate, *, throttled: bool = False) -> None:
        async with gate.admit(CREATE) as permit:
            admitted.append(time.now)
            if throttled:
                permit.throttled(5.0)

    async def main() -> None:
        async with anyio.create_task_group() as background:
            for pacer in shared.pacers:
                background.start_soon(pacer.run)
            await send(shared.gates[0], throttled=True)
            async with anyio.create_task_group() as tasks:
                for gate in shared.gates:
                    tasks.start_soon(send, gate)
            background.cancel_scope.cancel()

    time.run(main)
    first, *others = admitted
    assert len(others) == len(shared.gates)
    assert all(at >= first + 5.0 for at in others)


def test_unused_slots_are_returned() -> None:
    time = VirtualTime()
    returned: list[tuple[int, int]] = []

    class Source:
        async def lease(self, count: int) -> Lease:
            return Lease(7, tuple(0.01 * number for number in range(count)))

        def report(self, ok: int, throttled: int, hint: float | None, generation: int) -> None:
            pass

        def give_back(self, count: int, generation: int) -> None:
            returned.append((count, generation))

    gate = Gate(1, time=time)
    pacer = LeasedPacer(gate, CREATE, Source())

    async def hold(seconds: float) -> None:
        async with gate.admit(CREATE):
            await time.sleep(seconds)

    async def main() -> None:
        async with anyio.create_task_group() as background:
            background.start_soon(pacer.run)
            with anyio.CancelScope() as given_up:
                async with anyio.create_task_group() as tasks:
                    for _ in range(3):
                        tasks.start_soon(hold, 10.0)
                    await time.sleep(1.0)
                    given_up.cancel()
            await time.sleep(1.0)
            background.cancel_scope.cancel()

    time.run(main)
    assert returned == [(1, 7), (1, 7)]


def test_a_desk_without_a_controller_or_limit_is_rejected() -> None:
    with pytest.raises(ValueError, match="needs a controller or a limit"):
        LeaseDesk(None, None, on_void=lambda _: None, time=VirtualTime())
