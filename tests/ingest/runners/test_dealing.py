"""A job's limits apply to all its workers together, and are shared out again when one joins or leaves."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest

from imgwire_async.ingest.options import IngestOptions, Share
from imgwire_async.ingest.runners.dealing import Dealer, Part
from imgwire_async.ingest.shards.budgets import Backlog, Bandwidth, ByteBudget, Slots
from tests.core.virtual_time import VirtualTime

MIB = 1024 * 1024
BOUNDS = Share(senders=10, requests=100, byte_budget=64 * MIB, bandwidth_limit=1000.0)


class Worker:
    """Records every new share, and confirms it when the test says so."""

    def __init__(self, dealer: Dealer) -> None:
        self.part: Part = dealer.join()
        self._dealer = dealer
        self.share: Share
        self._unused: Callable[[], None] = lambda: None

    async def begin(self) -> Share:
        self.share = await self._dealer.begin(self.part, self._learn)
        return self.share

    def _learn(self, share: Share, is_kept_to: Callable[[], None]) -> None:
        self.share, self._unused = share, is_kept_to

    def keep_to_it(self) -> None:
        self._unused()


def senders(*workers: Worker) -> list[int]:
    return [worker.share.senders for worker in workers]


async def test_equal_parts_add_up_to_the_bounds() -> None:
    dealer = Dealer(BOUNDS, 4)
    workers = [Worker(dealer) for _ in range(4)]
    shares = [await worker.begin() for worker in workers]
    assert [share.senders for share in shares] == [3, 3, 2, 2]
    assert {share.byte_budget for share in shares} == {16 * MIB}
    assert {share.bandwidth_limit for share in shares} == {250.0}
    assert [share.requests for share in shares] == [3, 3, 2, 2]  # no more than its number of senders


async def test_the_share_of_a_worker_that_leaves_goes_to_the_others_at_once() -> None:
    dealer = Dealer(BOUNDS, 3)
    one, other, third = (Worker(dealer) for _ in range(3))
    for worker in (one, other, third):
        await worker.begin()
    assert senders(one, other, third) == [4, 3, 3]
    dealer.leave(other.part)
    assert senders(one, third) == [5, 5]
    assert third.share.byte_budget == 32 * MIB
    assert third.share.bandwidth_limit == 500.0
    dealer.leave(one.part)
    dealer.leave(one.part)  # which changes nothing
    assert third.share == Share(senders=10, requests=10, byte_budget=64 * MIB, bandwidth_limit=1000.0)


async def test_a_worker_that_joins_waits_until_the_others_no_longer_use_its_part() -> None:
    dealer = Dealer(BOUNDS, 2)
    first = Worker(dealer)
    assert (await first.begin()).senders == 10
    second = Worker(dealer)
    assert first.share.senders == 5
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(second.begin)
        await anyio.wait_all_tasks_blocked()
        assert not second.part.is_enough.is_set()
        first.keep_to_it()
    assert senders(first, second) == [5, 5]
    assert first.share.bandwidth_limit == second.share.bandwidth_limit == 500.0


async def test_a_worker_that_dies_frees_what_it_still_used() -> None:
    dealer = Dealer(BOUNDS, 2)
    first = Worker(dealer)
    await first.begin()
    second = Worker(dealer)
    dealer.leave(first.part)
    assert (await second.begin()).senders == 10


async def test_an_acknowledgement_of_an_older_share_is_ignored() -> None:
    dealer = Dealer(BOUNDS, 2)
    first = Worker(dealer)
    await first.begin()
    second = Worker(dealer)
    keeps_to_half = first._unused
    dealer.leave(second.part)
    assert first.share.senders == 10
    keeps_to_half()
    third = Worker(dealer)
    assert first.share.senders == 5
    assert not third.part.is_enough.is_set()
    first.keep_to_it()
    assert (await third.begin()).senders == 5


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2)])
async def test_usage_never_exceeds_the_bounds(order: tuple[int, ...]) -> None:
    dealer = Dealer(Share(senders=7, requests=5, byte_budget=100, bandwidth_limit=1.0), 4)
    workers: list[Worker] = []

    def check() -> None:
        held = [worker.part.held for worker in workers]
        for amount, bound in zip(zip(*held, strict=True), (7, 5, 100, 1), strict=True):
            assert sum(amount) <= bound

    for number in range(4):
        workers.append(Worker(dealer))
        check()
        for worker in workers[::-1]:
            worker.keep_to_it()
            check()
        assert (await workers[number].begin()).senders >= 1
    for number in order[:-1]:
        dealer.leave(workers[number].part)
        workers[number].part = Part()
        check()
    assert workers[order[-1]].share.senders == 7


async def test_shares_without_a_bandwidth_limit_have_none_and_each_worker_may_make_a_request() -> None:
    dealer = Dealer(IngestOptions(processes=3).bounds(2), 3)
    workers = [Worker(dealer) for _ in range(3)]
    shares = [await worker.begin() for worker in workers]
    assert [share.bandwidth_limit for share in shares] == [None] * 3
    assert [share.requests for share in shares] == [1, 1, 1]


async def test_slots_that_are_taken_away_are_gone_when_they_are_released() -> None:
    slots = Slots(4)
    for _ in range(3):
        await slots.acquire()
    slots.resize(2)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(slots.fit)
        await anyio.wait_all_tasks_blocked()
        slots.release()
    await slots.fit()
    with anyio.move_on_after(0) as none_is_free:
        await slots.acquire()
    assert none_is_free.cancelled_caught
    slots.resize(4)
    for _ in range(2):
        await slots.acquire()
    slots.resize(1)
    slots.resize(4)  # before any slot was released
    await slots.fit()


async def test_bytes_that_are_taken_away_are_gone_when_they_are_released() -> None:
    budget = ByteBudget(100)
    await budget.acquire(80)
    budget.resize(50)
    done: list[str] = []

    async def fit() -> None:
        await budget.fit()
        done.append("fits")

    async def acquire() -> None:
        await budget.acquire(20)
        done.append("acquired")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fit)
        tasks.start_soon(acquire)
        await anyio.wait_all_tasks_blocked()
        assert done == []
        budget.release(40)
        await anyio.wait_all_tasks_blocked()
        assert done == ["fits"]
        budget.resize(60)
    assert done == ["fits", "acquired"]


async def test_a_larger_limit_admits_the_waiting_backlog() -> None:
    backlog = Backlog(2)
    backlog.add(3)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(backlog.small)
        await anyio.wait_all_tasks_blocked()
        backlog.limit_to(4)


def test_a_changed_bandwidth_applies_at_once() -> None:
    time = VirtualTime()
    begun: list[float] = []

    async def main() -> None:
        bandwidth = Bandwidth(1000.0, time=time)

        async def send() -> None:
            await bandwidth.wait(4000)
            begun.append(time.now)

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(send)
            await time.sleep(2.0)
            bandwidth.change(500.0)  # 2,000 bytes are not covered yet
            await time.sleep(6.0)
            bandwidth.change(4000.0)  # and now 3,000 bytes of the second

    time.run(main)
    assert begun == pytest.approx([0.0, 6.0, 8.75])
