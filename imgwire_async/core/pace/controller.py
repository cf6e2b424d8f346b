"""Finds the rate that a service with unknown limits accepts, and stays just below it.

`RateController` is a state machine with an injected clock and source of randomness; it neither waits nor
sends. One controller belongs to one limit of the service: an API key, an environment and a class of requests.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

START_RATE: Final = 10.0
"""Initial requests per second."""
LOWEST_RATE: Final = 0.1
"""The lowest rate of any pace, in requests per second."""
BETA: Final = 0.85
"""Factor by which a 429 reduces the rate."""
FIRST_DOUBLING: Final = 2.0
"""The rate doubles in this many seconds until the first 429."""
NEXT_DOUBLING: Final = 10.0
"""The same, once the rate is far above the ceiling of the last 429: the limit must have been raised."""
RECOVERY: Final = 20.0
"""The rate returns to its old ceiling after this many seconds, or 200 requests if that takes longer: probing
costs a few 429s, which must stay rare among the responses."""
RECOVERY_REQUESTS: Final = 200.0
BURST: Final = 0.05
"""Capacity of the token bucket, in seconds at the current rate: a pause must not end in a burst."""
LEASE_HORIZON: Final = 0.25
"""Slots are granted up to this many seconds ahead."""
FIRST_PAUSE: Final = 0.5
PAUSE_GROWTH: Final = 1.6
LONGEST_PAUSE: Final = 10.0
"""Seconds between probes while nothing is accepted: they grow by the factor up to this maximum."""
LONGEST_HINT: Final = 60.0
"""The longest `Retry-After` that is honoured, in seconds: one wrong hint must not stop a job for an hour."""
HINT_SPREAD: Final = 0.1
"""Pauses based on a hint are lengthened by up to this fraction, so that clients do not all resume at once."""
LONGEST_CLOSURE: Final = LONGEST_HINT * (1.0 + HINT_SPREAD)
PROBE_AFTER: Final = 2.0
"""After a hint of more than this many seconds, a single request probes whether the pause is over."""
IDLE_TOLERANCE: Final = 0.25
"""The rate counts as fully used if tokens were left over for at most this fraction of the time."""
PROBE_LIFE: Final = 30.0
"""A probe without a response counts as lost after this many seconds."""
ACCEPTED_WINDOW: Final = 2.0
"""The accepted rate is measured over this many seconds."""
FEWEST_ACCEPTED: Final = 20
"""With fewer accepted requests in that window, the rate since the last decrease is used."""
ROUNDING: Final = 1e-6
"""Tolerance for a missing fraction of a token: a caller returns exactly when `next_send` said."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Permission to send some requests."""

    generation: int
    """Pass it back when reporting responses; increases with every lease."""
    delays: tuple[float, ...]
    """When to send each request, in seconds from now."""


class _AcceptedRate:
    """Requests per second that were accepted in the last two seconds."""

    _STEP = ACCEPTED_WINDOW / 20

    def __init__(self) -> None:
        self._counts: deque[tuple[int, int]] = deque()

    def add(self, now: float, count: int) -> None:
        step = math.floor(now / self._STEP)
        if self._counts and self._counts[-1][0] == step:
            count += self._counts.pop()[1]
        self._counts.append((step, count))
        self._forget(step)

    def rate(self, now: float) -> float | None:
        """The rate; None if there were too few requests to calculate one."""
        step = math.floor(now / self._STEP)
        self._forget(step)
        accepted = sum(count for _, count in self._counts)
        return accepted / (now - (step - 19) * self._STEP) if accepted >= FEWEST_ACCEPTED else None

    def _forget(self, step: int) -> None:
        while self._counts and self._counts[0][0] <= step - 20:
            self._counts.popleft()


class RateController:
    """Paces requests against an unknown limit.

    - The rate starts low and doubles every 2 s until the first 429. From then on it follows a cubic curve, as
      TCP CUBIC does: 15 % down, quickly back to near the old ceiling, slowly past it, then faster.
    - Responses to requests sent before a decrease say nothing about the rate after it: only the first of a
      burst of 429s counts.
    - The rate grows only while it limits the requests.
    - When nothing is accepted any more, as at the end of a quota per minute, one request at a time probes, at
      intervals of 0.5 s to 10 s. If that lasts, the rate is set to the rate accepted since the last time this
      happened, which is the quota.
    - A hint (`Retry-After`) stops all requests until it has passed.

    Several processes share one controller with `lease` and `report`; a single process also uses `next_send`.

    Args:
        clock: monotonic clock in seconds.
        rng: source of randomness; keeps clients from synchronizing.
        start_rate: initial requests per second. [A start of 10/s reaches 200/s in 9 s.]
        min_rate: lower bound of the rate.
        max_rate: upper bound of the rate.

    Raises:
        ValueError: the rates are not in order.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        rng: random.Random,
        start_rate: float = START_RATE,
        min_rate: float = LOWEST_RATE,
        max_rate: float = math.inf,
    ) -> None:
        if not 0.0 < min_rate <= start_rate <= max_rate:
            raise ValueError(
                f"need 0 < min_rate <= start_rate <= max_rate, got {min_rate}, {start_rate}, {max_rate}"
            )
        now = clock()
        self._clock = clock
        self._rng = rng
        self._min_rate = min_rate
        self._max_rate = max_rate

        self._rate = start_rate
        self._ceiling = math.inf
        self._doubling: float | None = FIRST_DOUBLING
        self._recovery = RECOVERY
        self._recovered = 0.0  # seconds of growth since the last decrease

        self._tokens = 1.0
        self._updated = now
        self._elapsed = 0.0  # seconds since the last lease, and seconds of these with tokens left over
        self._idle = 0.0
        self._closed_until = now

        self._generation = 0
        self._epoch_start = now
        self._epoch_generation = 1  # the first one granted after the last decrease
        self._judged_generation: int | None = 1  # the first one whose 429s are not stale
        self._valid_generation = 1
        self._accepted_in_epoch = 0

        self._pauses = 0
        self._probing = False
        self._probed_at: float | None = None
        self._accepted_since_block = 0
        self._block_start = now

        self._timed: tuple[int, float] | None = None
        self._round_trip = 0.0
        self._accepted = _AcceptedRate()
        self._disturbed_at = now

    @property
    def rate(self) -> float:
        """The current rate, in requests per second."""
        return max(self._min_rate, min(self._rate, self._max_rate))

    @property
    def ceiling(self) -> float | None:
        """The rate at which the last 429 was received, or None; a later run may start from it."""
        return None if math.isinf(self._ceiling) else self._ceiling

    @property
    def closed_until(self) -> float:
        """Nothing may be sent before this instant of the clock."""
        return self._closed_until

    def next_send(self) -> float:
        """When the next request may be sent: an instant of the clock; now or earlier means at once.

        math.inf while a probe is in flight: its response decides.
        """
        now = self._advance()
        if self._probed_at is not None:
            return math.inf
        missing = 1.0 - self._tokens
        if missing <= ROUNDING:
            # Not `now`, because the caller may compare it with an instant read a moment ago.
            return self._closed_until
        return max(now, self._closed_until) + missing / self.rate

    def next_lease(self, count: int, *, horizon: float = LEASE_HORIZON) -> float:
        """When a lease could grant `count` slots: an instant of the clock; now or earlier means at once.

        math.inf while a probe is in flight: its response decides. When a probe is due it takes one slot.
        """
        now = self._advance()
        if self._probed_at is not None:
            return math.inf
        missing = (1 if self._probing else count) - self._tokens - self.rate * horizon
        if missing <= ROUNDING:
            return self._closed_until
        return max(now, self._closed_until) + missing / self.rate

    def lease(self, count: int, *, horizon: float = LEASE_HORIZON) -> Lease:
        """Take slots for up to `count` requests within `horizon` seconds from now.

        May grant fewer, or none. If a process exits with unused slots, only these slots are lost.
        """
        now = self._advance()
        if now < self._closed_until or self._probed_at is not None or count < 1:
            return Lease(self._generation, ())
        self._grow()
        rate = self.rate
        granted = min(count, math.floor(self._tokens + rate * horizon + ROUNDING))
        if self._probing:
            granted = min(granted, 1)
        if granted < 1:
            return Lease(self._generation, ())
        delays = tuple(max(0.0, (nth - self._tokens) / rate) for nth in range(1, granted + 1))
        self._tokens -= granted
        self._generation += 1
        if self._probing:
            self._probed_at = now
        if self._judged_generation is None and now >= self._epoch_start + self._round_trip:
            self._judged_generation = self._generation
        if self._timed is None:
            self._timed = (self._generation, now)
        return Lease(self._generation, delays)

    def give_back(self, count: int, generation: int) -> None:
        """Return unused slots of a lease."""
        self._advance()
        if generation >= self._valid_generation:
            self._tokens += count
        # It may have been a probe.
        self.report(0, 0, None, generation)

    def report(
        self, ok: int, throttled: int, hint: float | None, generation: int, took: float | None = None
    ) -> int:
        """Report the responses to requests of one lease, in any number of parts; report 429s without delay.

        Args:
            ok: number of accepted requests. Other errors, such as 404, count as accepted. Report requests
                that failed without a response with 0 and 0.
            throttled: number of 429 responses, and of 503 responses that ask to slow down.
            hint: the longest `Retry-After` of these, in seconds, or None.
            generation: the lease's generation.
            took: seconds that the service took for the accepted ones; None for the time since the lease.

        Returns:
            The oldest generation whose unused slots are still valid: a pause voids earlier ones.
        """
        now = self._advance()
        if generation >= self._epoch_generation:
            self._probed_at = None
        if ok:
            self._accept(now, ok, generation, took)
        if throttled:
            self._throttle(now, hint, generation)
        return self._valid_generation

    def _accept(self, now: float, count: int, generation: int, took: float | None) -> None:
        if self._timed is not None and generation >= self._timed[0]:
            if generation == self._timed[0]:
                sample = now - self._timed[1] if took is None else took
                self._round_trip += (sample - self._round_trip) * (0.25 if self._round_trip else 1.0)
            self._timed = None
        self._accepted.add(now, count)
        self._accepted_since_block += count
        if generation >= self._epoch_generation:
            self._accepted_in_epoch += count
            self._pauses = 0
            self._probing = False

    def _throttle(self, now: float, hint: float | None, generation: int) -> None:
        hinted = hint is not None and hint > 0.0
        judged = self._epoch_generation if self._probing else self._judged_generation
        is_judged = judged is not None and generation >= judged
        if is_judged:
            if not hinted and not self._accepted_in_epoch:
                self._pause(now)
            elif not self._probing:
                self._slow_down(now)
        if hint is not None and hinted:
            pause = min(hint, LONGEST_HINT)
            # The hints of one burst end at the same time: spread them once, not each one further.
            if now + pause > self._closed_until:
                self._close(now + pause * self._rng.uniform(1.0, 1.0 + HINT_SPREAD))
            self._probing = self._probing or hint > PROBE_AFTER
            # Short hints of earlier requests must not postpone the evaluation forever.
            lasts = self._generation < self._epoch_generation or pause >= self._round_trip
            if is_judged or (lasts and (judged is not None or generation < self._epoch_generation)):
                self._begin_epoch(self._closed_until)

    def _slow_down(self, now: float) -> None:
        ceiling = self.rate
        if self._doubling is None and now - ACCEPTED_WINDOW >= self._disturbed_at:
            accepted = self._accepted.rate(now)
            if accepted is None and self._accepted_in_epoch >= FEWEST_ACCEPTED:
                # The mean since the last decrease is below the limit; the current rate is above it.
                mean = self._accepted_in_epoch / max(ACCEPTED_WINDOW, now - self._epoch_start)
                accepted = (ceiling + mean) / 2
            ceiling = min(ceiling, accepted or ceiling)
        self._fall_from(ceiling)
        self._begin_epoch(now)

    def _pause(self, now: float) -> None:
        self._pauses += 1
        self._probing = True
        if self._pauses == 1:
            self._fall_from(self.rate)
        if self._pauses == 3:
            self._fall_from(self._accepted_since_block / max(now - self._block_start, 1.0))
            # A new quota is unused: start at its rate, not below.
            self._rate = self._ceiling
            self._recovered = self._recovery
            self._accepted_since_block = 0
            self._block_start = now
        # The exponent is bounded because a pause can last for days.
        pause = FIRST_PAUSE * PAUSE_GROWTH ** min(self._pauses - 1, 10) * self._rng.uniform(0.75, 1.25)
        self._close(now + min(pause, LONGEST_PAUSE))
        self._begin_epoch(self._closed_until)

    def _fall_from(self, ceiling: float) -> None:
        self._ceiling = min(max(ceiling, self._min_rate), self._max_rate)
        self._rate = BETA * self._ceiling
        self._doubling = None
        spread = self._rng.uniform(0.85, 1.15)
        self._recovery = max(RECOVERY, RECOVERY_REQUESTS / self._ceiling) * spread
        self._recovered = 0.0

    def _begin_epoch(self, start: float) -> None:
        self._epoch_start = start
        self._epoch_generation = self._generation + 1
        self._judged_generation = None
        self._accepted_in_epoch = 0
        self._probed_at = None

    def _close(self, until: float) -> None:
        self._closed_until = max(self._closed_until, until)
        self._disturbed_at = self._closed_until
        self._valid_generation = self._generation + 1
        self._tokens = 1.0  # no burst afterwards, and no debt for voided slots

    def _advance(self) -> float:
        """Update the tokens and return the current time."""
        now = self._clock()
        # A clock that goes backwards must not make a pause endless.
        self._closed_until = min(self._closed_until, now + LONGEST_CLOSURE)
        if self._probed_at is not None and not 0.0 <= now - self._probed_at <= PROBE_LIFE:
            self._probed_at = None
        elapsed = max(0.0, now - max(self._updated, self._closed_until))
        self._updated = now
        rate = self.rate
        depth = max(1.0, BURST * rate)
        filled = self._tokens + elapsed * rate
        self._tokens = min(depth, filled)
        self._elapsed += elapsed
        self._idle += max(0.0, filled - depth) / rate
        return now

    def _used_time(self) -> float:
        """Seconds since the last lease in which the rate may have grown."""
        elapsed, idle = self._elapsed, self._idle
        self._elapsed = self._idle = 0.0
        # With tokens left over, something else limits the requests, and the rate would grow untested.
        return 0.0 if idle > IDLE_TOLERANCE * elapsed or self._probing else elapsed

    def _grow(self) -> None:
        """Increase the rate for the time since the last lease."""
        elapsed = self._used_time()
        if not elapsed:
            return
        if self._doubling is not None:
            self._rate = min(self._rate * 2.0 ** (elapsed / self._doubling), self._max_rate)
            return
        self._recovered += elapsed
        progress = self._recovered / self._recovery
        self._rate = self._ceiling * (1.0 + (1.0 - BETA) * (progress - 1.0) ** 3)
        if progress > 3.0:
            self._doubling = NEXT_DOUBLING
