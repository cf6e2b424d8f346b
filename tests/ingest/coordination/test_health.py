"""The effect of a failure on its item, and the failures that pause the whole job."""

from __future__ import annotations

import random
from typing import Any

import anyio
import pytest

from imgwire_async import errors
from imgwire_async.ingest.coordination.health import Health, Verdict, cause_of, judge
from imgwire_async.ingest.options import IngestOptions
from imgwire_async.ingest.shards.budgets import Bandwidth, ByteBudget
from imgwire_async.ingest.stopping import STOP_ON
from imgwire_async.testing import VirtualClock

LOST = errors.APIConnectionError("connection refused")
BUSY = errors.InternalServerError("busy", status=503)
REFUSED = errors.UnprocessableEntityError("no", status=422, error_type="Odd")


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def health(clock: VirtualClock) -> Health:
    return Health(time=clock, rng=random.Random(1))


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (errors.AuthenticationError(status=401), Verdict.STOP),
        (errors.PaymentRequiredError(status=402), Verdict.STOP),
        (errors.PermissionDeniedError(status=403), Verdict.STOP),
        (errors.ConfigurationError("the client is closed"), Verdict.STOP),
        (errors.RateLimitError(status=429), Verdict.THROTTLED),
        (errors.UploadRejectedError(status=429), Verdict.THROTTLED),
        (errors.InternalServerError(status=503, retry_after=2.0), Verdict.THROTTLED),
        (BUSY, Verdict.TRANSIENT),
        (LOST, Verdict.TRANSIENT),
        (errors.APITimeoutError(), Verdict.TRANSIENT),
        (errors.ResponseDecodeError(status=200), Verdict.TRANSIENT),
        (errors.APIStatusError(status=408), Verdict.TRANSIENT),
        (errors.ConflictError(status=409), Verdict.TRANSIENT),
        (errors.UploadRejectedError(status=500), Verdict.TRANSIENT),
        (errors.BadRequestError(status=400), Verdict.PERMANENT),
        (errors.PayloadTooLargeError(status=413), Verdict.PERMANENT),
        (REFUSED, Verdict.PERMANENT),
        (errors.UploadRejectedError(status=403), Verdict.PERMANENT),
        (errors.UploadSourceError(), Verdict.PERMANENT),
        (errors.DeadlineExceededError(), Verdict.PERMANENT),
        (errors.ImageQuarantinedError(), Verdict.PERMANENT),
    ],
)
def test_verdicts(error: errors.ImgwireError, verdict: Verdict) -> None:
    assert judge(error, STOP_ON) is verdict


def test_failures_are_grouped_by_kind_and_not_by_message() -> None:
    assert cause_of(REFUSED) == "UnprocessableEntityError 422 Odd"
    assert cause_of(errors.UploadSourceError("a")) == cause_of(errors.UploadSourceError("b"))


def test_a_few_lost_attempts_in_a_row_pause_the_job(health: Health) -> None:
    assert [health.failed(LOST, probe=False) for _ in range(4)] == [False, False, False, True]
    assert "connection refused" in str(health.cause)


def test_lost_attempts_between_responses_do_not_pause_the_job(health: Health) -> None:
    for _ in range(15):
        assert not health.failed(LOST, probe=False)
        health.answered()
        health.answered()


def test_equal_server_errors_pause_the_job_once_there_are_enough(health: Health) -> None:
    paused = [health.failed(BUSY, probe=False) for _ in range(20)]
    assert paused == [False] * 19 + [True]


def test_exhausted_retries_pause_the_job(health: Health, clock: VirtualClock) -> None:
    paused = 0
    for number in range(200):
        clock.advance(0.001)
        paused += health.failed(errors.InternalServerError(status=500 + number % 7), probe=False)
    assert 90 <= paused <= 110  # the retry budget allowed 100 retries


async def test_during_a_pause_one_probe_at_a_time_goes_out_and_its_success_ends_it(
    health: Health, clock: VirtualClock
) -> None:
    for _ in range(4):
        health.failed(LOST, probe=False)
    clock.advance(1.0)
    assert await health.admit()
    with anyio.move_on_after(0.01) as second:
        await health.admit()
    assert second.cancelled_caught
    assert health.paused_for == 1.0

    health.answered()
    assert not await health.admit()
    assert (health.cause, health.paused_for) == (None, 0.0)


async def test_probes_become_rarer_while_they_fail(health: Health, clock: VirtualClock) -> None:
    for _ in range(4):
        health.failed(LOST, probe=False)
    waits = []
    for _ in range(12):
        before = clock.monotonic()
        while health._next_probe > clock.monotonic():
            clock.advance(0.01)
        assert await health.admit()
        waits.append(clock.monotonic() - before)
        health.failed(LOST, probe=True)
    assert waits[0] < 1
    assert max(waits) <= 15 * 1.26
    assert waits[-1] > 10


async def test_a_probe_without_a_clear_result_allows_another(health: Health, clock: VirtualClock) -> None:
    for _ in range(4):
        health.failed(LOST, probe=False)
    clock.advance(1.0)
    assert await health.admit()
    health.unclear(probe=True)
    assert await health.admit()


def test_the_same_rejection_of_most_of_200_items_is_reported(health: Health) -> None:
    told = [health.failed_for_good(REFUSED) for _ in range(200)]
    assert told == [None] * 199 + ["UnprocessableEntityError 422 Odd"]


async def test_bytes_are_granted_in_order_of_request() -> None:
    budget = ByteBudget(10)
    order: list[str] = []

    async def take(name: str, count: int) -> None:
        await budget.acquire(count)
        order.append(name)

    await budget.acquire(8)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take, "big", 9)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(take, "small", 1)
        await anyio.wait_all_tasks_blocked()
        assert order == []
        budget.release(8)
    assert order == ["big", "small"]


async def test_uploads_keep_to_the_bandwidth_limit_on_average(clock: VirtualClock) -> None:
    bandwidth = Bandwidth(1000.0, time=clock)
    for _ in range(11):
        await bandwidth.wait(500)
    assert clock.monotonic() == pytest.approx(5.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"concurrency": 0},
        {"dedupe": "name"},
        {"max_failures": -1},
        {"deadline": 0.0},
        {"max_pause": float("nan")},
        {"byte_budget": 1000},
    ],
)
def test_an_option_out_of_range_is_rejected(wrong: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidArgumentError, match=next(iter(wrong))):
        IngestOptions(**wrong)
