from __future__ import annotations

import asyncio
import contextlib
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgwire_async.core.clients.events import Hook, RetryEvent
from imgwire_async.core.clients.options import CallOptions
from imgwire_async.core.http.connections import Engine
from imgwire_async.core.logical_call import ClientStats, LogicalCall, SharedState
from imgwire_async.core.operation import Operation, Replay
from imgwire_async.core.pace.gate import Gate
from imgwire_async.core.responses import HttpResponse, NoResponse, Result
from imgwire_async.core.retry import (
    LONGEST_HINT,
    RETRIED_STATUSES,
    Retry,
    RetryBudget,
    RetryPolicy,
    Stop,
    StopReason,
    decide,
    parse_retry_after,
)
from imgwire_async.core.service import Service
from imgwire_async.errors import ImgwireError, RateLimitError
from imgwire_async.testing.clock import VirtualClock
from tests.core.virtual_time import WALL, VirtualTime


def broken(name: str, may_have_acted: bool) -> NoResponse:
    return NoResponse(name, name, may_have_acted=may_have_acted, timed_out=False)


REFUSED = broken("ConnectionRefused", False)
RESET = broken("ConnectionReset", True)
OK = HttpResponse(200, {}, b"")


def answer(status: int, retry_after: str | None = None) -> HttpResponse:
    return HttpResponse(status, {} if retry_after is None else {"retry-after": retry_after}, b"")


def decision(result: Result, replay: Replay) -> Retry | Stop:
    return decide(
        result,
        attempt=1,
        replay=replay,
        policy=RetryPolicy(),
        hint=None,
        time_left=math.inf,
        rng=random.Random(0),
    )


@dataclass(frozen=True)
class Sent:
    outcome: Result
    at: float


@dataclass(frozen=True)
class Finished:
    """How a call ended."""

    result: Sent | None
    attempts: int
    stopped: StopReason | None
    retry_after: float | None


class Calls:
    """Plays a script of outcomes and repeats the last one; records when each attempt started and ended."""

    def __init__(self, outcomes: Sequence[Result], *, takes: float = 0.0) -> None:
        self.time = VirtualClock(WALL)
        self.sent: list[Sent] = []
        self.ended: list[float] = []
        self._outcomes = outcomes
        self._takes = takes
        self.stats: ClientStats | None = None

    async def attempt(self, number: int, _: object) -> Result:
        assert number == len(self.sent) + 1
        sent = Sent(self._outcomes[min(number, len(self._outcomes)) - 1], self.time.monotonic())
        self.sent.append(sent)
        await self.time.sleep(self._takes)
        self.ended.append(self.time.monotonic())
        return sent.outcome

    async def run(
        self,
        *,
        replay: Replay = Replay.SAFE,
        policy: RetryPolicy | None = None,
        budget: RetryBudget | None = None,
        deadline: float | None = None,
        on_retry: Hook[RetryEvent] | None = None,
        seed: int = 0,
    ) -> Finished:
        shared = SharedState(
            service=Service(),
            engine=Engine(),
            gate=Gate(100, time=self.time),
            budget=budget or RetryBudget(self.time.monotonic),
            time=self.time,
            rng=random.Random(seed),
        )
        call = LogicalCall(
            operation=Operation(
                name="test", method="GET", path="/", auth="none", replay=replay, rate_class="any"
            ),
            replay=replay,
            context={},
            options=CallOptions(
                base_url="https://api.example.com",
                retry=policy or RetryPolicy(),
                on_retry=() if on_retry is None else (on_retry,),
            ),
            shared=shared,
            deadline=deadline,
            error_for=lambda response, context: RateLimitError("refused", status=response.status, **context),
        )
        with contextlib.suppress(ImgwireError):
            await call.make(self.attempt)
        self.stats = shared.stats()
        return Finished(self.sent[-1] if self.sent else None, call.attempts, call.stopped, call.retry_after)


outcomes = st.one_of(
    st.builds(broken, st.just("Broken"), st.booleans()),
    st.builds(
        answer,
        st.sampled_from([200, 204, 302, 400, 401, 404, 408, 409, 422, 429, 500, 501, 502, 503, 504, 520]),
        st.one_of(st.none(), st.sampled_from(["0", "0.25", "3", "30", "61", "-4", "soon"])),
    ),
)
scripts = st.lists(outcomes, min_size=1, max_size=8)
seeds = st.integers(0, 2**32)


class TestDecide:
    @pytest.mark.parametrize("replay", [Replay.SAFE, Replay.KEYED])
    @pytest.mark.parametrize("status", sorted(RETRIED_STATUSES))
    def test_a_repeatable_operation_is_retried_after_a_transient_status(
        self, status: int, replay: Replay
    ) -> None:
        assert isinstance(decision(answer(status), replay), Retry)

    @pytest.mark.parametrize("replay", list(Replay))
    @pytest.mark.parametrize("status", [301, 400, 401, 402, 403, 404, 409, 413, 422, 501, 505, 520])
    def test_other_failures_are_permanent(self, status: int, replay: Replay) -> None:
        assert decision(answer(status), replay) == Stop(StopReason.PERMANENT)

    @pytest.mark.parametrize("replay", list(Replay))
    def test_a_success_that_cannot_be_read_is_not_repeated(self, replay: Replay) -> None:
        unreadable = HttpResponse(200, {}, b"", problem="larger than 1000 bytes")
        assert decision(unreadable, replay) == Stop(StopReason.PERMANENT)

    @pytest.mark.parametrize("replay", [Replay.UNSAFE, Replay.LOOK_FIRST])
    @pytest.mark.parametrize("outcome", [answer(429), REFUSED])
    def test_an_unsafe_operation_is_repeated_when_the_server_cannot_have_acted(
        self, outcome: Result, replay: Replay
    ) -> None:
        assert isinstance(decision(outcome, replay), Retry)

    @pytest.mark.parametrize("replay", [Replay.UNSAFE, Replay.LOOK_FIRST])
    @pytest.mark.parametrize("outcome", [*(answer(s) for s in (408, 500, 502, 503, 504)), RESET])
    def test_an_unsafe_operation_is_not_repeated_when_the_server_may_have_acted(
        self, outcome: Result, replay: Replay
    ) -> None:
        assert decision(outcome, replay) == Stop(StopReason.MAY_HAVE_ACTED)


class TestParseRetryAfter:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("0", 0.0),
            ("7", 7.0),
            (" 7 ", 7.0),
            ("+7", 7.0),
            ("1.5", 1.5),
            (".5", 0.5),
            ("3.", 3.0),
            ("-3", 0.0),
            ("-0.5", 0.0),
            ("Sat, 09 May 2026 12:00:30 GMT", 30.0),
            ("sat, 09 may 2026 12:00:30 gmt", 30.0),
            ("Saturday, 09-May-26 12:00:30 GMT", 30.0),
            ("Sat May  9 12:00:30 2026", 30.0),
            ("Sat, 09 May 2026 11:59:00 GMT", 0.0),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 0.0),
            ("Sun Nov  6 08:49:37 1994", 0.0),
            ("Sat, 09 May 2026 12:00:60 GMT", 59.0),
            ("Sat, 09 May 2026 14:00:30 +0200", 30.0),
            ("Sat, 09 May 0000 12:00:30 GMT", 0.0),
        ],
    )
    def test_reads_seconds_and_the_three_forms_of_date(self, text: str, seconds: float) -> None:
        assert parse_retry_after({"retry-after": text}, WALL) == seconds

    @pytest.mark.parametrize(
        "text",
        [
            "",
            ".",
            "-",
            "soon",
            "nan",
            "inf",
            "-inf",
            "1e3",
            "0x10",
            "1_000",
            "\u0663",
            "5 s",
            "5, 5",
            "999999999",
            "9" * 5_000,
            "Sat, 09 May 9999 12:00:30 GMT",
            "Sat, 31 Feb 2027 12:00:30 GMT",
            "Sat, 09 May 2026 25:00:30 GMT",
            "Sat, 09 May 2026 12:00:61 GMT",
            "2026-05-09T12:00:30Z",
        ],
    )
    def test_treats_everything_else_as_no_hint(self, text: str) -> None:
        assert parse_retry_after({"retry-after": text}, WALL) is None

    def test_no_header_is_no_hint(self) -> None:
        assert parse_retry_after({}, WALL) is None

    @pytest.mark.parametrize("year", [2026, 2070, 2099, 2100])
    def test_a_year_of_two_digits_is_one_of_this_century(self, year: int) -> None:
        new_year = datetime(year, 1, 1, tzinfo=UTC).timestamp()
        text = f"Friday, 01-Jan-{year % 100:02} 00:00:02 GMT"
        assert parse_retry_after({"retry-after": text}, new_year) == 2.0

    @pytest.mark.parametrize(("year", "seconds"), [("76", None), ("77", 0.0)])
    def test_a_year_more_than_fifty_ahead_has_passed(self, year: str, seconds: float | None) -> None:
        assert parse_retry_after({"retry-after": f"Friday, 01-Jan-{year} 00:00:02 GMT"}, WALL) == seconds

    @pytest.mark.parametrize("wrong_by", [-3600.0, -30.0, 0.0, 3600.0])
    def test_a_date_is_measured_against_that_of_the_response(self, wrong_by: float) -> None:
        headers = {
            "date": "Sat, 09 May 2026 12:00:00 GMT",
            "retry-after": "Saturday, 09-May-26 12:00:02 GMT",
        }
        assert parse_retry_after(headers, WALL + wrong_by) == 2.0

    @pytest.mark.parametrize("date", ["", "yesterday", "Sat, 32 May 2026 12:00:00 GMT"])
    def test_without_a_usable_date_the_clock_of_this_machine_counts(self, date: str) -> None:
        headers = {"date": date, "retry-after": "Sat, 09 May 2026 12:00:02 GMT"}
        assert parse_retry_after(headers, WALL) == 2.0

    def test_a_date_before_that_of_the_response_is_no_wait(self) -> None:
        headers = {"date": "Sat, 09 May 2026 12:00:10 GMT", "retry-after": "Sat, 09 May 2026 12:00:02 GMT"}
        assert parse_retry_after(headers, WALL - 3600.0) == 0.0

    def test_seconds_do_not_depend_on_dates(self) -> None:
        assert parse_retry_after({"date": "Sat, 09 May 2026 12:00:10 GMT", "retry-after": "3"}, 0.0) == 3.0

    @given(
        st.one_of(
            st.text(),
            st.from_regex(r"[-+]?[0-9.]{0,400}", fullmatch=True),
            st.from_regex(r"[A-Z][a-z]{2}, \d\d (Jan|Feb|Dec) \d{4} \d\d:\d\d:\d\d GMT", fullmatch=True),
            st.from_regex(r"[A-Z][a-z]{5,8}, \d\d-(Jan|Feb|Dec)-\d\d \d\d:\d\d:\d\d GMT", fullmatch=True),
            st.from_regex(r"[A-Z][a-z]{2} (Jan|Feb|Dec) [ \d]\d \d\d:\d\d:\d\d \d{4}", fullmatch=True),
        ),
        st.floats(0, 4e9),
    )
    def test_any_text_gives_none_or_a_sensible_wait(self, text: str, now: float) -> None:
        seconds = parse_retry_after({"retry-after": text}, now)
        assert seconds is None or 0.0 <= seconds <= LONGEST_HINT

    @given(st.integers(0, 366 * 86_400))
    def test_every_whole_number_up_to_a_year_is_read(self, seconds: int) -> None:
        assert parse_retry_after({"retry-after": str(seconds)}, WALL) == seconds


class TestRetryPolicy:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"max_retries": -1}, "max_retries"),
            ({"base_delay": -0.1}, "base_delay"),
            ({"base_delay": 9.0}, "max_delay"),
            ({"max_delay": float("inf")}, "max_delay"),
            ({"max_retry_after": float("nan")}, "max_retry_after"),
        ],
    )
    def test_rejects_invalid_numbers(self, arguments: dict[str, float], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            RetryPolicy(**arguments)  # type: ignore[arg-type]

    @given(st.integers(0, 10_000), seeds, st.floats(0, 1e308), st.floats(0, 1e308))
    def test_full_jitter_stays_within_the_doubling_bound(
        self, retry: int, seed: int, one: float, other: float
    ) -> None:
        policy = RetryPolicy(base_delay=min(one, other), max_delay=max(one, other))
        bound = min(policy.max_delay, policy.base_delay * 2.0**retry if retry < 1_000 else policy.max_delay)
        if policy.base_delay == 0:
            bound = 0.0
        assert 0.0 <= policy.delay(retry, None, random.Random(seed)) <= bound

    def test_jitter_fills_its_whole_range(self) -> None:
        rng = random.Random(1)
        delays = [RetryPolicy().delay(2, None, rng) for _ in range(500)]
        assert min(delays) < 0.1
        assert max(delays) > 1.9

    @given(st.integers(0, 20), seeds, st.floats(0, 1e6))
    def test_a_hint_is_the_minimum_wait(self, retry: int, seed: int, hint: float) -> None:
        policy = RetryPolicy()
        delay = policy.delay(retry, hint, random.Random(seed))
        assert hint <= delay <= max(policy.longest_delay(retry), 1.1 * hint)

    def test_a_hint_of_zero_still_leaves_the_jitter(self) -> None:
        rng = random.Random(1)
        assert max(RetryPolicy().delay(4, 0.0, rng) for _ in range(50)) > 4.0


class TestRetryBudget:
    def test_rejects_invalid_numbers(self) -> None:
        with pytest.raises(ValueError, match="capacity"):
            RetryBudget(lambda: 0.0, capacity=0.5)

    def test_an_outage_costs_the_capacity_once_and_then_one_retry_per_second(self) -> None:
        time = VirtualTime()
        budget = RetryBudget(time.monotonic)
        retries = 0
        for _ in range(10_000):  # 100 s at 100 failures per second
            time.now += 0.01
            retries += budget.withdraw()
        assert retries == pytest.approx(50 + 100, abs=2)

    def test_a_client_can_retry_twice_as_many_calls_as_it_has_in_flight(self) -> None:
        assert RetryBudget.of_client(lambda: 0.0, 100).available == 200.0
        assert RetryBudget.of_client(lambda: 0.0, 1).available == 50.0

    def test_five_successes_earn_a_retry(self) -> None:
        budget = RetryBudget(lambda: 0.0, capacity=1)
        assert budget.withdraw()
        for _ in range(4):
            budget.deposit()
        assert not budget.withdraw()
        budget.deposit()
        assert budget.withdraw()

    def test_a_clock_that_goes_back_takes_nothing_away(self) -> None:
        time = VirtualTime(100.0)
        budget = RetryBudget(time.monotonic)
        time.now = 0.0
        assert budget.available == 50.0

    @given(
        st.lists(
            st.tuples(st.sampled_from(["withdraw", "deposit"]), st.floats(0, 3)), min_size=1, max_size=300
        )
    )
    def test_never_allows_more_than_was_paid_in(self, steps: list[tuple[str, float]]) -> None:
        time = VirtualTime()
        budget = RetryBudget(time.monotonic, capacity=5, per_success=0.2, per_second=0.5)
        given_out = deposits = 0
        for step, seconds in steps:
            time.now += seconds
            if step == "withdraw":
                given_out += budget.withdraw()
            else:
                budget.deposit()
                deposits += 1
            assert 0.0 <= budget.available <= 5.0
            assert given_out <= 5 + 0.2 * deposits + 0.5 * time.now + 1e-6


class TestRun:
    async def test_a_success_ends_the_call(self) -> None:
        calls = Calls([OK])
        finished = await calls.run()
        assert finished == Finished(
            result=calls.sent[0], attempts=1, stopped=StopReason.SUCCESS, retry_after=None
        )

    async def test_a_transient_failure_is_retried_until_it_succeeds(self) -> None:
        calls = Calls([answer(503), RESET, OK])
        finished = await calls.run()
        assert (finished.attempts, finished.stopped) == (3, StopReason.SUCCESS)
        assert finished.result is calls.sent[-1]

    async def test_gives_up_when_the_attempts_are_used_up(self) -> None:
        finished = await Calls([answer(503)]).run(policy=RetryPolicy(max_retries=2))
        assert (finished.attempts, finished.stopped) == (3, StopReason.ATTEMPTS_USED_UP)

    async def test_an_unsafe_operation_is_not_repeated_after_a_lost_connection(self) -> None:
        finished = await Calls([answer(429), RESET, OK]).run(replay=Replay.UNSAFE)
        assert (finished.attempts, finished.stopped) == (2, StopReason.MAY_HAVE_ACTED)

    async def test_a_hint_that_is_too_long_ends_the_call_and_is_passed_on(self) -> None:
        calls = Calls([answer(429, "61")])
        finished = await calls.run()
        assert (finished.attempts, finished.stopped) == (1, StopReason.HINT_TOO_LONG)
        assert finished.retry_after == 61.0
        assert calls.time.monotonic() == 0.0

    async def test_a_hint_that_is_a_date_is_waited_for(self) -> None:
        calls = Calls([answer(503, "Sat, 09 May 2026 12:00:20 GMT"), OK])
        await calls.run()
        assert 20.0 <= calls.sent[1].at <= 22.0

    async def test_a_wait_beyond_the_deadline_is_not_started(self) -> None:
        calls = Calls([answer(503, "10")], takes=1.0)
        finished = await calls.run(deadline=10.5)
        assert (finished.attempts, finished.stopped) == (1, StopReason.DEADLINE)
        assert calls.time.monotonic() == 1.0

    async def test_nothing_is_sent_once_the_deadline_has_passed(self) -> None:
        calls = Calls([OK])
        finished = await calls.run(deadline=0.0)
        assert finished == Finished(result=None, attempts=0, stopped=StopReason.DEADLINE, retry_after=None)

    async def test_nothing_is_sent_after_a_sleep_that_lasted_beyond_the_deadline(self) -> None:
        calls = Calls([answer(503, "1"), OK])

        async def oversleep(seconds: float) -> None:
            calls.time.advance(seconds + 5.0)

        calls.time.sleep = oversleep  # type: ignore[method-assign]

        finished = await calls.run(deadline=3.0)
        assert (finished.attempts, finished.stopped) == (1, StopReason.DEADLINE)
        assert finished.result is calls.sent[0]

    async def test_stops_when_the_budget_is_empty(self) -> None:
        budget = RetryBudget(lambda: 0.0, capacity=1)
        first = await Calls([answer(503)]).run(budget=budget)
        second = await Calls([answer(503)]).run(budget=budget)
        assert (first.attempts, first.stopped) == (2, StopReason.BUDGET_EMPTY)
        assert (second.attempts, second.stopped) == (1, StopReason.BUDGET_EMPTY)

    async def test_a_success_pays_into_the_budget(self) -> None:
        budget = RetryBudget(lambda: 0.0, capacity=1, per_success=0.5)
        budget.withdraw()
        await Calls([OK]).run(budget=budget)
        assert budget.available == 0.5

    async def test_flow_control_does_not_draw_on_the_budget(self) -> None:
        budget = RetryBudget(lambda: 0.0)
        finished = await Calls([answer(429), answer(429), OK]).run(budget=budget)
        assert finished.attempts == 3
        assert budget.available == 50.0

    @pytest.mark.parametrize("asynchronous", [False, True])
    async def test_the_hook_is_called_for_each_retry_before_its_wait(self, asynchronous: bool) -> None:
        calls = Calls([answer(503, "2"), RESET, OK])
        heard: list[tuple[float, RetryEvent]] = []

        def hook(event: RetryEvent) -> None:
            heard.append((calls.time.monotonic(), event))

        async def async_hook(event: RetryEvent) -> None:
            await asyncio.sleep(0)
            hook(event)

        await calls.run(on_retry=async_hook if asynchronous else hook)

        (at_first, first), (at_second, second) = heard
        assert (at_first, at_second) == (0.0, calls.sent[1].at)
        assert (first.attempt, first.status, first.failure, first.retry_after) == (1, 503, None, 2.0)
        assert (second.attempt, second.status, second.failure) == (2, None, "ConnectionReset")
        assert calls.sent[1].at >= first.delay  # the gate also spreads requests after a pause

    async def test_the_time_a_hook_takes_counts_as_waiting(self) -> None:
        calls = Calls([answer(503, "10"), OK])

        async def slow_hook(_: RetryEvent) -> None:
            await calls.time.sleep(9.0)

        await calls.run(on_retry=slow_hook, deadline=12.0)
        assert 10.0 <= calls.sent[1].at <= 11.0

    async def test_cancellation_during_the_wait_passes_through(self) -> None:
        calls = Calls([answer(503, "10")])

        async def cancelled(_: float) -> None:
            raise asyncio.CancelledError

        calls.time.sleep = cancelled  # type: ignore[method-assign, assignment]

        with pytest.raises(asyncio.CancelledError):
            await calls.run()

    async def test_an_exception_of_an_attempt_passes_through(self) -> None:
        class Broken(Calls):
            async def attempt(self, number: int, _: object) -> Result:
                raise ZeroDivisionError(number)

        with pytest.raises(ZeroDivisionError):
            await Broken([OK]).run()


class TestRunWhateverTheServerDoes:
    @given(scripts, st.integers(0, 6), seeds)
    def test_never_more_attempts_than_allowed(
        self, script: list[Result], max_retries: int, seed: int
    ) -> None:
        calls = Calls(script)
        finished = asyncio.run(calls.run(policy=RetryPolicy(max_retries=max_retries), seed=seed))
        assert finished.attempts == len(calls.sent) <= max_retries + 1

    @given(scripts, seeds, st.floats(0, 2))
    def test_never_earlier_than_retry_after(self, script: list[Result], seed: int, takes: float) -> None:
        calls = Calls(script, takes=takes)
        asyncio.run(calls.run(seed=seed))
        for before, ended, after in zip(calls.sent, calls.ended, calls.sent[1:], strict=False):
            headers = before.outcome.headers if isinstance(before.outcome, HttpResponse) else {}
            assert after.at - ended >= (parse_retry_after(headers, WALL) or 0.0) - 1e-9

    @given(scripts, seeds, st.floats(0, 60), st.floats(0, 2))
    def test_neither_an_attempt_nor_a_wait_passes_the_deadline(
        self, script: list[Result], seed: int, deadline: float, takes: float
    ) -> None:
        calls = Calls(script, takes=takes)
        asyncio.run(calls.run(seed=seed, deadline=deadline))
        assert all(sent.at < deadline for sent in calls.sent)
        assert calls.time.monotonic() <= max(0.0, deadline + takes)
        if not calls.sent:
            assert deadline == 0.0

    @given(scripts, seeds)
    def test_an_unsafe_operation_is_never_repeated_once_the_server_may_have_acted(
        self, script: list[Result], seed: int
    ) -> None:
        calls = Calls(script)
        asyncio.run(calls.run(replay=Replay.UNSAFE, seed=seed))
        for sent in calls.sent[:-1]:
            outcome = sent.outcome
            rejected = isinstance(outcome, HttpResponse) and outcome.status == 429
            unreached = isinstance(outcome, NoResponse) and not outcome.may_have_acted
            assert rejected or unreached

    @given(scripts, seeds)
    def test_without_a_hint_the_jitter_stays_in_its_bounds(self, script: list[Result], seed: int) -> None:
        events: list[RetryEvent] = []
        asyncio.run(Calls(script).run(on_retry=events.append, seed=seed))
        for event in events:
            if event.retry_after is None:
                assert 0.0 <= event.delay <= min(8.0, 0.5 * 2 ** (event.attempt - 1))

    @given(st.lists(scripts, min_size=1, max_size=8), seeds, st.integers(1, 4))
    def test_all_calls_together_keep_to_the_budget(
        self, calls_scripts: list[list[Result]], seed: int, capacity: int
    ) -> None:
        budget = RetryBudget(lambda: 0.0, capacity=capacity)
        paid = successes = 0
        for script in calls_scripts:
            events: list[RetryEvent] = []
            finished = asyncio.run(Calls(script).run(budget=budget, on_retry=events.append, seed=seed))
            successes += finished.stopped is StopReason.SUCCESS
            paid += sum(event.status != 429 for event in events)
        assert paid <= capacity + 0.2 * successes
