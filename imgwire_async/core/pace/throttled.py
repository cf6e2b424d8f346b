"""The pace of a class of requests that had none, from its first 429 until it has been quiet for a while."""

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
"""Requests per second by which the rate grows at least each second after the first 429; from 290 on it
doubles every 2 s instead. Steady growth meets any limit at no more than twice its rate: the service's bucket
is empty when it begins, and fills with what is not sent at first."""
CATCHING_UP: Final = 4.0
"""The rate grows by this many times the guess each second, if that is more."""
FIRST_RECOVERY: Final = 2.5
"""The rate is back at its ceiling this many seconds after the second 429, or 25 requests later if that takes
longer; twice that after the third, until the usual `pacing.RECOVERY` is reached."""
FIRST_RECOVERY_REQUESTS: Final = 25.0
BUCKET_SHARE: Final = 0.8
"""Of what was accepted before the first 429 this part was in the bucket; the rest had flowed in meanwhile."""
PAUSES_APART: Final = 5.0
"""The rate is not back at its ceiling before this many times the pause that a 429 asked for."""
FORGET_AFTER: Final = 60.0
"""Seconds without a 429 after which requests that nobody has to wait for are paced no more."""
UNPACED: Final = Ticket(0, 0.0)
"""Of a request that was sent before there was a pace."""


class LastSecond:
    """How many responses came in the last second."""

    __slots__ = ("_count", "_former", "_second")

    def __init__(self) -> None:
        self._second = 0
        self._count = self._former = 0

    def add(self, now: float) -> None:
        """Count one."""
        self._turn(int(now))
        self._count += 1

    def count(self, now: float) -> float:
        """Their number; those of the whole second before are taken to be spread over it."""
        self._turn(int(now))
        return self._count + self._former * (1.0 - now % 1.0)

    def _turn(self, second: int) -> None:
        if second != self._second:
            self._former = self._count if second == self._second + 1 else 0
            self._count, self._second = 0, second


class ThrottledController(RateController):
    """Finds the rate of a service that has just answered 429, in seconds where `RateController` takes longer.

    The bucket of the service is empty now, so what it accepts until the next 429 is what its limit allows,
    if it keeps what is not used. If it keeps nothing, the rate at that 429 is the limit. The ceiling is set
    in the middle between both, and corrected by the 429s that follow.

    A bucket rarely holds more than its limit allows in a second. So half of what the service accepted in the
    second before the first 429 is a guess at the limit, mostly too low: the rate starts there.

    Args:
        clock: monotonic clock in seconds.
        rng: source of randomness.
        accepted: how many requests were accepted in the second before the first 429.
        min_rate: the rate never falls below.
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
        self._bucket: float | None = (
            None  # requests that the bucket held when the rate began to grow, if that is known
        )
        self._pause_asked_for = 0.0

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
        mean = self._accepted_in_epoch / max(now - self._epoch_start, 1e-3)
        ceiling = (self.rate + min(mean, self.rate)) / 2.0
        if self._bucket:
            # While the rate grew from the limit to what it is, the excess has emptied the bucket.
            growth = max(self._acceleration, self.rate * math.log(2.0) / FIRST_DOUBLING)
            ceiling = min(
                ceiling, max(START_RATE, self.rate - math.sqrt(2.0 * growth * BUCKET_SHARE * self._bucket))
            )
        self._fall_from(ceiling)
        self._begin_epoch(now)

    def _throttle(self, now: float, hint: float | None, generation: int) -> None:
        self._pause_asked_for = min(hint or 0.0, LONGEST_HINT)
        if self._pause_asked_for >= 1.0 and self._accelerating and not self._accepted_in_epoch:
            self._bucket = self._accepted_before  # full again after the pause
        super()._throttle(now, hint, generation)

    def _accept(self, now: float, count: int, generation: int, took: float | None) -> None:
        super()._accept(now, count, generation, took)
        if self._bucket is not None and self._accelerating and generation < self._epoch_generation:
            # Sent before the pause, and slower to be answered than the 429s: they count as accepted before.
            self._accepted_before += count
            self._bucket = self._accepted_before
            self._rate = max(self._rate, self._bucket / 2.0)
            self._acceleration = max(self._acceleration, CATCHING_UP * self._bucket / 2.0)

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
    """A `Pacer` for a class whose number of requests in flight is bounded otherwise.

    Args:
        clock: monotonic clock in seconds.
        rng: source of randomness.
        accepted: how many requests were accepted in the second before the first 429.
        min_rate: requests per second below which the pace never falls.
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
        """The rate at which the last 429 came, or None before the second one."""
        return self._controller.ceiling

    def next_send(self) -> float:
        """When the next request may go: an instant of the clock, or math.inf for after a response."""
        return self._controller.next_send()

    def begin(self) -> Ticket:
        """Let a request go, at `next_send` or later."""
        return Ticket(self._controller.lease(1, horizon=0.0).generation, self._clock())

    def accepted(self, ticket: Ticket) -> None:
        """Learn that a request was answered, with whatever status but a request to slow down."""
        took = None if ticket is UNPACED else self._clock() - ticket.sent_at
        self._controller.report(1, 0, None, ticket.generation, took)

    def throttled(self, ticket: Ticket, hint: float | None) -> None:
        """Learn that a request was answered 429, with the seconds of its `Retry-After` if it had one."""
        self._throttled_at = self._clock()
        self._controller.report(0, 1, hint, ticket.generation)

    def lend(self) -> None:
        """Learn that a request waits for code of the caller's own: nothing is counted here."""

    def take_back(self) -> None:
        """Learn that such a request goes on."""

    def end(self, ticket: Ticket) -> None:
        """Learn that a request is no longer in flight, whether or not it was answered."""
        self._controller.report(0, 0, None, ticket.generation)
