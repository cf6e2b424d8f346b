"""The gate in front of all requests of a client: limits concurrency and rate, and honours pauses.

All waiting happens here: it is counted, cancellable and fair, and never causes a pool timeout.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Final, Literal

import anyio
from anyio.lowlevel import checkpoint

from imgwire_async.core.concurrency.loops import current_loop, is_abandoned, is_closed
from imgwire_async.core.pace.adaptive import AdaptivePacer, Pacer
from imgwire_async.core.pace.controller import LOWEST_RATE, START_RATE
from imgwire_async.core.pace.limits import Name, RateLimit, Scope, TokenBucket, checked_limits, shared_bucket
from imgwire_async.core.pace.local_limits import within_descriptors
from imgwire_async.core.pace.permits import (
    LONGEST_CLOSURE,
    ROUNDING,
    Lane,
    LimitedTooLongError,
    Permit,
    Waiter,
)
from imgwire_async.core.pace.stats import GateStats
from imgwire_async.core.pace.throttled import ThrottledPacer
from imgwire_async.core.time import RealTime, Time
from imgwire_async.core.values.numbers import whole

LENT_AFTER: Final = 0.1
"""After this many seconds, the slot of a request that waits for the caller's code is lent to another."""

_AT_ONCE: Final = 8
"""Number of admissions before other tasks get a turn, so that a received 429 is read before more requests are
sent. A burst of 100 would otherwise be sent completely, however soon the first is rejected."""

LOWEST_SHARE: Final = 1 / 8
"""The fraction of a published limit that a client keeps even if it receives 429s."""

MOST_IN_FLIGHT: Final = 256
"""Maximum number of requests in flight with `concurrency="auto"`."""


_gates = itertools.count(1)


class Gate:
    """Admits requests: a concurrency limit, a rate for each class, and pauses that the server asked for.

    Requests of one class are admitted in the order of their arrival. A class that has to wait does not delay
    others: waiting requests do not count against the concurrency limit. There are no background tasks. A gate
    works on asyncio and trio, but on one event loop at a time.

    With `concurrency="auto"` every class has its own pace, found by probing; see `pace/adaptive.py`.
    Otherwise a class is paced from its first 429 until a minute without any; see `pace/throttled.py`.

    Args:
        concurrency: maximum number of requests in flight, all classes together, or "auto" to adapt to the
            rate the service accepts, with up to 256 in flight.
        rate_limits: rates of the classes with a stated limit.
        time: clock to read and to wait on; deadlines are instants of its monotonic clock. Default: real time.
        rng: source of randomness for the pace.
        start_rates: initial requests per second of each class with "auto": the `ceilings` of an earlier
            gate.
        scope: whose limits they are; gates with the same scope share them, and must read the same clock.
            None creates a separate scope.
        limits_are_published: whether the stated limits are published by the service. Then its 429s are due
            to others that share them, and no pace falls below an eighth of the stated limit.

    Raises:
        ValueError: `concurrency` is below 1, or `rate_limits` contains something other than a `RateLimit`.
    """

    def __init__(
        self,
        concurrency: int | Literal["auto"],
        *,
        rate_limits: Mapping[Name, RateLimit] | None = None,
        time: Time | None = None,
        rng: random.Random | None = None,
        start_rates: Mapping[str, float] | None = None,
        scope: Scope | None = None,
        limits_are_published: bool = False,
    ) -> None:
        if concurrency != "auto":
            concurrency = whole('concurrency, unless it is "auto",', concurrency, least=1)
        self.rate_limits: Mapping[str, RateLimit] = checked_limits(rate_limits or {})
        self.adaptive = concurrency == "auto"
        self.time = time or RealTime()
        self.clock = self.time.monotonic
        self._concurrency = within_descriptors(MOST_IN_FLIGHT if concurrency == "auto" else concurrency)
        self._rng = rng or random.Random()  # noqa: S311 - spreads requests, keeps no secret
        self._lanes: dict[str, Lane] = {}
        self._start_rates = start_rates or {}
        self.scope = Scope(f"gate {next(_gates)}") if scope is None else scope
        """Whose limits they are; pass it to another gate to share them."""
        self._limits_are_published = limits_are_published
        self.on_closure: Callable[[str, float], None] = lambda _class, _seconds: None
        """Called when a response has closed a class, with the number of seconds."""
        self._arrivals = itertools.count()
        self._loop: object = None
        self._in_flight: set[Permit] = set()
        self.idle: dict[Permit, float] = {}
        """Requests that wait for the caller's code, and since when."""
        self._lends = False  # whether any request ever waited for the caller's code
        self._returning = Lane("")  # requests that want their slot back, whatever their class
        self._queues = [self._returning]
        self._admitted = 0
        self._at_once = _AT_ONCE  # how many more are admitted in this turn of the event loop
        self._backing_off = 0  # requests that received a 429 and are not in a queue yet
        self._throttled_seconds = 0.0

    @property
    def concurrency(self) -> int:
        """Maximum number of requests in flight."""
        return self._concurrency

    def resize(self, concurrency: int) -> None:
        """Change the maximum number of requests in flight. Requests already in flight continue."""
        self._concurrency = concurrency
        self._dispatch()

    def stats(self) -> GateStats:
        """The counters at this moment."""
        return GateStats(
            in_flight=len(self._in_flight),
            waiting=self._backing_off + sum(len(lane.waiting) for lane in self._lanes.values()),
            admitted=self._admitted,
            throttled_seconds=self._throttled_seconds,
        )

    def ceilings(self) -> dict[str, float]:
        """The rate at which each class received its last 429, if it had one; only with "auto"."""
        found = {name: lane.pacer.ceiling for name, lane in self._lanes.items() if lane.pacer is not None}
        return {name: ceiling for name, ceiling in found.items() if ceiling is not None}

    def _lane(self, rate_class: str) -> Lane:
        lane = self._lanes.get(rate_class)
        if lane is None:
            pacer: Pacer | None = None
            if self.adaptive:
                pacer = AdaptivePacer(
                    clock=self.clock,
                    rng=self._rng,
                    limit=MOST_IN_FLIGHT,
                    start_rate=self._start_rates.get(rate_class, START_RATE),
                )
            lane = self._lanes[rate_class] = Lane(rate_class, self.bucket(rate_class), pacer)
            self._queues.append(lane)
        return lane

    def bucket(self, rate_class: str) -> TokenBucket | None:
        """The token bucket for the stated limit of a class; None if it has none."""
        limit = self.rate_limits.get(rate_class)
        return None if limit is None else shared_bucket(self.scope, rate_class, limit)

    def pace_with(self, rate_class: str, pacer: Pacer) -> None:
        """Replace the pacer of a class.

        Call `reconsider` whenever its schedule changes for any reason other than a response.
        """
        self._lane(rate_class).pacer = pacer

    def pacer_of(self, lane: Lane) -> Pacer:
        """The pacer of a class, created at its first 429 if there is none yet."""
        if lane.pacer is None:
            accepted, lowest = lane.accepted.count(self.clock()), LOWEST_RATE
            if lane.bucket is not None and self._limits_are_published:
                lowest = max(lowest, lane.bucket.rate * LOWEST_SHARE)
            lane.pacer = ThrottledPacer(clock=self.clock, rng=self._rng, accepted=accepted, min_rate=lowest)
        return lane.pacer

    def waiting(self, rate_class: str) -> int:
        """Number of requests of a class that wait to be admitted."""
        return len(self._lane(rate_class).waiting)

    def reconsider(self) -> None:
        """Admit all requests that may be sent now."""
        self._dispatch()

    def close(self, rate_class: str, until: float) -> None:
        """Do not admit requests of a class before the given instant.

        Further calls can only extend a closure; it lasts at most 60 s from now.

        Args:
            rate_class: the class to delay.
            until: instant of the gate's clock.
        """
        lane = self._lane(rate_class)
        lane.closed_until = max(lane.closed_until, min(until, self.clock() + LONGEST_CLOSURE))

    def admit(
        self,
        rate_class: str,
        *,
        deadline: float | None = None,
        patience: float = math.inf,
        not_before: float = -math.inf,
        longest_wait: float = math.inf,
    ) -> Permit:
        """Permission to send one request: entering it waits for a slot, exiting it ends the request.

        Args:
            rate_class: the class of the request.
            deadline: instant of the gate's clock by which the request must be admitted, or None.
            patience: the longest pause requested by the service that the request waits for, in seconds.
            not_before: instant of the gate's clock before which this request does not enter the queue,
                because its previous attempt received a 429.
            longest_wait: the longest that the request waits for a stated limit, in seconds; it is not sent
                if that takes longer.

        Raises:
            ClosedTooLongError: on entering, if such a pause lasts longer than `patience`.
            LimitedTooLongError: on entering, if a stated limit delays it for longer than `longest_wait`.
            AdmissionTimeoutError: on entering, if the deadline has passed, or will pass before the class
                opens again.
        """
        instant = math.inf if deadline is None else deadline
        return Permit(self, self._lane(rate_class), instant, patience, not_before, longest_wait)

    def enters_at_once(self, permit: Permit) -> bool:
        """Admit a `Permit` if it does not have to wait; return False if it has to `enter`."""
        self._note_loop()
        lane, now = permit.lane, self.clock()
        if lane.pacer is not None:
            lane.forget_pace()
        is_admitted = (
            self._at_once > 0
            and len(self._in_flight) < self._concurrency
            and permit.not_before <= now < permit.deadline
            and self._is_free(lane, now)
            and lane.take(now)
        )
        if is_admitted:
            self._admit(permit)
        return is_admitted

    async def enter(self, permit: Permit) -> None:
        """Wait until a `Permit` is admitted."""
        lane, deadline, arrived = permit.lane, permit.deadline, self.clock()
        if permit.not_before > arrived:
            await self._wait_until(permit.not_before, arrived)
            if self.enters_at_once(permit):
                return
            arrived = self.clock()
        gives_up = math.inf
        if lane.bucket is not None:
            if (wait := lane.bucket.wait(arrived)) > permit.longest_wait:
                raise LimitedTooLongError(lane.rate_class, wait)
            gives_up = arrived + permit.longest_wait + 2 * ROUNDING
        waiter = Waiter(next(self._arrivals), permit)
        try:
            while permit not in self._in_flight:
                permit.check(self.clock(), arrived)
                self._note_loop()
                lane.waiting[waiter] = None  # already there, unless another loop ran meanwhile
                self._dispatch()
                if waiter in lane.waiting:
                    await self._wait_for_turn(lane, waiter, min(deadline, gives_up))
        except BaseException:
            if waiter in lane.waiting:
                del lane.waiting[waiter]
                self._dispatch()
            else:
                self.leave(permit)
            raise
        finally:
            self._throttled_seconds += self.clock() - arrived

    async def _wait_until(self, instant: float, arrived: float) -> None:
        self._backing_off += 1
        try:
            await self.time.sleep(instant - arrived)
        finally:
            self._backing_off -= 1
            self._throttled_seconds += self.clock() - arrived

    def _admit(self, permit: Permit) -> None:
        self._in_flight.add(permit)
        if permit.is_lent:
            permit.end_loan()
            return
        self._admitted += 1
        self._at_once -= 1
        lane = permit.lane
        if lane.pacer is not None:
            permit.pacer, permit.ticket = lane.pacer, lane.pacer.begin()

    def _note_loop(self) -> None:
        """Take over from an event loop that no longer runs, and so will never end its pending requests."""
        loop = current_loop()
        if loop is self._loop:
            return
        former, self._loop = self._loop, loop
        if not is_abandoned(former):
            return
        self.idle.clear()
        for permit in tuple(self._in_flight):
            self._remove(permit)
        for lane in self._queues:
            lane.empty(wake=not is_closed(former))

    def _is_free(self, lane: Lane, now: float) -> bool:
        """Whether a request may be sent at once without overtaking another."""
        for other in self._queues:
            if other.waiting:
                return False
        return lane.opens_at() <= now

    async def _wait_for_turn(self, lane: Lane, waiter: Waiter, deadline: float) -> None:
        now = self.clock()
        waiter.wake = anyio.Event()
        waiter.wakes_at = deadline
        # Only the head of a queue waits for its class to open; `_dispatch` wakes the next one.
        opens_at = lane.opens_at() if waiter is lane.head else math.inf
        if opens_at <= now and len(self._in_flight) < self._concurrency:
            # It has opened since `_dispatch` checked, or other tasks should get a turn.
            if not self._at_once:
                await checkpoint()
                self._at_once = _AT_ONCE
            return
        if self._lends and waiter is lane.head and not now < opens_at < math.inf:
            with self.time.move_on_after(min(LENT_AFTER, deadline - now)):  # to check for idle requests
                await waiter.wake.wait()
        elif now < opens_at < math.inf:
            waiter.wakes_at = min(deadline, opens_at)
            await self.time.wait(waiter.wake, waiter.wakes_at - now)
        else:
            # Others have to end first, which is not a matter of time.
            with nullcontext() if deadline == math.inf else self.time.move_on_after(deadline - now):
                await waiter.wake.wait()
        self._at_once = self._at_once or _AT_ONCE

    def note_response(self) -> None:
        """Allow another request in this event loop iteration: a response other than a 429 was read."""
        if self._at_once < _AT_ONCE:
            self._at_once += 1

    def leave(self, permit: Permit) -> None:
        """End the request of a `Permit`."""
        self.idle.pop(permit, None)
        if permit.is_lent:
            permit.end_loan()
            permit.end_in_pacer()
            self._dispatch()
        elif permit in self._in_flight:
            self._remove(permit)
            self._dispatch()

    def lend(self, permit: Permit) -> None:
        """Record that a `Permit` is idle."""
        self.idle[permit] = self.clock()
        if not self._lends:
            self._lends = True
            for lane in self._queues:
                if lane.waiting:
                    lane.head.wake_up()

    async def reenter(self, permit: Permit) -> None:
        """Wait for a slot for a `Permit` whose slot was lent, ahead of all other requests."""
        lane, waiter = self._returning, Waiter(-1, permit)
        try:
            while permit.is_lent:
                self._note_loop()
                lane.waiting[waiter] = None
                self._dispatch()
                if waiter in lane.waiting:
                    await self._wait_for_turn(lane, waiter, math.inf)
        finally:
            if lane.waiting.pop(waiter, self) is None:
                self._dispatch()

    def _take_idle_slots(self, now: float) -> None:
        for permit, since in tuple(self.idle.items()):
            if now - since < LENT_AFTER - ROUNDING:
                break  # they are ordered by the time they became idle
            if permit in self._in_flight:
                self._in_flight.remove(permit)
                permit.begin_loan()

    def _remove(self, permit: Permit) -> None:
        self._in_flight.remove(permit)
        permit.end_in_pacer()

    def _dispatch(self) -> None:
        """Admit all requests that may be sent now, and wake each new head that has to wait for its time."""
        now = self.clock()
        waiting = [lane for lane in self._queues if lane.waiting]
        if not waiting or is_closed(self._loop):
            return
        if self._lends:
            self._take_idle_slots(now)
        while len(self._in_flight) < self._concurrency:
            ready = [lane for lane in waiting if lane.waiting and lane.opens_at() <= now]
            if not ready:
                break
            if not self._at_once:
                for lane in ready:
                    lane.head.wake_up()  # continue in the next iteration
                break
            lane = min(ready, key=lambda lane: lane.head.arrival)
            if lane.take(now):
                waiter = lane.pop_head()
                self._admit(waiter.permit)
                waiter.wake_up()
        for lane in waiting:
            if lane.waiting and now < lane.opens_at() < lane.head.wakes_at:
                lane.head.wake_up()
