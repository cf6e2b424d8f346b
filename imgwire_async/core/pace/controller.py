"""Finding the rate that a service with unknown limits accepts, and staying just below it.

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
"""Requests per second to begin with."""
LOWEST_RATE: Final = 0.1
"""Requests per second below which no pace falls."""
BETA: Final = 0.85
"""What a 429 leaves of the rate."""
FIRST_DOUBLING: Final = 2.0
"""The rate doubles in this many seconds until the first 429."""
NEXT_DOUBLING: Final = 10.0
"""The same once the rate has long passed the ceiling of the last 429: the limit must have been raised."""
RECOVERY: Final = 20.0
"""The rate is back at its old ceiling after this many seconds, or 200 requests if that takes longer: probing
costs a few 429s, and must stay rare among the responses."""
RECOVERY_REQUESTS: Final = 200.0
BURST: Final = 0.05
"""The token bucket holds what the rate gives in this many seconds: a pause must not end in a burst."""
LEASE_HORIZON: Final = 0.25
"""Slots are given away for this many seconds ahead."""
FIRST_PAUSE: Final = 0.5
PAUSE_GROWTH: Final = 1.6
LONGEST_PAUSE: Final = 10.0
"""Seconds between probes while nothing is accepted: they grow by that factor up to the longest."""
LONGEST_HINT: Final = 60.0
"""The longest `Retry-After` that is obeyed, in seconds: one wrong hint must not stop a job for an hour."""
HINT_SPREAD: Final = 0.1
"""Pauses for a hint are lengthened by up to this share, so that clients do not return all at once."""
LONGEST_CLOSURE: Final = LONGEST_HINT * (1.0 + HINT_SPREAD)
PROBE_AFTER: Final = 2.0
"""After a hint of more than this many seconds a single request finds out whether the pause is over."""
IDLE_TOLERANCE: Final = 0.25
"""The rate counts as used in full when tokens were left over for at most this share of the time."""
PROBE_LIFE: Final = 30.0
"""After this many seconds without a response a probe is given up for lost."""
ACCEPTED_WINDOW: Final = 2.0
"""The accepted rate is that of this many seconds."""
FEWEST_ACCEPTED: Final = 20
"""With fewer in that window the rate since the last decrease is taken."""
ROUNDING: Final = 1e-6
"""So little may a token lack: a caller comes back exactly when `next_send` told it to."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Leave to send some requests."""

    generation: int
    """To be given back with the responses; larger for later leases."""
    delays: tuple[float, ...]
    """When to send each of them, in seconds from now."""


class _AcceptedRate:
    """How many requests per second were accepted in the last two seconds."""

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
        """None when there were too few to tell; their number is too coarse to be a rate then."""
        step = math.floor(now / self._STEP)
        self._forget(step)
        accepted = sum(count for _, count in self._counts)
        return accepted / (now - (step - 19) * self._STEP) if accepted >= FEWEST_ACCEPTED else None

    def _forget(self, step: int) -> None:
        while self._counts and self._counts[0][0] <= step - 20:
            self._counts.popleft()


class RateController:
    """Paces requests against a limit that nobody has told us.

    - The rate starts low and doubles every 2 s until the first 429. From then on it follows a cubic curve, as
      TCP CUBIC does: 15 % down, quickly back to near the old ceiling, slowly past it, then faster.
    - The responses to requests that were sent before a decrease say nothing about the rate after it: of one
      burst of 429s only the first counts.
    - The rate grows only while it is what holds requests back.
    - When nothing at all is accepted any more, as at the end of a quota per minute, one request at a time
      probes, at intervals of 0.5 s to 10 s. If that lasts, the rate is set to what was accepted since the
      last time this happened, which is the quota.
    - A hint (`Retry-After`) stops everybody until it has passed.

    Several processes share one controller with `lease` and `report`; a single one uses `next_send` too.

    Args:
        clock: monotonic clock in seconds.
        rng: source of randomness; keeps clients from moving in step.
        start_rate: requests per second to begin with. [A start of 10/s reaches 200/s in 9 s.]
        min_rate: the rate never falls below.
        max_rate: the rate never rises above.

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
        self._elapsed = 0.0  # seconds since the last lease, and for how many of them tokens were left over
        self._idle = 0.0
        self._closed_until = now

        self._generation = 0
        self._epoch_start = now
        self._epoch_generation = 1  # the first one that was granted after the last decrease
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
        """The present rate in requests per second."""
        return max(self._min_rate, min(self._rate, self._max_rate))

    @property
    def ceiling(self) -> float | None:
        """The rate at which the last 429 came, or None before the first; a later run may start from it."""
        return None if math.isinf(self._ceiling) else self._ceiling

    @property
    def closed_until(self) -> float:
        """Nothing may be sent before this instant of the clock."""
        return self._closed_until

    def next_send(self) -> float:
        """When the next request may be sent: an instant of the clock, now or earlier for at once.

        math.inf while a probe is on its way: its response decides.
        """
        now = self._advance()
        if self._probed_at is not None:
            return math.inf
        missing = 1.0 - self._tokens
        if missing <= ROUNDING:
            # Not `now`: the caller may compare with an instant that it read a moment ago.
            return self._closed_until
        return max(now, self._closed_until) + missing / self.rate

    def next_lease(self, count: int, *, horizon: float = LEASE_HORIZON) -> float:
        """When a lease would give `count` slots: an instant of the clock, now or earlier for at once.

        math.inf while a probe is on its way: its response decides. When a probe is due it takes one slot.
        """
        now = self._advance()
        if self._probed_at is not None:
            return math.inf
        missing = (1 if self._probing else count) - self._tokens - self.rate * horizon
        if missing <= ROUNDING:
            return self._closed_until
        return max(now, self._closed_until) + missing / self.rate

    def lease(self, count: int, *, horizon: float = LEASE_HORIZON) -> Lease:
        """Take permits to send up to `count` requests within `horizon` seconds from now.

        May give fewer, or none. A process that goes away with some of its slots unused costs these slots and
        nothing else.
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
        """Take back slots of a lease that were not used."""
        self._advance()
        if generation >= self._valid_generation:
            self._tokens += count
        # It may have been a probe.
        self.report(0, 0, None, generation)

    def report(
        self, ok: int, throttled: int, hint: float | None, generation: int, took: float | None = None
    ) -> int:
        """Tell what came of requests of one lease; in as many parts as convenient, 429s without delay.

        Args:
            ok: how many were accepted. A response that is an error of its own, such as 404, was accepted too.
                Requests that failed without a response are reported with 0 and 0.
            throttled: how many were answered 429, or 503 with a request to slow down.
            hint: the longest `Retry-After` among the latter in seconds, or None.
            generation: that of the lease.
            took: seconds that the service needed for the accepted ones; None for those since the lease.

        Returns:
            The oldest generation whose unused slots are still good: a pause voids those before it.
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
            # The hints of one burst end at the same time: spread once, not each further than the last.
            if now + pause > self._closed_until:
                self._close(now + pause * self._rng.uniform(1.0, 1.0 + HINT_SPREAD))
            self._probing = self._probing or hint > PROBE_AFTER
            # Short hints of requests that were sent earlier must not put off for ever what is judged.
            lasts = self._generation < self._epoch_generation or pause >= self._round_trip
            if is_judged or (lasts and (judged is not None or generation < self._epoch_generation)):
                self._begin_epoch(self._closed_until)

    def _slow_down(self, now: float) -> None:
        ceiling = self.rate
        if self._doubling is None and now - ACCEPTED_WINDOW >= self._disturbed_at:
            accepted = self._accepted.rate(now)
            if accepted is None and self._accepted_in_epoch >= FEWEST_ACCEPTED:
                # The mean since the last decrease lies below the limit, as the present rate lies above.
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
            # A new quota is untouched: begin at its rate, not below.
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
        self._tokens = 1.0  # no burst afterwards, and no debt for slots that are void now

    def _advance(self) -> float:
        """Bring the tokens up to now, which is returned."""
        now = self._clock()
        # A clock that went back must not turn a pause into an endless one.
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
        # With tokens left over, something else holds requests back, and the rate would grow unproved.
        return 0.0 if idle > IDLE_TOLERANCE * elapsed or self._probing else elapsed

    def _grow(self) -> None:
        """Let the rate grow by what it may since the last lease."""
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
