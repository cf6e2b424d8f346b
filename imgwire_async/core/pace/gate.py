"""The gate that every request of a client passes: how many at once, how fast, and not before when.

Waiting happens here, in the open: it is counted, cancellable and fair, and never shows up as a pool timeout.
"""

from __future__ import annotations

import itertools
import math
import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final, Literal, Self, TypeVar

import anyio

from imgwire_async.core.concurrency.loops import current_loop, is_abandoned, is_closed
from imgwire_async.core.local_limits import within_descriptors
from imgwire_async.core.numbers import is_positive, whole
from imgwire_async.core.operation import RateClass
from imgwire_async.core.pace.adaptive import AdaptivePacer, Pacer, Ticket
from imgwire_async.core.pace.controller import START_RATE
from imgwire_async.core.pace.throttled import UNPACED, ThrottledPacer
from imgwire_async.core.time import RealTime, Time

T = TypeVar("T")

UNHINTED_PAUSE: Final = 1.0
"""For how many seconds a 429 without `Retry-After` closes its class in processes that have not seen it: most
published limits are per second."""

LONGEST_CLOSURE: Final = 60.0
"""For how many seconds a class is closed at most: one wrong hint must not stop a client for an hour."""

_ROUNDING: Final = 1e-6
"""Seconds by which the end of a pause may be off."""

LENT_AFTER: Final = 0.1
"""After this many seconds a slot whose request waits for the caller's own code is lent to those who wait."""

MOST_IN_FLIGHT: Final = 256
"""With `concurrency="auto"` there are never more requests in flight than this."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `rate` requests per second in the long run, and at most `burst` of them at once.

    Raises:
        ValueError: `rate` is not a positive finite number, or `burst` is below 1.
    """

    rate: float
    """Requests per second; 60 per hour is `60 / 3600`."""
    burst: int = 1

    def __post_init__(self) -> None:
        if not is_positive(self.rate):
            raise ValueError(f"rate must be a positive number of requests per second, got {self.rate!r:.80}")
        object.__setattr__(self, "burst", whole("burst", self.burst, least=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class GateStats:
    """What a gate has done so far and is doing now."""

    in_flight: int
    """Requests that are admitted and have not ended."""
    waiting: int
    """Requests that wait to be admitted."""
    admitted: int
    """All requests ever admitted."""
    throttled_seconds: float
    """How long requests have waited in total, for whatever reason; those that still wait not counted."""


class AdmissionTimeoutError(Exception):
    """A request was not admitted before its deadline; it was not sent.

    Args:
        rate_class: the class of the request.
        waited: how long it has waited, in seconds.
        closed_for: for how many more seconds the class is closed because the server asked for a pause; 0
            when the request waited for others to end.
    """

    def __init__(self, rate_class: RateClass, waited: float, closed_for: float) -> None:
        super().__init__(rate_class, waited, closed_for)
        self.rate_class = rate_class
        self.waited = waited
        self.closed_for = closed_for

    def __str__(self) -> str:
        reason = (
            f"the server asked for a pause that lasts another {self.closed_for:.1f} s"
            if self.closed_for > 0
            else "too many requests are ahead of it"
        )
        return f"not sent: still waiting for its turn after {self.waited:.1f} s, because {reason}"


class ClosedTooLongError(Exception):
    """The service asked for a longer pause than the request may wait for; it was not sent.

    Args:
        rate_class: the class of the request.
        closed_for: seconds that are left of the pause.
    """

    def __init__(self, rate_class: RateClass, closed_for: float) -> None:
        super().__init__(rate_class, closed_for)
        self.rate_class = rate_class
        self.closed_for = closed_for

    def __str__(self) -> str:
        return f"not sent: the service asked for a pause that lasts another {self.closed_for:.1f} s"


class TokenBucket:
    """A token bucket, kept as the instant at which it will be full again: exact, with nothing to refill."""

    def __init__(self, limit: RateLimit) -> None:
        self._interval = 1.0 / limit.rate
        self._slack = (limit.burst - 1) * self._interval
        self._full_at = -math.inf

    def next_token(self) -> float:
        """The instant from which on a token can be taken."""
        return self._full_at - self._slack

    def take(self, now: float) -> None:
        """Take a token, at `next_token` or later."""
        self._full_at = max(now, self._full_at) + self._interval


class _Waiter:
    __slots__ = ("admission", "arrival", "wake", "wakes_at")

    def __init__(self, arrival: int, admission: Admission) -> None:
        self.arrival = arrival
        self.admission = admission
        self.wake: anyio.Event | None = None  # as long as it does not wait
        self.wakes_at = math.inf

    def wake_up(self) -> None:
        if self.wake is not None:
            self.wake.set()


class _Lane:
    """One class of requests: its queue and what holds it back."""

    def __init__(
        self, rate_class: RateClass, limit: RateLimit | None = None, pacer: Pacer | None = None
    ) -> None:
        self.rate_class = rate_class
        self.closed_until = -math.inf
        self.asked_until = -math.inf
        """End of the pause that the service asked for; for those who do not want to wait for it."""
        self.waiting: OrderedDict[_Waiter, None] = OrderedDict()
        self.pacer = pacer
        self._bucket = None if limit is None else TokenBucket(limit)

    @property
    def head(self) -> _Waiter:
        return next(iter(self.waiting))

    def opens_at(self) -> float:
        """The earliest instant at which the head of the queue may go, apart from the concurrency limit."""
        instant = self.closed_until
        if self._bucket is not None:
            instant = max(instant, self._bucket.next_token())
        if self.pacer is not None:
            instant = max(instant, self.pacer.next_send())
        return instant

    def take(self, now: float) -> None:
        """Take a token of the limit that is stated, if there is one."""
        if self._bucket is not None:
            self._bucket.take(now)

    def forget_pace(self) -> None:
        """Stop pacing when the last 429 was long ago and nobody has to wait, unless it is always paced."""
        if isinstance(self.pacer, ThrottledPacer) and self.pacer.is_over and not self.waiting:
            self.pacer = None

    def pop_head(self) -> _Waiter:
        waiter, _ = self.waiting.popitem(last=False)
        return waiter


class Admission:
    """A request's leave to be sent, and its way to tell the gate what came of it.

    Entering waits for the leave; until it is left, the request counts as in flight.
    """

    def __init__(self, gate: Gate, lane: _Lane, deadline: float, patience: float) -> None:
        self._gate = gate
        self.lane = lane
        self.deadline = deadline
        self.patience = patience
        self.pacer: Pacer | None = None
        self.ticket: Ticket | None = None
        self.is_lent = False
        """Whether somebody else has its slot meanwhile."""

    async def __aenter__(self) -> Self:
        await self._gate.enter(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gate.leave(self)

    def lend(self) -> None:
        """Say that the request now waits for the caller's own code, such as a hook or a slow source.

        If that takes long, others may have its slot meanwhile. `take_back` has to follow, unless the request
        ends.
        """
        self._gate.lend(self)

    async def take_back(self) -> None:
        """Say that the request goes on, and wait for a slot if its own is taken.

        The time in between does not count as the service's.
        """
        idle_since = self._gate.idle.pop(self, None)
        if idle_since is not None and self.ticket is not None:
            elsewhere = self._gate.clock() - idle_since
            self.ticket = Ticket(self.ticket.generation, self.ticket.sent_at + elsewhere)
        if self.is_lent:
            await self._gate.reenter(self)

    async def outside(self, work: Awaitable[T]) -> T:
        """Await work of the caller's own between `lend` and `take_back`."""
        self.lend()
        result = await work
        await self.take_back()
        return result

    def accepted(self) -> None:
        """Say that the server answered, with whatever status but a request to slow down.

        Only a pace learns from it. Nothing is said of a request that got no answer.
        """
        if self.lane.pacer is not None:
            self.lane.pacer.accepted(self._ticket_of(self.lane.pacer))

    def throttled(self, hint: float | None) -> None:
        """Say that the server answered 429 (or 503 with a request to slow down).

        Args:
            hint: seconds of the answer's `Retry-After`, or None.
        """
        if hint is not None:
            self._gate.note_pause(self.lane, hint)
        pacer = self._gate.pacer_of(self.lane)
        pacer.throttled(self._ticket_of(pacer), hint)
        if isinstance(pacer, ThrottledPacer):
            self._gate.on_closure(self.lane.rate_class, UNHINTED_PAUSE if hint is None else hint)

    def _ticket_of(self, pacer: Pacer) -> Ticket:
        # Sent before there was a pace, or under one that was forgotten.
        return self.ticket if self.pacer is pacer and self.ticket is not None else UNPACED


def _checked_limits(limits: Mapping[RateClass, RateLimit]) -> dict[RateClass, RateLimit]:
    if not isinstance(limits, Mapping):
        raise ValueError(f"rate_limits must map a RateClass to a RateLimit, got {limits!r:.80}")  # noqa: TRY004
    for rate_class, limit in limits.items():
        if rate_class not in tuple(RateClass):
            known = ", ".join(RateClass)
            raise ValueError(f"rate_limits knows no class {rate_class!r:.80}, only {known}")
        if not isinstance(limit, RateLimit):
            raise ValueError(f"the rate limit of {rate_class} must be a RateLimit, got {limit!r:.80}")  # noqa: TRY004
    return dict(limits)


class Gate:
    """Admits requests: a concurrency limit, a rate for each class, and pauses that the server asked for.

    Requests of one class are admitted in the order of their arrival. A class that has to wait holds up no
    other: it keeps no place of the concurrency limit while it waits. There are no background tasks, and a
    gate works on asyncio and trio alike, but on one event loop at a time.

    Imgwire publishes no rate limits, so there are none by default. A service that publishes some is imgix;
    its table, as of 2026, would be written down like this, with no burst above the stated number::

        rate_limits = {
            RateClass.READ: RateLimit(10),  # "get asset", 10 per second
            RateClass.CREATE: RateLimit(2),  # "upload v1", 2 per second
            RateClass.URL_INGEST: RateLimit(4),  # no row of its own: "default", 4 per second
            RateClass.WRITE: RateLimit(10 / 60),  # "refresh asset", 10 per minute
            RateClass.DELETE: RateLimit(10),  # "purge asset", 10 per second
        }

    With `concurrency="auto"` every class has a pace of its own, found by probing; see `core.pacing`.
    Otherwise a class gets one with its first 429 and loses it after a minute without any; see
    `core.throttled`.

    Args:
        concurrency: how many requests may be in flight at once, all classes together, or "auto" to find out
            from the service's answers how fast it takes them, with up to 256 in flight.
        rate_limits: rates of the classes that have one.
        time: clock to read and to wait on; deadlines are instants of its monotonic clock. Default: real time.
        rng: source of randomness of the pace.
        start_rates: requests per second that the "auto" pace of a class begins with: the `ceilings` of an
            earlier gate.

    Raises:
        ValueError: `concurrency` is below 1, or `rate_limits` holds something else than `RateLimit`s by
            `RateClass`.
    """

    def __init__(
        self,
        concurrency: int | Literal["auto"],
        *,
        rate_limits: Mapping[RateClass, RateLimit] | None = None,
        time: Time | None = None,
        rng: random.Random | None = None,
        start_rates: Mapping[RateClass, float] | None = None,
    ) -> None:
        if concurrency != "auto":
            concurrency = whole('concurrency, unless it is "auto",', concurrency, least=1)
        limits = _checked_limits(rate_limits or {})
        self.rate_limits: Mapping[RateClass, RateLimit] = limits
        self.adaptive = concurrency == "auto"
        self.time = time or RealTime()
        self.clock = self.time.monotonic
        self._concurrency = within_descriptors(MOST_IN_FLIGHT if concurrency == "auto" else concurrency)
        self._rng = rng or random.Random()  # noqa: S311 - spreads requests, keeps no secret
        self._lanes: dict[RateClass, _Lane] = {}
        for rate_class in RateClass:
            pacer: Pacer | None = None
            if concurrency == "auto":
                start_rate = (start_rates or {}).get(rate_class, START_RATE)
                pacer = AdaptivePacer(
                    clock=self.clock, rng=self._rng, limit=MOST_IN_FLIGHT, start_rate=start_rate
                )
            self._lanes[rate_class] = _Lane(rate_class, limits.get(rate_class), pacer)
        self.on_closure: Callable[[RateClass, float], None] = lambda _class, _seconds: None
        """Told when an answer has closed a class, and for how many seconds."""
        self._arrivals = itertools.count()
        self._loop: object = None
        self._in_flight: set[Admission] = set()
        self.idle: dict[Admission, float] = {}
        """Requests that wait for code that is not ours, and since when."""
        self._lends = False  # whether any request ever waited for code of the caller's
        self._returning = _Lane(RateClass.READ)  # who wants a slot back, whatever its class
        self._queues = (self._returning, *self._lanes.values())
        self._admitted = 0
        self._throttled_seconds = 0.0

    @property
    def concurrency(self) -> int:
        """How many requests may be in flight at once."""
        return self._concurrency

    def stats(self) -> GateStats:
        """The counters at this moment."""
        return GateStats(
            in_flight=len(self._in_flight),
            waiting=sum(len(lane.waiting) for lane in self._lanes.values()),
            admitted=self._admitted,
            throttled_seconds=self._throttled_seconds,
        )

    def ceilings(self) -> dict[RateClass, float]:
        """The rates at which the last 429 of each class came; only of classes that had one, with "auto"."""
        found = {name: lane.pacer.ceiling for name, lane in self._lanes.items() if lane.pacer is not None}
        return {name: ceiling for name, ceiling in found.items() if ceiling is not None}

    def pace_with(self, rate_class: RateClass, pacer: Pacer) -> None:
        """Have somebody else say when requests of a class may go.

        Whenever that changes otherwise than by an answer to a request, `reconsider` has to be called.
        """
        self._lanes[rate_class].pacer = pacer

    def pacer_of(self, lane: _Lane) -> Pacer:
        """The pace of a class, which begins with its first 429 if there is none yet."""
        if lane.pacer is None:
            lane.pacer = ThrottledPacer(clock=self.clock, rng=self._rng)
        return lane.pacer

    def waiting(self, rate_class: RateClass) -> int:
        """How many requests of a class wait to be admitted."""
        return len(self._lanes[rate_class].waiting)

    def reconsider(self) -> None:
        """Admit who may go now."""
        self._dispatch()

    def close(self, rate_class: RateClass, until: float) -> None:
        """Admit no request of a class before an instant.

        A closure is only ever extended, by another call, and lasts at most 60 s from now.

        Args:
            rate_class: the class to hold back.
            until: instant of the gate's clock.
        """
        lane = self._lanes[rate_class]
        lane.closed_until = max(lane.closed_until, min(until, self.clock() + LONGEST_CLOSURE))

    def note_pause(self, lane: _Lane, hint: float) -> None:
        """Send away who would not wait for a pause of this many seconds, which the service asked for."""
        now = self.clock()
        until = now + min(hint, LONGEST_CLOSURE)
        if until > lane.asked_until:
            lane.asked_until = until
            for waiter in lane.waiting:
                if waiter.admission.patience < until - now:
                    waiter.wake_up()

    def admit(
        self, rate_class: RateClass, *, deadline: float | None = None, patience: float = math.inf
    ) -> Admission:
        """Leave to send one request: entering it waits for its turn, leaving it ends the request.

        Args:
            rate_class: the class of the request.
            deadline: instant of the gate's clock by which the request must be admitted, or None.
            patience: seconds of a pause that the service asked for which the request waits at most.

        Raises:
            ClosedTooLongError: on entering, when such a pause lasts longer than `patience`.
            AdmissionTimeoutError: on entering, when the deadline has passed, or will have before the class
                opens again.
        """
        instant = math.inf if deadline is None else deadline
        return Admission(self, self._lanes[rate_class], instant, patience)

    async def enter(self, admission: Admission) -> None:
        """Wait for the turn of an `Admission`."""
        self._note_loop()
        lane, deadline, arrived = admission.lane, admission.deadline, self.clock()
        if lane.pacer is not None:
            lane.forget_pace()
        if len(self._in_flight) < self._concurrency and arrived < deadline and self._is_free(lane, arrived):
            self._admit(admission, arrived)
            return
        waiter = _Waiter(next(self._arrivals), admission)
        try:
            while admission not in self._in_flight:
                self._check_limits(admission, arrived)
                self._note_loop()
                lane.waiting[waiter] = None  # where it is already, unless another loop ran meanwhile
                self._dispatch()
                if waiter in lane.waiting:
                    await self._wait_for_turn(lane, waiter, deadline)
        except BaseException:
            if waiter in lane.waiting:
                del lane.waiting[waiter]
                self._dispatch()
            else:
                self.leave(admission)
            raise
        finally:
            self._throttled_seconds += self.clock() - arrived

    def _admit(self, admission: Admission, now: float) -> None:
        self._in_flight.add(admission)
        if admission.is_lent:
            self._give_back(admission)
            return
        self._admitted += 1
        lane = admission.lane
        lane.take(now)
        if lane.pacer is not None:
            admission.pacer, admission.ticket = lane.pacer, lane.pacer.begin()

    def _note_loop(self) -> None:
        """Take over from an event loop that no longer runs, and so never ends what it left pending."""
        loop = current_loop()
        if loop is self._loop:
            return
        former, self._loop = self._loop, loop
        if not is_abandoned(former):
            return
        self.idle.clear()
        for admission in tuple(self._in_flight):
            self._remove(admission)
        for lane in self._queues:
            waiting = tuple(lane.waiting)
            lane.waiting.clear()
            if not is_closed(former):
                for waiter in waiting:
                    waiter.wake_up()  # to get in line again if its loop is resumed

    def _is_free(self, lane: _Lane, now: float) -> bool:
        """Whether a request may go at once, and passes nobody by."""
        for other in self._queues:
            if other.waiting:
                return False
        return lane.opens_at() <= now

    def _check_limits(self, admission: Admission, arrived: float) -> None:
        now, lane = self.clock(), admission.lane
        opens_at = max(now, lane.closed_until, lane.asked_until)
        if opens_at >= admission.deadline:
            raise AdmissionTimeoutError(lane.rate_class, now - arrived, opens_at - now)
        if lane.asked_until - now > admission.patience + _ROUNDING:
            raise ClosedTooLongError(lane.rate_class, lane.asked_until - now)

    async def _wait_for_turn(self, lane: _Lane, waiter: _Waiter, deadline: float) -> None:
        now = self.clock()
        waiter.wake = anyio.Event()
        waiter.wakes_at = deadline
        # Only the head of a queue watches for the time when its class opens; `_dispatch` wakes the next one.
        opens_at = lane.opens_at() if waiter is lane.head else now
        if self._lends and waiter is lane.head and not now < opens_at < math.inf:
            with self.time.move_on_after(min(LENT_AFTER, deadline - now)):  # to see who is idle
                await waiter.wake.wait()
        elif now < opens_at < math.inf:
            waiter.wakes_at = min(deadline, opens_at)
            await self.time.wait(waiter.wake, waiter.wakes_at - now)
        else:
            # Others have to end first, which is no matter of time.
            with nullcontext() if deadline == math.inf else self.time.move_on_after(deadline - now):
                await waiter.wake.wait()

    def leave(self, admission: Admission) -> None:
        """End the request of an `Admission`."""
        self.idle.pop(admission, None)
        if admission.is_lent:
            self._give_back(admission)
            self._end_in_pacer(admission)
            self._dispatch()
        elif admission in self._in_flight:
            self._remove(admission)
            self._dispatch()

    def lend(self, admission: Admission) -> None:
        """Note that an `Admission` is idle."""
        self.idle[admission] = self.clock()
        if not self._lends:
            self._lends = True
            for lane in self._queues:
                if lane.waiting:
                    lane.head.wake_up()

    async def reenter(self, admission: Admission) -> None:
        """Wait for a slot of an `Admission` that was lent; before all others."""
        lane, waiter = self._returning, _Waiter(-1, admission)
        try:
            while admission.is_lent:
                self._note_loop()
                lane.waiting[waiter] = None
                self._dispatch()
                if waiter in lane.waiting:
                    await self._wait_for_turn(lane, waiter, math.inf)
        finally:
            if lane.waiting.pop(waiter, self) is None:
                self._dispatch()

    def _take_idle_slots(self, now: float) -> None:
        for admission, since in tuple(self.idle.items()):
            if now - since < LENT_AFTER - _ROUNDING:
                break  # in the order in which they became idle
            if admission in self._in_flight:
                self._in_flight.remove(admission)
                admission.is_lent = True
                if admission.pacer is not None:
                    admission.pacer.lend()

    def _give_back(self, admission: Admission) -> None:
        admission.is_lent = False
        if admission.pacer is not None:
            admission.pacer.take_back()

    def _remove(self, admission: Admission) -> None:
        self._in_flight.remove(admission)
        self._end_in_pacer(admission)

    @staticmethod
    def _end_in_pacer(admission: Admission) -> None:
        if admission.pacer is not None and admission.ticket is not None:
            admission.pacer.end(admission.ticket)

    def _dispatch(self) -> None:
        """Admit everybody who may go now, and wake every new head that must watch the time."""
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
            waiter = min(ready, key=lambda lane: lane.head.arrival).pop_head()
            self._admit(waiter.admission, now)
            waiter.wake_up()
        for lane in waiting:
            if lane.waiting and now < lane.opens_at() < lane.head.wakes_at:
                lane.head.wake_up()
