"""Event loops that end while calls are pending: slots and connections are free again in the next loop."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from typing import Any, Literal, cast

import anyio
import pytest

from imgwire_async.core.clients.credentials import Credentials
from imgwire_async.core.concurrency.loops import LoopLocal, PerRun
from imgwire_async.core.pace.gate import Gate
from imgwire_async.core.values.redaction import Secret
from imgwire_async.imgwire.service import RateClass
from imgwire_async.sandbox import Sandbox
from tests.hangs import HANGS

CONCURRENCIES = pytest.mark.parametrize("concurrency", [2, "auto"])
TWO_LOOPS = """
import asyncio, sys
from imgwire_async import AsyncImgwireClient

client = AsyncImgwireClient(base_url=sys.argv[1], api_key=sys.argv[2], concurrency=2)

async def leave_pending(tasks):
    tasks += [asyncio.create_task(client.health()) for _ in range(2)]
    while client.stats().in_flight < 2:
        await asyncio.sleep(0)

async def serve():
    async with client, asyncio.timeout(100):
        await client.images.list()

loop, tasks = asyncio.new_event_loop(), []
loop.run_until_complete(leave_pending(tasks))
loop.close()
print("pending", flush=True)
asyncio.run(serve())
print("served", flush=True)
"""
MANY = 40  # more than the initial cap of "auto"


class PendingCalls:
    """An event loop in which calls are left pending."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.tasks: list[asyncio.Task[Any]] = []

    def leave(self, *calls: Coroutine[Any, Any, Any]) -> None:
        self.tasks += [self.loop.create_task(call) for call in calls]
        self.settle()

    def settle(self) -> None:
        async def turns() -> None:
            for _ in range(20):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turns())

    def close(self) -> None:
        self.loop.close()


@pytest.fixture
def pending() -> Iterator[PendingCalls]:
    calls = PendingCalls()
    yield calls
    # Kept until now, so that the garbage collector frees nothing during the test.
    if not calls.loop.is_closed():
        for task in calls.tasks:
            task.cancel()
        calls.settle()
        calls.close()
    for task in calls.tasks:
        task._log_destroy_pending = False  # type: ignore[attr-defined] # that is what is tested
        with suppress(RuntimeError):  # locks and cancel scopes of anyio cannot be exited without a loop
            cast(Coroutine[Any, Any, Any], task.get_coro()).close()


async def hold(gate: Gate, hold_for: asyncio.Event | None = None) -> None:
    async with gate.admit(RateClass.READ):
        if hold_for is None:
            await asyncio.sleep(3600)
        else:
            await hold_for.wait()


async def pass_through(gate: Gate) -> None:
    async with asyncio.timeout(HANGS), gate.admit(RateClass.READ):
        pass


@CONCURRENCIES
def test_slots_held_in_a_closed_loop_are_free_in_the_next_one(
    pending: PendingCalls, concurrency: int | Literal["auto"]
) -> None:
    gate = Gate(concurrency)
    pending.leave(*(hold(gate) for _ in range(MANY)))
    assert gate.stats().in_flight
    assert gate.stats().waiting

    pending.close()
    asyncio.run(pass_through(gate))

    assert (gate.stats().in_flight, gate.stats().waiting) == (0, 0)


@CONCURRENCIES
def test_calls_of_a_closed_loop_that_are_collected_late_release_nothing_twice(
    pending: PendingCalls, concurrency: int | Literal["auto"]
) -> None:
    gate = Gate(concurrency)
    call = hold(gate)
    pending.leave(call)
    assert gate.stats().in_flight == 1
    pending.close()

    async def in_the_next_loop() -> int:
        async with gate.admit(RateClass.READ):
            call.close()  # like the garbage collector
            return gate.stats().in_flight

    assert asyncio.run(in_the_next_loop()) == 1


def test_a_waiting_call_of_a_closed_loop_can_be_collected_before_the_next_one(pending: PendingCalls) -> None:
    gate = Gate(1)
    first, second, third = hold(gate), hold(gate), hold(gate)
    pending.leave(first, second, third)

    pending.close()
    first.close()
    second.close()

    asyncio.run(pass_through(gate))


def test_calls_of_a_stopped_loop_end_when_the_loop_resumes_after_another_one(pending: PendingCalls) -> None:
    gate, release = Gate(1), asyncio.Event()
    pending.leave(*(hold(gate, release) for _ in range(3)))

    asyncio.run(pass_through(gate))
    release.set()

    pending.loop.run_until_complete(asyncio.wait_for(asyncio.gather(*pending.tasks), HANGS))
    assert (gate.stats().in_flight, gate.stats().waiting) == (0, 0)


def test_a_provider_that_hung_in_a_closed_loop_is_called_again_in_the_next(pending: PendingCalls) -> None:
    asked = 0

    async def provider() -> str:
        nonlocal asked
        asked += 1
        if asked == 1:
            await asyncio.sleep(3600)
        return "sk_key"

    credentials = Credentials(provider, "API_KEY")
    pending.leave(credentials.current())
    pending.close()

    async def ask() -> Secret:
        async with asyncio.timeout(HANGS):
            return await credentials.current()

    assert asyncio.run(ask()).reveal() == "sk_key"


def test_a_client_serves_the_next_loop_after_one_that_was_closed_with_calls_pending(sandbox: Sandbox) -> None:
    sandbox.faults.times(2, "health", stall=600)

    # In a process of its own, because Python warns of everything that the closed loop leaves open.
    result = subprocess.run(
        [sys.executable, "-c", TWO_LOOPS, sandbox.base_url, sandbox.server_key],
        capture_output=True,
        text=True,
        timeout=HANGS,
        check=False,
    )

    assert result.stdout.split() == ["pending", "served"], result.stderr


def test_a_value_of_a_loop_stays_the_same_within_it_and_is_fresh_in_another() -> None:
    local = LoopLocal(anyio.Lock)

    async def locks() -> tuple[anyio.Lock, anyio.Lock]:
        return local.get(), local.get()

    (one, same), (other, _) = asyncio.run(locks()), asyncio.run(locks())
    assert one is same
    assert one is not other


def test_loops_that_run_alternately_keep_their_own_values() -> None:
    values = PerRun(object)

    async def get() -> object:
        return values.get()

    one, other = asyncio.new_event_loop(), asyncio.new_event_loop()
    try:
        found = [loop.run_until_complete(get()) for loop in (one, other, one, other)]
    finally:
        one.close()
        other.close()

    assert found[:2] == found[2:]
    assert found[0] is not found[1]
    assert anyio.run(get, backend="trio") not in found
