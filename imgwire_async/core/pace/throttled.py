"""Pacing of a previously unpaced class, from its first 429 until there have been none for a while."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Final

from imgwire_async.core.pace.adaptive import Ticket
from imgwire_async.core.pace.controller import (
    FIRST_DOUBLING,
    LONGEST_HINT,
    LOWEST_RATE,
    START_RATE,
    RateController,
)

ACCELERATION: Final = 100.0
"""Minimum growth of the rate after the first 429, in requests per second each second; from 290 on it doubles
every 2 s instead. With steady growth the rate exceeds any limit by at most a factor of two: the service's
bucket is empty at the start, and fills while little is sent."""
CATCHING_UP: Final = 4.0
"""The rate grows by this many times the estimate each second, if that is more."""
FIRST_RECOVERY: Final = 2.5
"""The rate returns to its ceiling this many seconds after the second 429, or 25 requests later if that takes
longer; twice that after the third, until the usual `controller.RECOVERY` is reached."""
FIRST_RECOVERY_REQUESTS: Final = 25.0
BUCKET_SHARE: Final = 0.8
"""Fraction of the requests accepted before the first 429 that came from the bucket's initial tokens."""
PAUSES_APART: Final = 15.0
"""Returning to the ceiling takes at least this many times the pause that a 429 asked for, so that pauses cost
at most a fifteenth of the time."""
FORGET_AFTER: Final = 60.0
"""Seconds without a 429 after which a class without waiting requests is no longer paced."""
UNPACED: Final = Ticket(0, 0.0)
"""The ticket of a request that was sent before its class was paced."""


class LastSecond:
    """Counts the responses of the last second."""

    __slots__ = ("_count", "_former", "_second")

    def __init__(self) -> None:
        self._second = 0
        self._count = self._former = 0

    def add(self, now: float) -> None:
        """Count one."""
        self._turn(int(now))
        self._count += 1

    def count(self, now: float) -> float:
        """Their number, assuming that responses of the previous full second were spread evenly over it."""
        self._turn(int(now))
        return self._count + self._former * (1.0 - now % 1.0)

    def _turn(self, second: int) -> None:
        if second != self._second:
            self._former = self._count if second == self._second + 1 else 0
            self._count, self._second = 0, second


class ThrottledController(RateController):
    """Finds the rate of a service that has just sent a 429, within seconds; `RateController` takes longer.

    The service's bucket is empty now. If it does not fill up before the next 429, the service accepts exactly
    its limit until then, so the mean rate is the limit. If it does fill up, it is full when the rate passes
    the limit, and the time that the excess takes to empty it reveals the limit. Each estimate is too low in
    the other case, so the ceiling is the higher one. Later 429s correct it.

    A bucket rarely holds more than its limit allows in a second. So half of the requests accepted in the
    second before the first 429 is an estimate of the limit, usually too low: the rate starts there.

    Args:
        clock: monotonic clock in seconds.
        rng: source of randomness.
        accepted: number of requests accepted in the second before the first 429.
        min_rate: lower bound of the rate.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        rng: random.Random,
        accepted: float = 0.0,
        min_rate: float = LOWEST_RATE,
    ) -> None:
        guess = accepted / 2.0
        super().__init__(clock=clock, rng=rng, start_rate=max(START_RATE, guess, min_rate), min_rate=min_rate)
        self._acceleration = max(ACCELERATION, CATCHING_UP * guess)
        self._tokens = 0.0
        self._accelerating = True
        self._recovery_factor = FIRST_RECOVERY / 2.0
        self._accepted_before = accepted
        self._pause_asked_for = 0.0
        self._rejected = 0, self._epoch_start  # the request with the 429: its generation, when sent
        self._rejected_in_epoch = 0

    def throttle(self, generation: int, hint: float | None, sent_at: float) -> None:
        """Record a 429 response to a request of a lease.

        Args:
            generation: the lease's generation.
            hint: seconds of its `Retry-After`, or None.
            sent_at: when the request was sent, as an instant of the clock.
        """
        self._rejected = generation, sent_at
        self.report(0, 1, hint, generation)

    def _grow(self) -> None:
        if not self._accelerating:
            super()._grow()
            return
        elapsed = self._used_time()
        doubling = self._rate * (2.0 ** (elapsed / FIRST_DOUBLING) - 1.0)
        self._rate = min(self._rate + max(self._acceleration * elapsed, doubling), self._max_rate)

    def _slow_down(self, now: float) -> None:
        if not self._accelerating:
            super()._slow_down(now)
            return
        generation, sent_at = self._rejected
        growth = max(self._acceleration, self.rate * math.log(2.0) / FIRST_DOUBLING)
        rate = max(self.rate / 2.0, self.rate - growth * (now - sent_at))
        # Responses to accepted requests are slower than 429s, so count the requests sent.
        accepted = generation - self._epoch_generation - self._rejected_in_epoch
        mean = accepted / max(sent_at - self._epoch_start, 1e-3)
        # While the rate grew from the limit to its last value, the excess emptied the bucket.
        from_full = rate - math.sqrt(2.0 * growth * BUCKET_SHARE * self._accepted_before)
        self._fall_from(min(max(mean, from_full, rate / 2.0), rate))
        self._begin_epoch(now)

    def _throttle(self, now: float, hint: float | None, generation: int) -> None:
        self._pause_asked_for = min(hint or 0.0, LONGEST_HINT)
        super()._throttle(now, hint, generation)
        self._rejected_in_epoch += generation >= self._epoch_generation

    def _accept(self, now: float, count: int, generation: int, took: float | None) -> None:
        super()._accept(now, count, generation, took)
        if self._accelerating and generation == UNPACED.generation:
            # Sent before there was a pacer, with a response slower than the 429s.
            self._accepted_before += count
            guess = self._accepted_before / 2.0
            self._rate = max(self._rate, guess)
            if self._pause_asked_for >= 1.0:
                self._acceleration = max(self._acceleration, CATCHING_UP * guess)

    def _begin_epoch(self, start: float) -> None:
        super()._begin_epoch(start)
        self._rejected_in_epoch = 0

    def _fall_from(self, ceiling: float) -> None:
        super()._fall_from(ceiling)
        self._accelerating = False
        self._recovery_factor *= 2.0
        requests = FIRST_RECOVERY_REQUESTS * self._recovery_factor / FIRST_RECOVERY
        shortest = max(
            self._recovery_factor, requests / self._ceiling, PAUSES_APART * self._pause_asked_for
        ) * self._rng.uniform(0.85, 1.15)
        self._recovery = min(self._recovery, shortest)


class ThrottledPacer:
    """A `Pacer` for a class whose number of requests in flight is limited elsewhere.

    Args:
        clock: monotonic clock in seconds.
        rng: source of randomness.
        accepted: number of requests accepted in the second before the first 429.
        min_rate: lower bound of the rate, in requests per second.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        rng: random.Random,
        accepted: float = 0.0,
        min_rate: float = LOWEST_RATE,
    ) -> None:
        self._clock = clock
        self._controller = ThrottledController(clock=clock, rng=rng, accepted=accepted, min_rate=min_rate)
        self._throttled_at = clock()

    @property
    def is_over(self) -> bool:
        """Whether the last 429 was long ago."""
        return self._clock() - self._throttled_at > FORGET_AFTER

    @property
    def ceiling(self) -> float | None:
        """The rate at which the last 429 was received, or None before the second one."""
        return self._controller.ceiling

    def next_send(self) -> float:
        """When the next request may be sent: an instant of the clock, or math.inf to wait for a response."""
        return self._controller.next_send()

    def begin(self) -> Ticket:
        """Record that a request is sent, at `next_send` or later."""
        return Ticket(self._controller.lease(1, horizon=0.0).generation, self._clock())

    def accepted(self, ticket: Ticket) -> None:
        """Record a response that does not ask to slow down, whatever its status."""
        took = None if ticket is UNPACED else self._clock() - ticket.sent_at
        self._controller.report(1, 0, None, ticket.generation, took)

    def throttled(self, ticket: Ticket, hint: float | None) -> None:
        """Record a 429 response, with its `Retry-After` in seconds, or None."""
        self._throttled_at = self._clock()
        self._controller.throttle(ticket.generation, hint, ticket.sent_at)

    def lend(self) -> None:
        """Do nothing: requests that wait for the caller's code are not counted here."""

    def take_back(self) -> None:
        """Do nothing; see `lend`."""

    def end(self, ticket: Ticket) -> None:
        """Record that a request is no longer in flight, with or without a response."""
        self._controller.report(0, 0, None, ticket.generation)
